"""The tensors that every call of a recording makes: results and gradients.

Eager execution makes new gradients in each step. Where nobody has come to hold those of the last
call, the same tensors serve again, and nobody can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from ...tensor import wrap
from ..effects import Leaf


class Output:
    """A tensor that every call makes: a part of the result, a gradient of tensor `owner`, or both.

    It is over the array at `position`, of `size` elements that `empty` gives, or over the storage
    of an earlier one, its `twin`. A gradient with memory of its own may serve again: it is the one
    at place `kept` in a ReusedGradients.
    """

    __slots__ = ("empty", "kept", "leaf", "owner", "position", "size", "twin")

    def __init__(self, leaf: Leaf | None, owner: Any) -> None:
        self.leaf, self.owner = leaf, owner
        self.twin: int | None = None
        self.kept: int | None = None
        self.position: Any = None
        self.size = 0
        self.empty: Any = None

    @property
    def is_whole(self) -> bool:
        """Whether the tensor is over all of its memory."""
        leaf = self.leaf
        return leaf is not None and self.position is not None and leaf.is_whole(self.size)


class ReusedGradients:
    """The gradients of the last call that may serve again, each the latest of one of `made`.

    Their arrays are in `template`, the list with which calls begin.
    """

    def __init__(self, made: Sequence[Output], template: list[Any]) -> None:
        self.made, self.template = made, template
        # Of each the tensor, its storage and its array, since someone may hold any of the three.
        self._parts: list[Any] = [None] * (3 * len(made))
        self._alone = len(made) * ALONE[0]
        for i, m in enumerate(made):
            m.kept = i

    def __getitem__(self, i: int) -> Any:
        """The gradient at place `i`; None where there is none that serves again."""
        return self._parts[3 * i]

    def __setitem__(self, i: int, t: Any) -> None:
        parts = (None, None, None) if t is None else (t, t._storage, t._flat)
        self._parts[3 * i : 3 * i + 3] = parts

    def serve(self) -> bool:
        """Whether nobody holds any of them, if all are still their owners'."""
        return references(self._parts) == self._alone

    def choose(self, tensors: Sequence[Any]) -> bool:
        """Get new memory for those that cannot serve again; whether all can."""
        all_serve = True
        for i, m in enumerate(self.made):
            own = tensors[m.owner]._grad is self[i]
            if not own or references(self._parts[3 * i : 3 * i + 3]) != ALONE[1]:
                self[i], all_serve = None, False
                self.template[m.position] = m.empty(m.size)
        return all_serve


def references(parts: Sequence[Any]) -> int:
    """How many references to them there are."""
    return sum(map(getrefcount, parts))


def _count_alone() -> tuple[int, int]:
    """References to the parts of a gradient that only its owner and a ReusedGradients have.

    Counted in the list of parts, and in a slice of it.
    """
    owner = [wrap(np.empty(1), (1,), (1,), None)]  # type: ignore[arg-type]
    template = [owner[0]._flat]
    parts = [owner[0], owner[0]._storage, template[0]]
    return references(parts), references(parts[0:3])


ALONE = _count_alone()
