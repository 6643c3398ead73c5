"""Scalar functions that CPU kernels import instead of carrying them: the same kernels, smaller."""

from __future__ import annotations

import re

import numpy as np
import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cpu import helpers, names
from microgrest.kernels.source import codegen
from microgrest.kernels.source.program import Input, Instr, Output, Program
from microgrest.kernels.vecmath import texts


def whole(function: str, dtype: str) -> str:
    """The stand-alone text of a kernel that maps `function`."""
    body = (Instr(f"{function}({{x}})", (("x", 0),), dtype, dtype),)
    program = Program(function, (Input("x", dtype, dtype),), body, (Output(1, dtype),))
    return codegen.flat(program, "vv", names)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", ["exp", "sin"])
def test_the_bits_are_those_of_the_whole_text(function: str, dtype: str) -> None:
    text = whole(function, dtype)
    x = np.array([*np.linspace(-50, 50, 1001), 1e6, np.inf, -np.inf, np.nan, -0.0], dtype)
    out = np.empty((2, x.size), dtype)
    cache.load(text, "whole").kernel(x, out[0])
    helpers.load(text, "shared").kernel(x, out[1])
    assert out[0].tobytes() == out[1].tobytes()


def test_helpers_are_imported_and_nothing_else_changes() -> None:
    text = whole("exp", "float32")
    short = helpers.shared(text)
    defined = re.findall(r"^def (\w+)", text, re.MULTILINE)
    assert "exp_f32" in defined and "kernel" in defined
    assert re.findall(r"^def (\w+)", short, re.MULTILINE) == ["use_wide_vectors", "kernel"]
    assert "from microgrest.kernels.cpu.helpers import exp_f32  # " in short
    kept = [line for line in short.splitlines() if "cpu.helpers" not in line]
    assert set(kept) <= set(text.splitlines())


def test_a_function_of_another_text_is_not_replaced() -> None:
    text = whole("exp", "float32").replace("    return ", "    # mine\n    return ")
    assert "import exp_f32" not in helpers.shared(text)
    assert helpers.shared("x = 1\n") == "x = 1\n"


def test_the_name_of_a_kernel_holds_the_texts_of_its_helpers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = helpers.shared(whole("exp", "float32"))
    inner = texts.sources()["scale_f32"]  # which exp_f32 calls
    changed = texts.sources() | {"scale_f32": inner.replace("    return ", "    return  ")}
    monkeypatch.setattr(texts, "sources", lambda: changed)
    assert helpers.shared(whole("exp", "float32")) != before


def test_unknown_names_are_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'exp_f16'"):
        _ = helpers.exp_f16


def test_a_full_cache_needs_no_helper(tmp_path) -> None:
    code = """
import microgrest as mg
from microgrest.kernels.cache import elsewhere
print(mg.tensor([1.0]).exp().item() > 2.7, elsewhere._own)
"""
    cold = processes.run(code, MICROGREST_CACHE_DIR=tmp_path)
    assert cold.startswith("True ") and cold != "True 0"
    assert processes.run(code, MICROGREST_CACHE_DIR=tmp_path) == "True 0"
