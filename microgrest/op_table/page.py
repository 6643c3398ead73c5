"""docs/ops.md, what every op can do.

The names are those that the library's namespaces hold. What stands beside a name was found by a
call of it on small tensors, of every dtype, with derivatives, with `out=`, and in a compiled step.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import microgrest as mg

from ..kernels.cpu import kinds
from ..kernels.source.kind import Kind
from ..tensor.methods import Methods
from ..types.dtypes import dtype
from .trials import OPTIONS, Make, trials

PAGE = Path(__file__).parents[2] / "docs" / "ops.md"
# Where functions of tensors are found, by the names that users write before theirs.
HOMES = {"": mg, "special": mg.special, "linalg": mg.linalg, "nn.functional": mg.nn.functional}
# The rooms whose functions are ops, and modules there that are about something else.
ROOMS = ("dispatch", "functions", "linalg", "nn", "ops", "special")
OTHERS = ("microgrest.functions.queries", "microgrest.functions.checked")
HELPERS = ("call", "check_number", "into", "broadcast_shapes", "multi_head_attention_forward")
# Those that raise by name, whatever they are given.
ABSENT = ("eig", "eigvals", "imag", "view_as_real")
# How an op says that it does not take what it is given; any other error in a trial is a fault.
REFUSALS = (RuntimeError, ValueError, OverflowError)
GROUPS = {
    "float": (mg.float16, mg.float32, mg.float64),
    "int": (mg.uint8, mg.int8, mg.int16, mg.int32, mg.int64),
    "bool": (mg.bool,),
}
DTYPES = tuple(d for group in GROUPS.values() for d in group)
HEAD = """\
# What every op can do

Written by `NUMBA_DISABLE_JIT=1 python -m microgrest.op_table`, which calls each op on small
tensors; tests call them again.

- **dtypes**: what its floating-point operands may be instead. `float` stands for float16, float32
  and float64, `int` for uint8, int8, int16, int32 and int64. Masks and indices are as in PyTorch.
- **derivatives**: of how many orders there are: `every`, or `-` for none, as of integers and of
  what is constant.
- **in place**: whether there is a method `name_`. **out**: whether it takes `out=`.
- **compiled**: whether a compiled step has it. What hands values to Python, as what has a shape
  that depends on values does, and most of what calls LAPACK, runs eagerly.
- **GPU**: `kernel`, or `host` where tensors are copied to the CPU and back for a part of it.

`linalg.eig`, `linalg.eigvals`, `imag` and `view_as_real`, of complex numbers, raise by name.
"""


class Entry(NamedTuple):
    """A line of the page."""

    names: str
    dtypes: str
    derivatives: str
    in_place: bool
    out: bool
    compiled: bool
    device: str

    def __str__(self) -> str:
        """The line, as Markdown."""
        said = [
            self.names, self.dtypes, self.derivatives,
            *("yes" if fact else "-" for fact in (self.in_place, self.out, self.compiled)),
            self.device,
        ]  # fmt: skip
        return f"| {' | '.join(said)} |"


def ops(home: str) -> dict[Callable[..., Any], list[str]]:
    """The ops in a namespace, each with its names; methods of tensors that are no functions too."""
    found: dict[Callable[..., Any], list[str]] = {}
    for name, op in sorted(vars(HOMES[home]).items()):
        own = name.strip("_") == name and name not in (*HELPERS, *ABSENT)
        if own and is_op(op):
            found.setdefault(op, []).append(name)
    return found


def is_op(op: Any) -> bool:
    """Whether an object is a function of tensors."""
    module = getattr(op, "__module__", None) or ""
    room = module.partition(".")[2].partition(".")[0]
    return inspect.isfunction(op) and room in ROOMS and module not in OTHERS


def entry(names: Sequence[str], op: Callable[..., Any]) -> Entry:
    """What an op can do, by trial; LookupError if no trial suits it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        op = partial(op, **OPTIONS.get(names[0], {}))
        make = suitable(names[0], op)
        return Entry(
            ", ".join(f"`{name}`" for name in names),
            listed([d for d in DTYPES if accepted(op, make, d)]),
            derivatives(op, make),
            any(hasattr(Methods, f"{name}_") for name in names),
            takes_out(op, make),
            in_step(op, make),
            on_gpu(op, make),
        )


def suitable(name: str, op: Callable[..., Any]) -> Make:
    """The first way of making arguments that `op` takes."""
    errors = []
    for make in trials(name):
        for d in (mg.float64, mg.int64):
            try:
                called(op, make, d)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
            else:
                return make
    raise LookupError(f"{name}: no trial in trials.py suits it\n  " + "\n  ".join(errors))


def called(op: Callable[..., Any], make: Make, d: dtype, **options: Any) -> list[mg.Tensor]:
    """The tensors that a call of `op` returns."""
    return tensors(op(*make(lambda rows: mg.tensor(rows, dtype=d)), **options))


def tensors(value: Any) -> list[mg.Tensor]:
    """The tensors within a result."""
    if isinstance(value, mg.Tensor):
        return [value]
    return [t for v in value for t in tensors(v)] if isinstance(value, (tuple, list)) else []


def accepted(op: Callable[..., Any], make: Make, d: dtype) -> bool:
    """Whether `op` takes operands of a dtype."""
    try:
        called(op, make, d)
    except REFUSALS:
        return False
    return True


def listed(found: Sequence[dtype]) -> str:
    """Dtypes in short."""
    words = []
    for group, members in GROUPS.items():
        have = [d for d in members if d in found]
        words += [group] if len(have) == len(members) else [d.name for d in have]
    return ", ".join(words)


def derivatives(op: Callable[..., Any], make: Make) -> str:
    """Of how many orders there are derivatives, two being tried."""
    leaves: list[mg.Tensor] = []

    def leaf(rows: Any) -> mg.Tensor:
        leaves.append(mg.tensor(rows, dtype=mg.float64, requires_grad=True))
        return leaves[-1]

    try:
        results = tensors(op(*make(leaf)))
    except REFUSALS:  # integers only
        return "-"
    for order in range(3):
        results = [y for y in results if y is not None and y.requires_grad]
        if not results:
            return "every" if order else "-"
        ones = [mg.ones_like(y) for y in results]
        try:
            options = {"create_graph": True, "allow_unused": True}
            results = list(mg.autograd.grad(results, leaves, ones, **options))
        except RuntimeError:
            return str(order) if order else "-"
    return "every"


def takes_out(op: Callable[..., Any], make: Make) -> bool:
    """Whether results are written where `out=` says."""
    if not accepted(op, make, mg.float64):
        return False
    results = called(op, make, mg.float64)
    out = [mg.empty_like(y) for y in results]
    try:
        called(op, make, mg.float64, out=out[0] if len(out) == 1 else tuple(out))
    except TypeError:
        return False
    return bool(out)


def in_step(op: Callable[..., Any], make: Make) -> bool:
    """Whether a compiled step has `op`."""
    d = next(d for d in (mg.float32, mg.int64, mg.float64) if accepted(op, make, d))
    given = make(lambda rows: mg.tensor(rows, dtype=d))
    step = mg.compile(lambda *args: tensors(op(*args)))
    try:
        for _ in range(3):
            step(*given)
    except RuntimeError:
        return False
    return bool(step.recordings)


def on_gpu(op: Callable[..., Any], make: Make) -> str:
    """Whether all kernel kinds that a call runs have kernels for a GPU."""
    used, original = set(), kinds.kernel

    def watched(kind: Kind, params: Any) -> Any:
        used.add(kind)
        return original(kind, params)

    kinds.kernel = watched
    try:
        called(op, make, mg.float64 if accepted(op, make, mg.float64) else mg.int64)
    finally:
        kinds.kernel = original
    return "host" if any(kind.grid is None for kind in used) else "kernel"


def sections() -> Iterator[tuple[str, list[tuple[list[str], Callable[..., Any]]]]]:
    """The ops of each namespace; one that stands in several is in the first."""
    seen: set[Any] = set()
    for home in HOMES:
        own = {op: names for op, names in ops(home).items() if op not in seen}
        seen |= own.keys()
        prefix = f"{home}." if home else ""
        yield home, [([f"{prefix}{name}" for name in names], op) for op, names in own.items()]


def page() -> str:
    """The text of docs/ops.md."""
    parts = [HEAD]
    for home, found in sections():
        parts.append(f"## `microgrest{'.' * bool(home)}{home}`\n")
        parts.append("| op | dtypes | derivatives | in place | out | compiled | GPU |")
        parts.append("|---|---|---|---|---|---|---|")
        parts += [str(entry(names, op)) for names, op in found]
        parts.append("")
    return "\n".join(parts)
