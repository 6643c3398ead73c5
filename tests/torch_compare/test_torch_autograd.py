"""The programs of tests/autograd beside PyTorch."""

from __future__ import annotations

import pytest

import microgrest as mg
from tests.autograd import (  # noqa: F401 - they enter themselves
    check_programs,
    checkpoint_programs,
    derivative_programs,
    func_programs,
    function_programs,
    graph_programs,
    module_programs,
)
from tests.autograd.programs import PROGRAMS, differences, outcome

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    found, wanted = outcome(PROGRAMS[name], mg), outcome(PROGRAMS[name], torch)
    assert differences(found, wanted) == []
