"""PyTorch's own samples of all operators of both tiers, as `operator_samples` compares them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's samples need it")

from tests.torch_compare.operator_samples import differences, operators
from tests.torch_compare.operator_tiers import KNOWN, TIERS

pytestmark = [pytest.mark.torch, pytest.mark.slow]
OPERATORS = [
    op for tier in TIERS for op in operators(tier) if not {op.name, op.full_name} & KNOWN.keys()
]


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.full_name)
def test_samples(op: object) -> None:
    wrong = [f"{case}: {text}" for case, text in differences(op) if text]
    assert not wrong


def test_every_name_has_samples() -> None:
    for tier, names in TIERS.items():
        assert names == {op.name for op in operators(tier)}
