"""An optimizer has its kernel compiled ahead, and nothing else has happened."""

from __future__ import annotations

from typing import Any

import pytest
from microgrest.kernels import cache

import microgrest as mg
from microgrest import optim
from microgrest.optim import fused as fused_module

RULES = [
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RMSprop,
    optim.Adagrad,
    optim.Adadelta,
    optim.Adamax,
    optim.RAdam,
    optim.NAdam,
    optim.ASGD,
    optim.Rprop,
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the kernels that were to be compiled ahead."""
    names: list[str] = []

    def ahead(text: str, label: str, types: str, *, long: bool = False) -> cache.Pending:
        names.append(label)
        return lambda: False

    monkeypatch.setattr(cache, "ahead", ahead)
    for rule in list(fused_module._rules):
        monkeypatch.setattr(rule, "updates", {})
    return names


@pytest.mark.parametrize("rule", RULES)
def test_the_kernel_is_compiled_ahead(rule: Any, asked: list[str]) -> None:
    param = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    optimizer = rule([param], lr=0.1)
    name = "adam" if rule is optim.AdamW else rule.__name__.lower()
    also = {"nadam": ["multiply"], "asgd": ["remember"]}.get(name, [])
    assert asked == [name, *also]
    assert param.tolist() == [1, 2, 3] and param.grad is None
    assert len(optimizer.state) == (rule is optim.Adagrad) and not optimizer.stepped
    rule([param], lr=0.1)
    assert asked == [name, *also]
    param.grad = mg.ones(3)
    before = {key: len(r.updates) for key, r in enumerate(list(fused_module._rules))}
    optimizer.step()
    assert before == {key: len(r.updates) for key, r in enumerate(list(fused_module._rules))}
    assert param.tolist() != [1, 2, 3]


def test_what_goes_wrong_is_told_at_the_first_step() -> None:
    class Broken(optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {})

    param = mg.ones(2, requires_grad=True)
    optimizer = Broken([param])
    param.grad = mg.ones(2)
    with pytest.raises(NotImplementedError, match="Broken defines no update rule"):
        optimizer.step()
