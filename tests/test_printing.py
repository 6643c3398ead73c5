"""Printed forms: what PyTorch prints, kept as text, and PyTorch itself where it is installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as nps

from microgrest.interop.printing import (
    get_printoptions,
    parameter_repr,
    repr_of,
    set_printoptions,
    tensor_repr,
    tensor_text,
)
from microgrest.types.device import CPU, device as Device
from microgrest.types.dtypes import dtype as DType, float32, float64, from_numpy, set_default_dtype

NAN, INF = np.nan, np.inf
DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    set_printoptions(profile="default")
    set_default_dtype(float32)
    yield
    set_printoptions(profile="default")
    set_default_dtype(float32)


@dataclass(frozen=True)
class Node:
    label: str

    def name(self) -> str:
        return self.label


@dataclass
class Tensor:
    values: np.ndarray[Any, Any]
    requires_grad: bool = False
    grad_fn: Node | None = None
    device: Device = CPU

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def dtype(self) -> DType:
        return from_numpy(self.values.dtype)

    def _numpy(self) -> np.ndarray[Any, Any]:
        return self.values


class Parameter(Tensor):
    pass


class Quantity(Tensor):
    pass


def f32(values: Any) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.float32)


# ---------------------------------------------------------------------------------------- values

NUMBERS = [
    (f32(3.0), "3."),
    (f32(0.1), "0.1000"),
    (np.float64(1e-5), "1.0000e-05"),
    (np.array(True), "True"),
    (np.array(-7), "-7"),
    (f32([1, 2, 3]), "[1., 2., 3.]"),
    (f32([1, -20, 300]), "[  1., -20., 300.]"),
    (f32([0.5, -1.25]), "[ 0.5000, -1.2500]"),
    (f32([0.0, -0.0]), "[0., -0.]"),
    (f32([1.0, NAN, INF, -INF]), "[1., nan, inf, -inf]"),
    (f32([1.5, NAN, -INF]), "[1.5000,    nan,   -inf]"),
    (f32([NAN, NAN]), "[nan, nan]"),
    (f32([1, 1000]), "[   1., 1000.]"),
    (f32([1, 1001]), "[1.0000e+00, 1.0010e+03]"),
    (np.array([1e8]), "[100000000.]"),
    (np.array([100000001.0]), "[1.0000e+08]"),
    (np.array([1e-4]), "[0.0001]"),
    (f32([1e-4]), "[1.0000e-04]"),
    (np.array([9e-5, 0.0, INF]), "[9.0000e-05, 0.0000e+00,        inf]"),
    (np.array([5e-324, 1e308]), "[4.9407e-324, 1.0000e+308]"),
    (np.array([0.1, 65504.0], dtype=np.float16), "[9.9976e-02, 6.5504e+04]"),
    (np.array([True, False]), "[ True, False]"),
    (np.array([-1, 10, 200], dtype=np.int16), "[ -1,  10, 200]"),
    (np.array([0, 255], dtype=np.uint8), "[  0, 255]"),
    (np.zeros((2, 0)), "[]"),
]


@pytest.mark.parametrize(("array", "expected"), NUMBERS)
def test_numbers(array: np.ndarray[Any, Any], expected: str) -> None:
    assert tensor_text(np.asarray(array)) == expected


def test_rows_align_under_the_first_value() -> None:
    assert tensor_repr(np.eye(2, dtype=np.float32)) == "tensor([[1., 0.],\n        [0., 1.]])"


def test_an_axis_above_two_puts_blank_lines_between_its_blocks() -> None:
    assert tensor_text(np.arange(8).reshape(2, 2, 2)) == (
        "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]"
    )


def test_long_rows_wrap_at_the_line_width() -> None:
    assert tensor_repr(f32(np.arange(20))) == (
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
        "        14., 15., 16., 17., 18., 19.])"
    )


def test_more_than_a_thousand_elements_are_summarized() -> None:
    assert tensor_text(np.arange(1000)).count(",") == 999
    assert tensor_text(f32(np.arange(1001))) == ("[   0.,    1.,    2.,  ...,  998.,  999., 1000.]")
    assert tensor_text(f32(np.arange(1002))) == (
        "[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.9900e+02, 1.0000e+03,\n 1.0010e+03]"
    )
    assert tensor_repr(np.arange(4000).reshape(1000, 4)) == (
        "tensor([[   0,    1,    2,    3],\n"
        "        [   4,    5,    6,    7],\n"
        "        [   8,    9,   10,   11],\n"
        "        ...,\n"
        "        [3988, 3989, 3990, 3991],\n"
        "        [3992, 3993, 3994, 3995],\n"
        "        [3996, 3997, 3998, 3999]])"
    )


def test_values_that_are_left_out_do_not_change_the_style() -> None:
    array = np.ones(2000)
    array[1000] = 1e-9
    assert tensor_text(array) == "[1., 1., 1.,  ..., 1., 1., 1.]"


def test_strides_do_not_matter() -> None:
    array = np.arange(24.0).reshape(4, 6)[::2, ::-3]
    assert tensor_text(array) == tensor_text(array.copy()) == "[[ 5.,  2.],\n [17., 14.]]"


# -------------------------------------------------------------------------------- whole tensors


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (Tensor(f32([1, 2])), "tensor([1., 2.])"),
        (Tensor(np.array([1, 2])), "tensor([1, 2])"),
        (Tensor(np.array(True)), "tensor(True)"),
        (Tensor(np.array([1], dtype=np.int32)), "tensor([1], dtype=microgrest.int32)"),
        (
            Tensor(np.array(120.0), True, Node("AddBackward0")),
            "tensor(120., dtype=microgrest.float64, grad_fn=<AddBackward0>)",
        ),
        (Tensor(f32([0.5]), True), "tensor([0.5000], requires_grad=True)"),
        (
            Tensor(f32(1.0), True, device=Device("cuda:0")),
            "tensor(1., device='cuda:0', requires_grad=True)",
        ),
        (Tensor(f32([])), "tensor([])"),
        (Tensor(np.array([], dtype=np.int64)), "tensor([], dtype=microgrest.int64)"),
        (
            Tensor(np.zeros((0, 3)), True),
            "tensor([], size=(0, 3), dtype=microgrest.float64, requires_grad=True)",
        ),
        (Quantity(f32([[1], [2]])), "Quantity([[1.],\n          [2.]])"),
    ],
)
def test_what_follows_the_values(tensor: Tensor, expected: str) -> None:
    assert repr_of(tensor) == expected


def test_a_parameter_has_a_heading() -> None:
    assert parameter_repr(Parameter(f32([1, 2]), True)) == (
        "Parameter containing:\ntensor([1., 2.], requires_grad=True)"
    )


def test_the_default_dtype_is_not_told() -> None:
    set_default_dtype(float64)
    assert repr_of(Tensor(np.array([0.5]))) == "tensor([0.5000])"
    assert repr_of(Tensor(f32([0.5]))) == "tensor([0.5000], dtype=microgrest.float32)"
    assert repr_of(Tensor(f32([]))) == "tensor([], dtype=microgrest.float32)"


def test_a_suffix_past_the_line_width_starts_a_line() -> None:
    row = np.arange(10, 25)
    values = "tensor([10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]"
    assert tensor_repr(row, suffixes=["nine_long"]) == f"{values}, nine_long)"
    assert tensor_repr(row, suffixes=["one_longer", "requires_grad=True"]) == (
        f"{values},\n       one_longer, requires_grad=True)"
    )


def test_suffixes_on_a_new_line_count_its_indent() -> None:
    set_printoptions(linewidth=30)
    head = "tensor([0, 1, 2],\n       fifteen_letters"
    assert tensor_repr(np.arange(3), suffixes=["fifteen_letters", "sixsix"]) == f"{head}, sixsix)"
    assert tensor_repr(np.arange(3), suffixes=["fifteen_letters", "sevenly"]) == (
        f"{head},\n       sevenly)"
    )


# ------------------------------------------------------------------------------------- options


def test_precision_and_scientific_mode() -> None:
    array = f32([1.12345, 250.0])
    set_printoptions(precision=2)
    assert tensor_text(array) == "[  1.12, 250.00]"
    set_printoptions(sci_mode=True)
    assert tensor_text(array) == "[1.12e+00, 2.50e+02]"
    set_printoptions(sci_mode=False)
    assert tensor_text(f32([1.5, 1e9])) == "[         1.50, 1000000000.00]"
    set_printoptions()
    assert get_printoptions()["sci_mode"] is None


def test_threshold_edgeitems_and_linewidth() -> None:
    set_printoptions(threshold=5, edgeitems=2)
    assert tensor_text(np.arange(10)) == "[0, 1,  ..., 8, 9]"
    set_printoptions(profile="default", linewidth=12)
    assert tensor_text(np.arange(6)) == "[0, 1, 2, 3,\n 4, 5]"


def test_without_edgeitems_the_size_is_told() -> None:
    set_printoptions(threshold=5, edgeitems=0)
    assert repr_of(Tensor(np.arange(10))) == "tensor([...], size=(10,))"
    assert repr_of(Tensor(np.ones((4, 2), dtype=int))) == "tensor([...], size=(4, 2))"
    assert repr_of(Tensor(np.arange(2))) == "tensor([0, 1], size=(2,))"


def test_profiles_and_round_trip() -> None:
    assert get_printoptions() == DEFAULTS
    set_printoptions(profile="full", precision=7)
    kept = get_printoptions()
    assert kept == DEFAULTS | {"threshold": INF, "precision": 7}
    assert tensor_text(np.arange(1500)).count(",") == 1499
    set_printoptions(profile="short")
    assert get_printoptions() == DEFAULTS | {"precision": 2, "edgeitems": 2}
    set_printoptions(**kept)
    assert get_printoptions() == kept


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"precision": -1}, ValueError, "precision must not be negative, got -1"),
        ({"edgeitems": 1.5}, TypeError, "edgeitems must be an integer, got 1.5"),
        ({"linewidth": "wide"}, TypeError, "linewidth must be an integer, got 'wide'"),
        ({"profile": "long"}, ValueError, "unknown print profile 'long'"),
    ],
)
def test_bad_options_change_nothing(
    option: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        set_printoptions(threshold=1, **option)
    assert get_printoptions() == DEFAULTS


# ---------------------------------------------------------------------------------- properties

SHAPES = nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
FLOATS = st.floats(-1e300, 1e300) | st.just(NAN) | st.sampled_from([INF, -INF, 0.0, 1.0, -20.0])


@given(nps.arrays(nps.integer_dtypes(endianness="="), SHAPES))
def test_printed_integers_read_back(array: np.ndarray[Any, Any]) -> None:
    assert ast.literal_eval(tensor_text(array)) == (array.tolist() if array.size else [])


@given(nps.arrays(np.float64, SHAPES.filter(all), elements=FLOATS))
def test_printed_floats_read_back_to_five_digits(array: np.ndarray[Any, Any]) -> None:
    printed = eval(tensor_text(array), {"nan": NAN, "inf": INF})
    np.testing.assert_allclose(printed, array, rtol=5.1e-5, atol=5.1e-5)


# ------------------------------------------------------------------------- PyTorch, if installed

DTYPES = st.sampled_from(
    ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
)
OPTIONS = st.fixed_dictionaries(
    {"profile": st.sampled_from(["default", "short", "full"])},
    optional={
        "precision": st.integers(0, 9),
        "threshold": st.integers(0, 100),
        "edgeitems": st.integers(0, 3),
        "linewidth": st.integers(0, 160),
        "sci_mode": st.none() | st.booleans(),
    },
)


@pytest.fixture(scope="module")
def torch() -> Iterator[Any]:
    torch = pytest.importorskip("torch")
    yield torch
    torch.set_printoptions(profile="default")


def torch_form(torch: Any, array: np.ndarray[Any, Any], options: dict[str, Any]) -> str:
    """PyTorch's form of `array` under `options`, which from here on are ours too."""
    torch.set_printoptions(**options)
    set_printoptions(**options)
    return repr(torch.from_numpy(np.array(array)).requires_grad_(array.dtype.kind == "f"))


def our_form(array: np.ndarray[Any, Any]) -> str:
    return repr_of(Tensor(array, array.dtype.kind == "f"))


@pytest.mark.torch
@pytest.mark.parametrize(("array", "expected"), NUMBERS)
def test_the_texts_above_are_those_of_torch(
    torch: Any, array: np.ndarray[Any, Any], expected: str
) -> None:
    assert torch_form(torch, np.asarray(array), {}).startswith(f"tensor({expected}")


@pytest.mark.torch
@settings(deadline=None)
@given(array=nps.arrays(DTYPES, SHAPES), options=OPTIONS)
def test_values_are_those_of_torch(
    torch: Any, array: np.ndarray[Any, Any], options: dict[str, Any]
) -> None:
    expected = torch_form(torch, array, options)
    assert expected.startswith("tensor(" + tensor_text(array, indent=len("tensor(")))
    # The name in `dtype=` is longer than PyTorch's, so that a line may break before it.
    assert our_form(array).replace("microgrest.", "torch.").split() == expected.split()


@pytest.mark.torch
@settings(deadline=None)
@given(array=nps.arrays(np.float32, SHAPES), options=OPTIONS)
def test_lines_break_where_torch_breaks_them(
    torch: Any, array: np.ndarray[Any, Any], options: dict[str, Any]
) -> None:
    assert torch_form(torch, array, options) == our_form(array)


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(), (9,), (1000,), (1001,), (400, 7), (7, 400), (9, 8, 3, 7)])
@pytest.mark.parametrize("exponent", [-6, -2, 0, 2, 5, 9])
@pytest.mark.parametrize("digits", [0, 12])
def test_magnitudes_and_sizes_like_torch(
    torch: Any, shape: tuple[int, ...], exponent: int, digits: int
) -> None:
    generator = np.random.default_rng(7)
    array = generator.uniform(-1, 1, shape) * 10.0**exponent
    rounded = f32(np.round(array, digits))
    assert our_form(rounded) == torch_form(torch, rounded, {"profile": "default"})
