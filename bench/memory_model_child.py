"""One process of `bench/memory_model.py`: imports a library and fits, and prints what that took."""

from __future__ import annotations

import json
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

STEPS, FITS = 200, 5
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "memory_model.py"


def main(library: str, many: int) -> None:
    """Seconds: of the import, to the end of a first fit, of a further one, of one of `many`."""
    began = used()
    import_module(library)
    times = {"import": used() - began}
    page = example(library)
    alone, together = (ours, ours_many) if library == "microgrest" else (theirs, theirs_many)
    given = [x[0] for x in logs(page, 1)]
    alone(page, *given)
    times["first"] = began = used()
    for _ in range(FITS):
        alone(page, *given)
    times["fit"] = (used() - began) / FITS
    if many:
        given = logs(page, many)
        began = used()
        together(page, many, *given)
        times["one of many"] = (used() - began) / many
    print(json.dumps(times))


def example(library: str) -> dict[str, Any]:
    """What the example defines, of either library; PyTorch runs its step eagerly."""
    text = EXAMPLE.read_text(encoding="utf-8")
    if library != "microgrest":
        text = text.replace("import microgrest as torch", "import torch")
        text = text.replace("from microgrest", "from torch").replace("    @torch.compile\n", "")
    page: dict[str, Any] = {"__name__": "memory_model"}
    exec(compile(text, str(EXAMPLE), "exec"), page)
    return page


def logs(page: dict[str, Any], learners: int) -> Any:
    """Days and grades of so many learners."""
    lib, common = page["torch"], page["COMMON"]
    lib.manual_seed(0)
    true = lib.tensor(common) + page["SPREAD"] * lib.randn(learners, len(common))
    return page["logs"](true)


def ours(page: dict[str, Any], days: Any, grades: Any) -> None:
    """One learner."""
    _, step = page["training"]()
    step.repeat(STEPS, days, grades)


def theirs(page: dict[str, Any], days: Any, grades: Any) -> None:
    """The same, step by step."""
    _, step = page["training"]()
    for _ in range(STEPS):
        step(days, grades)


def ours_many(page: dict[str, Any], learners: int, days: Any, grades: Any) -> None:
    """Each learner by a replica of the step."""
    _, step = page["training"]()
    step.replicas(learners, None, days, grades, in_dims=0).repeat(STEPS)


def theirs_many(page: dict[str, Any], learners: int, days: Any, grades: Any) -> None:
    """All learners by one tensor of their numbers: each has gradients of their own surprise."""
    lib = page["torch"]
    common = lib.tensor(page["COMMON"])
    numbers = lib.nn.Parameter(common.repeat(learners, 1))
    optimizer = lib.optim.Adam([numbers], lr=0.05)
    answers = page["CARDS"] * (page["REVIEWS"] - 1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        recall = page["recalls"](page["batched"](numbers), days, grades)
        prior = ((numbers - common) / page["SPREAD"]).square().sum() / (2 * answers)
        (learners * page["surprise"](recall, grades) + prior).backward()
        optimizer.step()


def used() -> float:
    """Seconds of the processor that this process and its children have taken."""
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    found = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in found)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
