"""Where the threads of a block have to wait for one another.

Every stretch of code says which arrays it reads and writes, shared ones too, before it is written
down. A barrier goes in where it would meet what another thread left or still reads since the last
one. Stretches in which each thread keeps to the same elements of an array, `own`, need none.
"""

from __future__ import annotations

from collections.abc import Iterable

# An array's name, and which of its elements are a thread's own: those from there on at distances
# of a block. None: any thread may come to any element.
Access = tuple[str, int | None]
BARRIER = "cuda.syncthreads()"


class Hazards:
    """What was read and written since the last barrier."""

    def __init__(self) -> None:
        self.read: set[Access] = set()
        self.written: set[Access] = set()

    def before(self, reads: Iterable[Access] = (), writes: Iterable[Access] = ()) -> list[str]:
        """A barrier, if one has to stand before code that does this."""
        reads, writes = set(reads), set(writes)
        meets = _clash(writes, self.written) or _clash(writes, self.read)
        if meets or _clash(reads, self.written):
            self.read, self.written = set(), set()
            lines = [BARRIER]
        else:
            lines = []
        self.read |= reads
        self.written |= writes
        return lines

    def join(self, other: Hazards) -> None:
        """Code that may come after either of two others."""
        self.read |= other.read
        self.written |= other.written


def _clash(some: set[Access], others: set[Access]) -> bool:
    """Whether two threads may come to one element."""
    return any(
        name == other and (own is None or own != its) for name, own in some for other, its in others
    )
