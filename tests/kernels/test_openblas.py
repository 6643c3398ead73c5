"""What the OpenBLAS of this process says of itself."""

from __future__ import annotations

import pytest
from microgrest.kernels.libraries import openblas
from processes import run

CORE = "from microgrest.kernels.libraries import openblas; print(openblas.core())"


@pytest.mark.skipif(not openblas.core(), reason="NumPy's BLAS is no OpenBLAS")
def test_the_core_is_the_one_that_is_asked_for() -> None:
    if openblas.core().capitalize() not in (*openblas.NARROW, openblas.WIDE):
        pytest.skip(f"{openblas.core()} is no processor for x86 that every wheel has kernels for")
    assert run(CORE, OPENBLAS_CORETYPE="Nehalem") == "Nehalem"


@pytest.mark.parametrize("core", ["Haswell", "Zen", "SkylakeX", "armv8", ""])
def test_remedies(core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openblas, "core", lambda: core)
    assert openblas.remedy(avx512=False) is None
    found = openblas.remedy(avx512=True)
    assert (found is not None) == (core in ("Haswell", "Zen"))
    assert found is None or "OPENBLAS_CORETYPE=SkylakeX" in found


def test_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [4]
    functions = {
        "openblas_get_num_threads": lambda: told[-1],
        "openblas_set_num_threads": told.append,
    }
    monkeypatch.setattr(openblas, "_function", functions.get)
    with pytest.raises(ZeroDivisionError), openblas.one_thread():
        assert told[-1] == 1
        _ = 1 / 0
    assert told == [4, 1, 4]
    monkeypatch.setattr(openblas, "_function", lambda name: None)
    with openblas.one_thread():
        assert told == [4, 1, 4]
