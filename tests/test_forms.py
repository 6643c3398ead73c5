"""The duties of a call, each in every form that a call has.

A form is a way to write one operation: function, method, operator, reflected, in place, `out=`, and
each of these in a compiled step. A check that stands in one form has to stand in all.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

import microgrest as mg

Call = Callable[[Any, Any], Any]

# Of an operation its function, its method, and the operators where it has some.
OPERATORS: dict[str, tuple[Call, Call]] = {
    "add": (operator.add, operator.iadd),
    "sub": (operator.sub, operator.isub),
    "mul": (operator.mul, operator.imul),
    "div": (operator.truediv, operator.itruediv),
    "floor_divide": (operator.floordiv, operator.ifloordiv),
    "remainder": (operator.mod, operator.imod),
    "pow": (operator.pow, operator.ipow),
    "bitwise_and": (operator.and_, operator.iand),
}


def forms(name: str) -> dict[str, Call]:
    """Every form of the operation `name` of two operands."""
    function = getattr(mg, name)
    found: dict[str, Call] = {
        "function": function,
        "method": lambda a, b: getattr(a, name)(b),
        "in place": lambda a, b: getattr(a, f"{name}_")(b),
        "out": lambda a, b: function(a, b, out=mg.empty(0, dtype=a.dtype)),
        "into itself": lambda a, b: function(a, b, out=a),
        "compiled": lambda a, b: mg.compile(function)(a, b),
        "compiled in place": lambda a, b: twice(lambda: getattr(a, f"{name}_")(b)),
    }
    if name in OPERATORS:
        plain, updating = OPERATORS[name]
        found |= {"operator": plain, "in-place operator": updating}
        reflected = f"__r{plain.__name__.strip('_')}__"
        found["reflected"] = lambda a, b: (
            getattr(b, reflected)(a) if isinstance(b, mg.Tensor) else plain(a, b)
        )
    return found


def twice(f: Callable[[], Any]) -> Any:
    """What the second call of a compiled step returns, the one that is recorded."""
    step = mg.compile(f)
    step()
    return step()


def every(*names: str, only: tuple[str, ...] = ()) -> Any:
    """Parametrize over all forms, or some, of some operations."""
    return pytest.mark.parametrize(
        "call",
        [
            pytest.param(call, id=f"{name}: {form}")
            for name in names
            for form, call in forms(name).items()
            if not only or form in only
        ],
    )


WRITING = ("in place", "into itself", "in-place operator", "compiled in place")


def refused(call: Call, a: mg.Tensor, b: Any, error: type[Exception], message: str) -> None:
    """A call raises, and writes nothing."""
    before = a.tolist()
    for _ in range(2):  # the short path must not have learned otherwise
        with pytest.raises(error, match=message):
            call(a, b)
    assert a.tolist() == before and a._version == 0


# Values


@every("floor_divide", "remainder", "fmod")
@pytest.mark.parametrize("divisor", [0, mg.tensor([1, 0]), mg.tensor(0), mg.tensor([0])])
def test_integers_are_not_divided_by_zero(call: Call, divisor: Any) -> None:
    refused(call, mg.tensor([1, 2]), divisor, RuntimeError, "ZeroDivisionError|looks for zeros")


@pytest.mark.parametrize("mode", ["floor", "trunc"])
@pytest.mark.parametrize(
    "call",
    [
        lambda a, b, mode: mg.div(a, b, rounding_mode=mode),
        lambda a, b, mode: a.div(b, rounding_mode=mode),
        lambda a, b, mode: a.div_(b, rounding_mode=mode),
        lambda a, b, mode: mg.div(a, b, rounding_mode=mode, out=mg.empty(2, dtype=mg.int64)),
    ],
)
def test_rounding_division_by_zero(call: Any, mode: str) -> None:
    for divisor in (0, mg.tensor([1, 0])):
        refused(
            lambda a, b: call(a, b, mode), mg.tensor([1, 2]), divisor, RuntimeError, "ZeroDivision"
        )
    assert mg.tensor([1.0]).div_(0, rounding_mode="floor").item() == float("inf")


def test_a_compiled_step_divides_integers_by_numbers_and_floats_by_all() -> None:
    x, y = mg.tensor([7, -7]), mg.tensor([2.0, 0.0])
    assert twice(lambda: x // 2).tolist() == [3, -4]
    assert twice(lambda: y // mg.zeros(2)).isnan().tolist() == [False, True]
    with pytest.raises(RuntimeError, match="looks for zeros among the integers"):
        twice(lambda: x // mg.tensor([2, 2]))


def test_a_number_counts_as_what_it_is_in_the_type() -> None:
    """256 is 0 among numbers of 8 bits."""
    x = mg.tensor([5], dtype=mg.uint8)
    for call in (operator.floordiv, operator.mod, operator.ifloordiv, operator.imod, mg.fmod):
        refused(call, x, 256, RuntimeError, "ZeroDivisionError")
    assert (x // 300).item() == 0 and (x // 300).dtype is mg.uint8


def test_division_of_nothing_by_zero() -> None:
    x = mg.tensor([], dtype=mg.int64)
    assert (x // 0).shape == (x % x).shape == (0,)


@every("pow")
def test_integers_have_no_negative_powers(call: Call) -> None:
    refused(call, mg.tensor([2, 3]), -1, RuntimeError, "Integers to negative integer powers")


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x**300,
        lambda x: x.pow_(300),
        lambda x: mg.pow(x, 300, out=mg.empty(1, dtype=mg.int8)),
        lambda x: x.clamp(0, 300),
        lambda x: x.clamp_(0, 300),
        lambda x: x.clamp_min(-300),
        lambda x: mg.clamp(x, 0, 300, out=x),
        lambda x: mg.where(x > 0, x, 300),
        lambda x: mg.add(x, x, alpha=300),
        lambda x: x.add_(x, alpha=300),
        lambda x: mg.addcmul(x, x, x, value=300),
        lambda x: x.addcmul_(x, x, value=300),
        lambda x: x.fill_(300),
        lambda x: x.masked_fill(x > 0, 300),
        lambda x: x.masked_fill_(x > 0, 300),
        lambda x: x.__setitem__(0, 300),
        lambda x: x.__setitem__([0], 300),
    ],
)
def test_numbers_beyond_the_type(call: Callable[[Any], Any]) -> None:
    refused(lambda x, _: call(x), mg.tensor([5], dtype=mg.int8), None, RuntimeError, "overflow")


@every("add", "mul", "sub", "div", "floor_divide", "pow")
def test_integers_beyond_64_bits(call: Call) -> None:
    refused(call, mg.tensor([1.0]), 1 << 70, OverflowError, "beyond the 64 bits of an integer")


# Types


@every("sub")
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (mg.tensor([True]), mg.tensor([True])),
        (mg.tensor([True]), mg.tensor([1])),
        (mg.tensor([1]), mg.tensor([True])),
        (mg.tensor([1]), mg.tensor(True)),
    ],
)
def test_bools_are_not_subtracted(call: Call, a: Any, b: Any) -> None:
    refused(call, a, b, RuntimeError, "Subtraction, the `-` operator, with a bool tensor")


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t - True,
        lambda t: True - t,
        lambda t: 1 - t.bool(),
        lambda t: t.bool() - 1,
        lambda t: mg.sub(t.bool(), 1, alpha=2),
        lambda t: -t.bool(),
        lambda t: mg.neg(t.bool(), out=mg.empty(0, dtype=mg.bool)),
        lambda t: t.bool().neg_(),
        lambda t: t.clone().sub_(True),
    ],
)
def test_numbers_and_bools_are_not_subtracted(call: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match=r"operator, (with|on) a bool tensor is not supp"):
        call(mg.tensor([1]))


@pytest.mark.parametrize(
    "name", ["maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "logaddexp", "logical_and"]
)
def test_tensors_where_pytorch_wants_them(name: str) -> None:
    x, f = mg.tensor([0.5]), getattr(mg, name)
    calls: list[Callable[[], Any]] = [
        lambda: f(x, 1.0),
        lambda: f(1.0, x),
        lambda: getattr(x, name)(1.0),
        lambda: f(x, 1.0, out=mg.empty(0)),
    ]
    if hasattr(x, f"{name}_"):
        calls.append(lambda: getattr(x, f"{name}_")(1.0))
    for call in calls:
        with pytest.raises(TypeError, match="must be Tensor, not float"):
            call()


def test_comparisons_take_a_tensor_first() -> None:
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        with pytest.raises(
            TypeError, match=r"argument 'input' .position 1. must be Tensor, not int"
        ):
            getattr(mg, name)(1, mg.tensor([1]))
    assert (mg.tensor([2]) > 1).item() is True
    assert mg.add(1, 1).item() == 2


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x.addcmul_(1, x), TypeError),
        (lambda x: x.addcmul_(x, "a"), TypeError),
        (lambda x: mg.addcmul(x, 1, x), TypeError),
        (lambda x: x.lerp_(2, 0.5), TypeError),
        (lambda x: x.lerp_(x, 1 << 70), OverflowError),
        (lambda x: x.lerp_(x.double(), 0.5), RuntimeError),
        (lambda x: mg.lerp(x, x, mg.ones(1, dtype=mg.float64)), RuntimeError),
        (lambda x: x.lerp_(x, None), TypeError),
        (lambda x: x.long().addcmul_(x, x), RuntimeError),
        (lambda x: x.clamp_("a", 1), TypeError),
        (lambda x: mg.clamp(x, 0, 1 << 70), OverflowError),
        (lambda x: mg.add(x.long(), x.long(), alpha=1.5), RuntimeError),
        (lambda x: x.long().add_(1, alpha=1.5), RuntimeError),
        (lambda x: x.add_(x, alpha=True), RuntimeError),
    ],
)
def test_three_operands(call: Callable[[Any], Any], error: type[Exception]) -> None:
    x = mg.tensor([0.5])
    with pytest.raises(error):
        call(x)
    assert x.tolist() == [0.5]


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: x.addcdiv(i, i),
        lambda x, i: x.addcdiv_(i, i),
        lambda x, i: mg.addcdiv(x, i, i, value=0.5),
        lambda x, i: mg.addcdiv(x, i, i > 2, out=x),
        lambda x, i: mg.compile(lambda: x.addcdiv_(i, i))(),
    ],
)
def test_addcdiv_divides_no_integers_by_integers(call: Call) -> None:
    refused(call, mg.ones(2), mg.tensor([3, 2]), RuntimeError, "Integer division with addcdiv")
    assert mg.addcdiv(mg.ones(2), mg.tensor([3, 2]), mg.ones(2)).tolist() == [4, 3]


def test_an_alpha_of_another_meaning_may_be_a_bool() -> None:
    x = mg.tensor([-1.0, 2.0])
    for f in (mg.nn.functional.celu, mg.nn.functional.elu):
        assert f(x, True).equal(f(x, 1.0))


class Foreign:
    """A type of somebody else's, which knows what to do with tensors."""

    def answer(self, other: Any) -> str:
        return "asked"

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = answer
    __rand__ = __ror__ = __rxor__ = __rlshift__ = __rrshift__ = __rmatmul__ = answer
    __lt__ = __le__ = __gt__ = __ge__ = answer  # type: ignore[assignment]
    __eq__ = __ne__ = answer  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "name",
    [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "and_",
        "or_",
        "xor",
        "lshift",
        "rshift",
        "matmul",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "iadd",
        "isub",
        "imul",
        "itruediv",
        "ifloordiv",
        "imod",
        "ipow",
    ],
)
def test_foreign_operands_are_asked(name: str) -> None:
    x = mg.tensor([1])
    assert getattr(operator, name)(x, Foreign()) == "asked"
    function = {"add": mg.add, "sub": mg.sub, "mul": mg.mul, "pow": mg.pow, "lt": mg.lt}.get(name)
    if function:
        with pytest.raises(TypeError, match="must be a Tensor or a number, not Foreign"):
            function(x, Foreign())


def test_foreign_operands_without_an_answer() -> None:
    x = mg.tensor([1.0])
    for call in (operator.add, operator.lt, operator.pow, operator.iadd, operator.matmul):
        for other in (object(), "a", None, [1.0]):
            with pytest.raises(TypeError, match=r"unsupported operand|not supported between"):
                call(x, other)
    assert (x == "a") is False and (x != None) is True  # noqa: E711


# float16


@pytest.mark.parametrize("number", [0.1, mg.tensor(0.1), mg.tensor([0.1], dtype=mg.float64)])
def test_half_operands_are_rounded_first(number: Any) -> None:
    half = mg.tensor([0.1], dtype=mg.float16)
    if not isinstance(number, mg.Tensor) or not number.shape:
        assert (half == number).item() and not (half < number).item()
        assert (half - number).item() == 0 and (number - half).item() == 0
        assert half.clone().sub_(number).item() == 0
        assert mg.sub(half, number, out=mg.ones(1)).item() == 0
        assert twice(lambda: half - number).item() == 0
        assert mg.where(half > 0, number, half).item() == half.item()
    else:
        assert (half == number).item() is False  # both are float64


def test_half_and_integers() -> None:
    inf = mg.tensor([float("inf")], dtype=mg.float16)
    assert (mg.tensor([2**31 - 1], dtype=mg.int32) / inf).isnan().item()
    assert (mg.tensor([2048.0], dtype=mg.float16) == mg.tensor([2049])).item()
    assert (mg.tensor([3.0], dtype=mg.float16) * 2049).item() == 6148  # unrounded, as PyTorch's
    x = mg.tensor([1.0, 2.0], dtype=mg.float16, requires_grad=True)
    (x * mg.tensor([2049, 3])).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2048.0, 3.0]
