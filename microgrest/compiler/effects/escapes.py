"""Tensors of a step that something keeps: its result and gradients may, and nothing else.

An optimizer or a module may, too, whose state comes into being. For all else there is an error,
which says who keeps what, and what to do instead.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from types import CellType

from ...tensor import Tensor
from ...tensor.storage import Storage
from ..reach import AttributesOf, Found, objects_reached
from ..record import Recorder, Region
from .fresh_tensors import FreshTensors
from .tensors_before import TensorsBefore, places


def nothing_escapes(before: TensorsBefore, recorder: Recorder, fresh: FreshTensors) -> bool:
    """Whether nothing but the step's result keeps a tensor that the step made.

    An optimizer or a module may, whose state came into being; RuntimeError if something else does.
    """
    found = _kept(recorder, fresh)
    if found:
        gc.collect()  # graphs that refer to themselves
        found = _kept(recorder, fresh)
    if not found:
        return True
    arrays = {id(region.array) for region in found}
    now = objects_reached(before.fn, before.args, before.kwargs)
    held = [found for found in now if isinstance(found.value, Tensor)]
    if any(id(place.value._storage.array) in arrays for place in places(held)):
        return False
    lines = [recorder.lines[r.index] for r in found if r.index in recorder.lines]
    where = f" at {lines[0]}" if lines else ""
    who, remedy = _keeper(found, held, before)
    raise RuntimeError(f"a tensor made in the step{where} is kept {who}: {remedy}")


def _kept(recorder: Recorder, fresh: FreshTensors) -> list[Region]:
    """The regions that storages refer to besides those of fresh tensors."""
    # A region holds its array, and getrefcount's own argument counts.
    suspects = [r for r in recorder.memory.made if sys.getrefcount(r.array) > 2]
    if not suspects:
        return []
    arrays = {id(s.array) for s in _storages(suspects) if id(s) not in fresh.own}
    return [r for r in suspects if id(r.array) in arrays]


def _storages(regions: Sequence[Region]) -> list[Storage]:
    referrers = gc.get_referrers(*[r.array for r in regions])
    return [s for s in referrers if isinstance(s, Storage)]


# Who keeps it


def _keeper(
    regions: Sequence[Region], held: Sequence[Found], before: TensorsBefore
) -> tuple[str, str]:
    """Who keeps a tensor over one of the regions, and what to do instead."""
    arrays = {id(region.array) for region in regions}
    for found in held:
        if id(found.value._storage.array) in arrays:
            return _place(found, before)
    tensors = [t for t in gc.get_referrers(*_storages(regions)) if isinstance(t, Tensor)]
    if any(
        isinstance(owner, Tensor) and any(owner._grad is t for t in tensors)
        for owner in gc.get_referrers(*tensors)
    ):
        return (
            "as the gradient of a tensor that the step does not name",
            "name the model, or its optimizer, in the step itself",
        )
    return (
        "by something else than the step's result",
        "return it, or write in place, x.copy_(...), to a tensor from before the step",
    )


def _place(found: Found, before: TensorsBefore) -> tuple[str, str]:
    """A place that the step's code names, in words."""
    path, was = found.path, _stood(found, before)
    where = f"in the variable {path}" if isinstance(found.holder, CellType) else f"as {path}"
    if was is None:
        return where, "return it, for a compiled step makes no tensors but those"
    if was._shape == found.value._shape and was._kind is found.value._kind:
        advice = f"write in place, {path}.copy_(...), or keep it as a buffer of a module"
        if was._requires_grad:
            advice = f"write in place, inside torch.no_grad(), as in {path}.sub_(...)"
        return where, advice
    return where, "return it, or make it a tensor of one shape before, and write in place"


def _stood(found: Found, before: TensorsBefore) -> Tensor | None:
    """The tensor that stood in a place before the step."""
    for old in before.found:
        if old.path == found.path and isinstance(old.value, Tensor):
            return old.value if _same_holder(old, found) else None
    return None


def _same_holder(a: Found, b: Found) -> bool:
    if isinstance(a.holder, AttributesOf) and isinstance(b.holder, AttributesOf):
        return a.holder.owner is b.holder.owner
    return a.holder is b.holder
