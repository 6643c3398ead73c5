"""What NVIDIA's racecheck, initcheck and memcheck look for, on Numba's simulator.

Run as a program, with NUMBA_ENABLE_CUDASIM=1: FILE of a program to watch, and its arguments. It
fails where two threads come to one element and one of them writes, with no barrier between them or
from two blocks; where shared memory is read that no thread has written; where an index is outside
of its array, or counts from its end; and where the threads of a block meet different numbers of
barriers.
"""

from __future__ import annotations

import runpy
import sys
import threading
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from microgrest.kernels.cuda.driver import simulator
from numba.cuda.simulator import kernel as simulated, kernelapi
from numba.cuda.simulator.cudadrv.devicearray import FakeWithinKernelCUDAArray as Global

Array = np.ndarray[Any, Any]
BlockThread: Any = simulated.BlockThread
queue, run, wait = simulator.launch, BlockThread.run, BlockThread.syncthreads
lock = threading.Lock()


class Visit(NamedTuple):
    """Who came to an element: block and thread, and how many barriers the thread had passed."""

    block: int
    thread: int
    barriers: int
    writing: bool

    def races(self, other: Visit) -> bool:
        """Whether the two may come in either order, and it matters."""
        same_step = self.barriers == other.barriers and self.thread != other.thread
        return (self.writing or other.writing) and (self.block != other.block or same_step)


class Launch:
    """The visits of a launch, by element, and how many barriers the threads of a block passed."""

    def __init__(self) -> None:
        self.visits: dict[Any, set[Visit]] = {}
        self.barriers: dict[int, set[int]] = {}


launch = Launch()


class Shared:
    """A shared array of one block."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.written: set[int] = set()

    def __getitem__(self, index: Any) -> Any:
        visit(self.array, index, False)
        assert int(index) in self.written, f"element {index} is read, and was never written"
        return self.array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        visit(self.array, index, True)
        self.written.add(int(index))
        self.array[index] = value


def here() -> Any:
    """This thread of the simulator's."""
    return threading.current_thread()


def visit(array: Array, index: Any, writing: bool) -> None:
    """Note that this thread comes to an element; AssertionError if it must not."""
    i, thread = int(index), here()
    assert 0 <= i < array.size, f"there is no element {i} of {array.size}"
    now = Visit(thread.blockIdx.x, thread.threadIdx.x, thread.barriers, writing)
    with lock:
        known = launch.visits.setdefault(array.ctypes.data + i * array.itemsize, set())
        assert not any(map(now.races, known)), f"element {i} of {array.size}: {now}, {known}"
        known.add(now)


def shared_array(self: Any, shape: int, dtype: Any, alignment: int | None = None) -> Shared:
    """The array of a line in the source and a block, to which the simulator gives that of others.

    All are kept to the end of the launch, so that none gets the addresses of another.
    """
    frame, block = sys._getframe(1), here().blockIdx.x
    with lock:
        made = Shared(np.empty(shape, dtype))
        found: Shared = self._allocations.setdefault((frame.f_lineno, frame.f_code, block), made)
    return found


def read(self: Any, index: Any) -> Any:
    """An element of an argument."""
    visit(self._item._ary, index, False)
    return self._item._ary[index]


def write(self: Any, index: Any, value: Any) -> None:
    """Set an element of an argument."""
    visit(self._item._ary, index, True)
    self._item._ary[index] = value


def run_thread(thread: Any) -> None:
    """A thread, from its start to its end."""
    thread.barriers = 0
    run(thread)
    with lock:
        launch.barriers.setdefault(thread.blockIdx.x, set()).add(thread.barriers)


def pass_barrier(thread: Any) -> None:
    """Wait for the other threads."""
    wait(thread)
    thread.barriers += 1


def watched(stream: Any, grid: tuple[int, int], kernel: Any, *arguments: Any) -> None:
    """As `simulator.launch`; AssertionError for what this module looks for."""
    global launch
    launch = Launch()
    with (
        patch.object(kernelapi.FakeCUDAShared, "array", shared_array),
        patch.multiple(Global, __getitem__=read, __setitem__=write),
        patch.multiple(BlockThread, run=run_thread, syncthreads=pass_barrier),
    ):
        queue(stream, grid, kernel, *arguments)
    numbers = launch.barriers.values()
    assert all(len(n) == 1 for n in numbers), f"threads of a block meet {numbers} barriers"


if __name__ == "__main__":
    simulator.launch = watched
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
