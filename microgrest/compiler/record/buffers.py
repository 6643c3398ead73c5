"""Which buffer of a Trace an array is part of, found by its address.

What the recorder meets is arrays: on the CPU NumPy's, on a GPU spans. Each lies in a region: memory
that a tensor had before the step (`know`), that the step made (`make`), or, where neither knows of
it, memory that deeper code holds. Regions keep their arrays alive, so that no address is used twice
while a step is recorded. A region becomes a buffer when an op meets it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np

from ...kernels.steps.trace import INPUT, TEMPORARY, Buffer

UNNAMED = "memory of Python"


class Region:
    """Memory from address `start` to `stop`, all of `array`; `index` of its buffer, if it is one.

    `made` says that it came into being in the step.
    """

    __slots__ = ("array", "index", "made", "name", "start", "stop")

    def __init__(self, array: Any, name: str, made: bool) -> None:
        self.array, self.name, self.made = array, name, made
        self.start = address(array)
        self.stop = self.start + array.size * array.dtype.itemsize
        self.index: int | None = None


class Buffers:
    """The regions by address, and the `buffers` that some of them became.

    RuntimeError where memories overlap but neither holds the other, or, if `lenient`, `overlaps`
    says so: then the buffers are good for nothing.
    """

    def __init__(self, lenient: bool = False) -> None:
        self.lenient, self.overlaps = lenient, False
        self.buffers: list[Buffer] = []
        self.regions: list[Region] = []  # that of each buffer
        self.made: list[Region] = []
        self._starts: list[int] = []
        self._sorted: list[Region] = []

    def know(self, array: Any, name: str) -> None:
        """Memory of a tensor called `name`, from before the step."""
        if array.size:
            self._add(Region(array, name, made=False))

    def make(self, array: Any) -> None:
        """Memory that the step made."""
        region = Region(array, "", made=True)
        self.made.append(region)
        if array.size:
            self._add(region)

    def region_of(self, array: Any) -> Region:
        """The region that `array` lies in; RuntimeError where it lies in several."""
        start, stop = address(array), address(array) + array.size * array.dtype.itemsize
        found = self._around(start, stop)
        if found is None:
            whole = Region(_owner(array), UNNAMED, made=False)
            found = whole if self._is_apart(whole) else Region(array, whole.name, made=False)
            self._add(found)
        return found

    def unnamed(self) -> list[Any]:
        """The memories that the step uses and that belong to no tensor from before it."""
        return [region.array for region in self._sorted if region.name == UNNAMED]

    def arrays(self) -> list[Any]:
        """The memories that are known."""
        return [region.array for region in self._sorted]

    def locate(self, array: Any) -> tuple[int, int]:
        """The buffer that `array` is part of, and where in it the array begins, in elements."""
        if not array.size:
            return self._become(Region(array, "nothing", made=True)), 0
        region = self.region_of(array)
        if region.array.dtype != array.dtype:
            raise RuntimeError(
                f"{region.name or 'a tensor'} is read as {array.dtype} and as "
                f"{region.array.dtype}: a compiled step sees memory as one type only"
            )
        if region.index is None:
            region.index = self._become(region)
        return region.index, (address(array) - region.start) // array.dtype.itemsize

    def add(self, buffer: Buffer, region: Region | None = None) -> int:
        """Enter a buffer, by default one that no array stands for; its number."""
        self.buffers.append(buffer)
        self.regions.append(region)  # type: ignore[arg-type]
        return len(self.buffers) - 1

    def _become(self, region: Region) -> int:
        role = TEMPORARY if region.made else INPUT
        array = region.array
        return self.add(Buffer(array.dtype.name, array.size, role, region.name), region)

    def _around(self, start: int, stop: int) -> Region | None:
        """The region that holds all from `start` to `stop`, if there is one."""
        at = bisect_right(self._starts, start) - 1
        found = self._sorted[at] if at >= 0 else None
        return found if found is not None and stop <= found.stop else None

    def _is_apart(self, region: Region) -> bool:
        at = bisect_right(self._starts, region.start)
        before = at == 0 or self._sorted[at - 1].stop <= region.start
        return before and (at == len(self._sorted) or region.stop <= self._sorted[at].start)

    def _add(self, region: Region) -> None:
        """Enter a region; one that lies in another is that one's, as views of one memory are."""
        if self._around(region.start, region.stop) is not None:
            return
        at = bisect_right(self._starts, region.start - 1)
        last = at
        while last < len(self._sorted) and self._sorted[last].start < region.stop:
            inside = self._sorted[last]
            if inside.stop > region.stop or inside.index is not None:
                return self._clash(inside, region)
            last += 1
        if at and self._sorted[at - 1].stop > region.start:
            return self._clash(self._sorted[at - 1], region)
        self._sorted[at:last], self._starts[at:last] = [region], [region.start]

    def _clash(self, a: Region, b: Region) -> None:
        if not self.lenient:
            raise _overlapping(a, b)
        self.overlaps = True


def _overlapping(a: Region, b: Region) -> RuntimeError:
    return RuntimeError(
        f"{a.name or 'a tensor'} and {b.name or 'another'} share a part of their memory, which a "
        "compiled step cannot follow: make them views of one tensor, or clone() one of them"
    )


def address(array: Any) -> int:
    """Where the first element is."""
    if isinstance(array, np.ndarray):
        return int(array.__array_interface__["data"][0])
    return int(array.ptr)


def _owner(array: Any) -> Any:
    """The array over all of the memory that `array` is a part of, in the same type."""
    while True:
        above = array.base if isinstance(array, np.ndarray) else getattr(array, "source", None)
        flat = getattr(above, "ndim", 1) == 1 and hasattr(above, "size")
        if not flat or getattr(above, "dtype", None) != array.dtype:
            return array
        if isinstance(above, np.ndarray) and not above.flags.c_contiguous:
            return array
        if not isinstance(above, type(array)):  # the simulator's memory of a GPU lies in the host's
            return array
        array = above
