"""PyTorch's own operator samples, run in both libraries: values, gradients, second derivatives.

    python -m tests.torch_compare.operator_samples [NAME ...]

counts the operators of the two tiers that agree in every sample of every dtype, and says of each
other one what differs first. PyTorch's samples need its test module, which imports `expecttest`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import torch

import microgrest as mg
from tests.torch_compare.operator_tiers import ADAPTED, KNOWN, RANDOM, TIERS, TIES

DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")
# How far results may lie apart, as a part of the largest element beside 1. Samples are drawn at
# random, so that sums cancel, and functions are steep, by some digits.
CLOSE = {"float64": 1e-9, "float32": 1e-4}


class Case(NamedTuple):
    """A sample of an operator: what is given to it, in PyTorch's tensors."""

    op: Any
    dtype: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        """The sample in short: tensors by their shapes."""
        return f"{self.op.full_name} {self.dtype} {short(self.args)} {short(self.kwargs)}"


def short(value: Any) -> Any:
    """A value with its tensors as (dtype, shape)."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).partition('.')[2]}{list(value.shape)}"
    if isinstance(value, (tuple, list)):
        return [short(v) for v in value]
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    return value


def translated(value: Any) -> Any:
    """An argument in microgrest's types; a tensor keeps its strides, and its want of a gradient."""
    if isinstance(value, torch.Tensor):
        found = mg.from_numpy(np.array(value.detach().numpy(force=True), copy=None)).clone()
        if value.stride() != found.stride() and value.numel() and 0 not in value.stride():
            found = mg.empty_strided(value.shape, value.stride(), dtype=found.dtype).copy_(found)
        return found.requires_grad_(value.requires_grad) if value.requires_grad else found
    if isinstance(value, torch.nn.Module):
        return getattr(mg.nn, type(value).__name__)()
    if isinstance(value, torch.dtype):
        return getattr(mg, str(value).partition(".")[2])
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list, torch.Size):
        return (
            [translated(v) for v in value] if type(value) is list else tuple(map(translated, value))
        )
    if isinstance(value, dict):
        return {k: translated(v) for k, v in value.items()}
    return getattr(mg, str(value).rpartition(".")[2]) if isinstance(value, torch.layout) else value


def ours(op: Any) -> Callable[..., Any] | None:
    """The function of microgrest that an operator is, None where there is none."""
    for home in (mg, mg.Tensor):
        try:
            found = attrgetter(op.name)(home)
        except AttributeError:
            continue
        found = found.fget if isinstance(found, property) else found
        adapted = ADAPTED.get(op.full_name, ADAPTED.get(op.name))
        return adapted(found) if adapted else found
    return None


def cases(op: Any, dtype: str) -> Iterator[Case]:
    """The samples of an operator for a dtype, none where PyTorch does not take it."""
    wanted = getattr(torch, dtype)
    if wanted not in op.supported_dtypes("cpu"):
        return
    differentiable = wanted in op.supported_backward_dtypes("cpu") and op.supports_autograd
    torch.manual_seed(0)
    for sample in op.sample_inputs("cpu", wanted, requires_grad=differentiable):
        yield Case(op, dtype, (sample.input, *sample.args), sample.kwargs)


def flat(value: Any, kind: type) -> list[Any]:
    """All of a type within tuples, lists and dicts."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v, kind)]
    return []


def weights(t: Any) -> Any:
    """Numbers for the elements of a tensor, neither equal nor of one sign."""
    return (np.cos(np.arange(t.numel()) + 1.0)).reshape(tuple(t.shape))


def run(library: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Iterator[Any]:
    """The results of a call; their gradients; the gradients of those, where there are any."""
    results = function(*args, **kwargs)
    yield results
    inputs = [t for t in flat([args, kwargs], library.Tensor) if t.requires_grad and t.is_leaf]
    lead = flat(results, library.Tensor)
    for _ in range(2):
        lead = [t for t in lead if t is not None and t.requires_grad]
        if not lead or not inputs:
            return
        given = [library.as_tensor(weights(t)).to(t.dtype) for t in lead]
        lead = list(
            library.autograd.grad(lead, inputs, given, create_graph=True, allow_unused=True)
        )
        yield lead


def numbers(value: Any, like: Any = None) -> Any:
    """A result as arrays; a gradient that is not there as zeros."""
    if value is None and like is not None:
        return np.zeros_like(numbers(like))
    if isinstance(value, (torch.Tensor, mg.Tensor)):
        return value.detach().numpy(force=True)
    return value


def unlike(got: Any, want: Any) -> str:
    """What differs between two results, "" if nothing does."""
    if isinstance(want, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            return f"{type(got).__name__} for {type(want).__name__} of {len(want)}"
        return next(filter(None, map(unlike, got, want)), "")
    if want is None and got is None:
        return ""
    a, b = numbers(got, want), numbers(want, got)
    if isinstance(b, np.ndarray) and isinstance(a, np.ndarray):
        if a.dtype != b.dtype:
            return f"{a.dtype} for {b.dtype}"
        if a.shape != b.shape:
            return f"shape {a.shape} for {b.shape}"
        if a.dtype.kind != "f":
            return "" if np.array_equal(a, b) else f"{a.ravel()[:5]} for {b.ravel()[:5]}"
        size = np.abs(b[np.isfinite(b)]).max(initial=1.0)
        same = np.isclose(
            a, b, CLOSE.get(a.dtype.name, 1e-2), CLOSE.get(a.dtype.name, 1e-2) * size, True
        )
        return "" if same.all() else f"{a[~same][:3]} for {b[~same][:3]}"
    return "" if a == b or (a != a and b != b) else f"{a!r} for {b!r}"


def difference(case: Case) -> str:
    """What differs first in a sample, "" if nothing does."""
    function = ours(case.op)
    if function is None:
        return "absent"
    args, kwargs = translated(case.args), translated(case.kwargs)
    theirs = run(torch, case.op.op, case.args, case.kwargs)
    mine = run(mg, function, args, kwargs)
    for name in NAMES:
        try:
            want = next(theirs, None)
        except (RuntimeError, NotImplementedError):  # no derivative of this order
            return ""
        try:
            got = next(mine, None)
        except Exception as error:
            return f"{name}: {type(error).__name__}: {str(error)[:150]}"
        if want is None or (got is None and name == NAMES[2]):
            return ""
        if case.op.name in RANDOM:
            got, want = (
                [t.shape for t in flat(v, kind)]
                for v, kind in ((got, mg.Tensor), (want, torch.Tensor))
            )
            got, want = [*map(tuple, got)], [*map(tuple, want)]
            return "" if got == want else f"{name}: shapes {got} for {want}"
        if got is None:
            got = [None] * len(want)
        if case.op.name in TIES and isinstance(want, tuple):
            got, want = got[0], want[0]
        found = unlike(got, want)
        if found and not (case.dtype == "float32" and closer(case, name, got, want)):
            return f"{name}: {found}"
    return ""


NAMES = ("value", "gradient", "second derivative")


def closer(case: Case, name: str, got: Any, want: Any) -> bool:
    """Whether results are no further from those of float64 than PyTorch's of float32 are."""
    args, kwargs = wider(case.args), wider(case.kwargs)
    *_, exact = islice(run(torch, case.op.op, args, kwargs), NAMES.index(name) + 1)
    ours, theirs, right = flat(got, mg.Tensor), flat(want, torch.Tensor), flat(exact, torch.Tensor)
    return len(ours) == len(theirs) == len(right) and all(
        apart(a, c) <= 1.5 * apart(b, c) for a, b, c in zip(ours, theirs, right, strict=True)
    )


def apart(a: Any, b: Any) -> float:
    """How far two results lie apart."""
    return float(np.abs(numbers(a) - numbers(b)).max(initial=0))


def wider(value: Any) -> Any:
    """An argument with its float32 tensors, and dtypes, as float64."""
    if isinstance(value, torch.Tensor):
        wide = value.detach().double() if value.dtype is torch.float32 else value.detach()
        return wide.requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {k: wider(v) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(wider, value))
    return torch.float64 if value is torch.float32 else value


def operators(tier: int) -> list[Any]:
    """The operators of a tier that PyTorch has samples for."""
    from torch.testing._internal.common_methods_invocations import op_db

    return [op for op in op_db if op.name in TIERS[tier]]


def differences(op: Any) -> Iterator[tuple[Case, str]]:
    """Every sample of an operator, with what differs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype in DTYPES:
            for case in cases(op, dtype):
                if "sparse" in str(case.kwargs) or any(
                    t.is_complex() or t.dtype is torch.bfloat16
                    for t in flat(case[2:], torch.Tensor)
                ):
                    continue
                yield case, difference(case)


def main(names: Iterable[str]) -> None:
    """Count, and print what differs."""
    for tier in TIERS:
        agree = passed = total = 0
        chosen = [op for op in operators(tier) if not names or op.name in names]
        for op in chosen:
            found = list(differences(op))
            wrong = [(case, text) for case, text in found if text]
            total, passed = total + len(found), passed + len(found) - len(wrong)
            agree += not wrong
            for case, text in wrong[: 40 if names else 2]:
                reason = KNOWN.get(op.full_name, KNOWN.get(op.name, ""))
                print(f"{len(wrong)}/{len(found)} {case}\n    {text} {reason}", flush=True)
        print(f"tier {tier}: {agree} of {len(chosen)} operators, {passed} of {total} samples")


if __name__ == "__main__":
    main(sys.argv[1:])
