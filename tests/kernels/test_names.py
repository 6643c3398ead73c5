"""The tables of function names: what they answer, and that CUDA compiles what its table names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import names
from microgrest.kernels.cuda import names as cuda_names


def test_names() -> None:
    assert names.scalar("exp", "float32") == "exp_f32"
    assert names.scalar("sqrt", "float64") == "np.sqrt"
    assert names.scalar("half_to_float", "float32") == "half_to_float"
    assert names.vector("sin", "float32") == ("near_sin_f32", "near_f32")
    assert names.vector("fmod", "float64") == ("near_fmod_f64", "near_ratio_f64")
    assert names.vector("exp", "float32") is None
    assert names.vector("fmod", "int64") is None
    for table in (names, cuda_names):
        assert table.scalar("ipow", "int64") == table.scalar("ipow", "uint8") == "ipow"
        with pytest.raises(KeyError, match="no scalar function 'gamma' of float32 values"):
            table.scalar("gamma", "float32")
        with pytest.raises(KeyError, match="'exp2' of int64 values"):
            table.scalar("exp2", "int64")


def test_helpers_come_once_and_after_what_they_call() -> None:
    texts = names.helpers(["expm1_f32", "np.sqrt", "exp_f32", "expm1_f32"])
    defined = [re.match(r"def (\w+)", text) for text in texts]
    order = [m[1] for m in defined if m]
    assert order == [
        "exp_tail_f32",
        "exp_parts_f32",
        "expm1_f32",
        "exp_poly_f32",
        "scale_f32",
        "exp_f32",
    ]


INTEGERS = ("ipow", "gcd", "half_to_float", "float_to_half")
CUDA = [*cuda_names.OWN.split(), "rint", "abs", *sorted({*cuda_names.SHARED} - {*INTEGERS})]
TWO = ("atan2", "copysign", "fmod", "hypot", "pow", "polygamma", "zeta", "nextafter")
# Those of float32 that compute in float64.
WIDE = {*cuda_names.SHARED} - {*INTEGERS, "erfinv", "exp2", "nextafter"}


@pytest.fixture
def compile_ptx(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """PTX of out[i] = function(x[i], ...), without a GPU."""
    cuda = pytest.importorskip("numba.cuda")
    if getattr(cuda, "implementation", "") != "NVIDIA":
        pytest.skip("numba-cuda is not installed")
    from numba import types

    capability = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(f"{cuda.dispatcher.__name__}.get_current_device", lambda: capability)

    def compile_(name: str, dtype: str) -> str:
        function = cuda_names.scalar(name, dtype)
        scope: dict[str, Any] = {"np": np, "math": math, "cuda": cuda}
        for text in cuda_names.helpers([function]):
            exec(f"{cuda_names.DECORATOR}\n{text}", scope)
        arguments = "x[i], y[i]" if name in TWO else "x[i]"
        value = f"1 if {function}({arguments}) else 0" if name.startswith("is") else None
        value = value or f"{function}({arguments})"
        exec(f"def kernel(x, y, out):\n    i = cuda.grid(1)\n    out[i] = {value}\n", scope)
        pointer: Any = types.CPointer(getattr(types, dtype))
        signature = types.void(pointer, pointer, pointer)
        return str(cuda.compile_ptx(scope["kernel"], signature, cc=(9, 0))[0])

    return compile_


@pytest.mark.parametrize("name", CUDA)
def test_cuda_names_compile(name: str, compile_ptx: Callable[[str, str], str]) -> None:
    assert ".f64" in compile_ptx(name, "float64")
    # The slow path of CUDA's own range reduction multiplies in float64, once.
    doubles = compile_ptx(name, "float32").count(".f64")
    assert doubles == 0 or name in ("sin", "cos", "tan") or name in WIDE
