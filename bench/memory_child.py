"""Fits by `examples/memory_model.py`, on microgrest or PyTorch: `python memory_child.py PEER`.

PyTorch runs the same functions, the example with another import and its step not compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "examples" / "memory_model.py").read_text(encoding="utf-8")
STEPS = 200
FEW = 5  # steps of PyTorch's vmap that are timed


def example(peer: str) -> dict[str, Any]:
    """The names of the example, on `peer`; PyTorch's step is not compiled."""
    text = TEXT.replace("import microgrest as torch", f"import {peer} as torch")
    text = text.replace("from microgrest import", f"from {peer} import")
    names: dict[str, Any] = {"__name__": "example"}
    source = text.replace("    @torch.compile\n", "") if peer == "torch" else text
    exec(compile(source, f"memory_model_{peer}.py", "exec"), names)
    return names


def log_of(names: dict[str, Any], learners: int) -> tuple[Any, Any]:
    """Days and grades of learners."""
    torch = names["torch"]
    torch.manual_seed(0)
    numbers = torch.tensor(names["COMMON"])
    drawn = numbers + names["SPREAD"] * torch.randn(learners, len(numbers))
    days, grades = names["logs"](drawn)
    return days, grades


def fit(peer: str, names: dict[str, Any]) -> Callable[[], Any]:
    """A fit of one learner, who begins anew."""
    days, grades = (x[0] for x in log_of(names, 1))
    learner, step = names["training"]()
    torch = names["torch"]

    def run() -> Any:
        with torch.no_grad():
            learner.numbers.copy_(torch.tensor(names["COMMON"]))
        if peer == "microgrest":
            return step.repeat(STEPS, days, grades)
        for _ in range(STEPS):
            loss = step(days, grades)
        return loss

    return run


def fit_many(peer: str, names: dict[str, Any], learners: int) -> Callable[[], Any]:
    """Fits of many learners, of STEPS steps, PyTorch's of FEW."""
    days, grades = log_of(names, learners)
    if peer == "microgrest":
        _, step = names["training"]()
        return lambda: step.replicas(learners, None, days, grades, in_dims=0).repeat(STEPS)
    torch, common = names["torch"], names["torch"].tensor(names["COMMON"])
    answers = names["CARDS"] * (names["REVIEWS"] - 1)

    def loss(numbers: Any, days: Any, grades: Any) -> Any:
        found = names["surprise"](names["recalls"](numbers.unbind(), days, grades), grades)
        return found + ((numbers - common) / names["SPREAD"]).square().sum() / (2 * answers)

    gradients = torch.func.vmap(torch.func.grad(loss))

    def run() -> Any:
        numbers = common.repeat(learners, 1)
        optimizer = torch.optim.Adam([numbers], lr=0.05)
        for _ in range(FEW):
            numbers.grad = gradients(numbers, days, grades)
            optimizer.step()
        return numbers

    return run


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    peer = sys.argv[1]
    print(fit(peer, example(peer))().item())
