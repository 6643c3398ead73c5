"""Exported modules run without microgrest, and do what the step does."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import programs
import pytest

import microgrest as mg
from microgrest import nn
from microgrest.compiler.call.step import Step

STEPS = 7
# Runs every module given, in a process that cannot find microgrest.
RUN = f"""
import sys
sys.modules["microgrest"] = None
import importlib.util, numpy as np
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arrays = module.values()
    found = module.fit({STEPS}, **arrays)
    history, *others = found if isinstance(found, tuple) else [found]
    arrays |= arrays.pop("state", {{}})
    others = {{f"result{{i}}": x for i, x in enumerate(others)}}
    np.savez(path + ".result.npz", history=history, **others, **arrays)
"""

Made = tuple[Callable[..., Any], dict[str, Any], tuple[Any, ...]]


def dense() -> Made:
    """Products large enough for BLAS, two groups of options, results that are no numbers."""
    mg.manual_seed(4)
    x, y = mg.randn(40, 30), mg.randn(40, 5)
    first, second = nn.Linear(30, 20), nn.Linear(20, 5)
    groups = [{"params": first.parameters()}, {"params": second.parameters(), "lr": 0.01}]
    rule = mg.optim.SGD(groups, lr=0.1, momentum=0.9)

    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        h = second(mg.relu(first(x)))
        loss = ((h - y) ** 2).mean()
        loss.backward()
        rule.step()
        return loss, h

    return step, {"first_weight": first.weight, "second_bias": second.bias}, (x, y)


def adam() -> Made:
    """Numbers that change with the count of steps, and the same in float64."""
    w = mg.tensor([1.0, -2.0, 3.0], dtype=mg.float64, requires_grad=True)
    rule = mg.optim.AdamW([w], lr=0.05, amsgrad=True)

    def step() -> Any:
        rule.zero_grad()
        loss = (mg.sin(w) * w).sum()
        loss.backward()
        rule.step()
        return loss

    return step, {"w": w}, ()


def scheduled() -> Made:
    """A schedule in the step: its numbers are a table."""
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    rule = mg.optim.SGD([w], lr=0.1)
    schedule = mg.optim.lr_scheduler.StepLR(rule, 2)

    def step() -> Any:
        rule.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        rule.step()
        schedule.step()
        return loss

    return step, {"w": w}, ()


def constants() -> Made:
    """Data that Python makes in the step, few and many; gathers by them; float16."""
    table = mg.arange(40, dtype=mg.float32).reshape(20, 2).requires_grad_()
    half = mg.zeros(3, dtype=mg.float16)

    def step() -> Any:
        table.grad = None
        rows = table[mg.tensor([1, 5, -1])]
        more = table[mg.tensor(list(range(18)))]
        (rows.sum() + more.pow(2).mean()).backward()
        with mg.no_grad():
            table.sub_(0.1 * table.grad)
            half.add_(0.5)
        return rows.sum(), half.sum()

    return step, {"table": table, "half": half}, ()


def random() -> Made:
    """Random numbers, which go on where those of the step are."""
    mg.manual_seed(5)
    w = mg.ones(9)

    def step() -> Any:
        w.mul_(mg.rand(9))
        return w.sum()

    return step, {"w": w}, ()


def replaced() -> Made:
    """The gradient of the step before is read; no result is a number."""
    step, (w,) = programs.PROGRAMS["read_and_replaced"]()
    return step, {"w": w}, ()


CASES: dict[str, Callable[[], Made]] = {
    "dense": dense,
    "adam": adam,
    "scheduled": scheduled,
    "constants": constants,
    "random": random,
    "replaced": replaced,
}


def begun(case: str) -> tuple[Step, dict[str, Any], tuple[Any, ...]]:
    """A step that was called until it runs natively."""
    fn, tensors, args = CASES[case]()
    step = mg.compile(fn)
    for _ in range(3):
        step(*args)
    return step, tensors, args


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any, Any]]:
    """For each case the module, what it found in a process of its own, and what repeat did."""
    directory = tmp_path_factory.mktemp("exported")
    expected = {}
    for case in CASES:
        step, tensors, args = begun(case)
        step.export(directory / f"{case}.py", *args)
        history = None
        if step.recordings[0].trace.scalars:
            result, history = step.repeat(STEPS, *args, history=1)
        else:
            result = step.repeat(STEPS, *args)
        expected[case] = (result, history, tensors)
    paths = [str(directory / f"{case}.py") for case in CASES]
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, *paths],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        case: (Path(path), np.load(path + ".result.npz"), expected[case])
        for case, path in zip(CASES, paths, strict=True)
    }


def numbers(history: Any) -> list[Any]:
    """The columns of what `repeat` keeps."""
    if isinstance(history, np.ndarray):
        return [history]
    inner = history.values() if isinstance(history, dict) else history
    return [column for part in inner if part is not None for column in numbers(part)]


@pytest.mark.parametrize("case", CASES)
def test_an_exported_module_does_what_repeat_does(
    case: str, exported: dict[str, tuple[Path, Any, Any]]
) -> None:
    _, found, (_, history, tensors) = exported[case]
    columns = numbers(history) if history is not None else []
    assert found["history"].shape == (STEPS, len(columns))
    for i, column in enumerate(columns):
        np.testing.assert_allclose(found["history"][:, i], column, rtol=1e-6)
    wanted = [t.detach().numpy().reshape(-1) for t in tensors.values()]
    arrays = [found[name].reshape(-1) for name in found.files]
    for name, value in zip(tensors, wanted, strict=True):
        same = [np.array_equal(value, array) for array in arrays]
        assert any(same), f"{name} is not among what the module wrote"


def test_results_that_are_no_numbers_are_returned(
    exported: dict[str, tuple[Path, Any, Any]],
) -> None:
    _, found, ((_, h), _, _) = exported["dense"]
    assert found["result0"].shape == (40, 5)
    np.testing.assert_array_equal(found["result0"], h.numpy())


def test_a_module_explains_itself(exported: dict[str, tuple[Path, Any, Any]]) -> None:
    text = exported["adam"][0].read_text()
    assert "def fit(steps, w, state=None, numbers=None, done=0):" in text
    assert "def adam_numbers(group, step):" in text and '"betas": (0.9, 0.999)' in text
    assert "Columns 0 to 7, of ADAMW_0: rate, decay" in text
    assert "def numbers_of(steps):" in exported["scheduled"][0].read_text()
    dense_text = exported["dense"][0].read_text()
    assert "first_weight" in dense_text and "SGD_1 = " in dense_text
    for path, _, _ in exported.values():
        tree = ast.parse(path.read_text())
        imported = {n.name for i in ast.walk(tree) if isinstance(i, ast.Import) for n in i.names}
        assert imported <= {"ctypes", "importlib", "math", "numpy"}
        assert not any(line.endswith(" ") for line in path.read_text().split("\n"))


def test_a_module_runs_as_a_script_and_as_a_fresh_fit(
    exported: dict[str, tuple[Path, Any, Any]],
) -> None:
    path = exported["adam"][0]
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("returned by the first step") and "w = [" in done.stdout
    w = mg.tensor([1.0, -2.0, 3.0], dtype=mg.float64, requires_grad=True)
    rule = mg.optim.AdamW([w], lr=0.05, amsgrad=True)
    for _ in range(5):
        rule.zero_grad()
        (mg.sin(w) * w).sum().backward()
        rule.step()
    namespace: dict[str, Any] = {"__file__": str(path), "__name__": "exported"}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    array = np.array([1.0, -2.0, 3.0])
    namespace["fit"](5, array)
    np.testing.assert_allclose(array, w.detach().numpy(), rtol=1e-12)
    with pytest.raises(ValueError, match=r"w must be a contiguous array of 3 elements of type flo"):
        namespace["fit"](5, np.zeros(3, "float32"))


def test_exporting_changes_nothing(tmp_path: Path) -> None:
    def after(export: bool) -> Any:
        step, tensors, args = begun("scheduled")
        if export:
            step.export(tmp_path / "same.py", *args)
        step.repeat(9, *args)
        return tensors["w"].detach().numpy()

    np.testing.assert_array_equal(after(export=True), after(export=False))


def test_without_the_values_a_module_says_how_to_call_it(tmp_path: Path) -> None:
    step, _, _ = begun("dense")
    step.export(tmp_path / "plain.py")
    text = (tmp_path / "plain.py").read_text()
    assert "def values" not in text and "print(fit.__doc__)" in text
    assert not (tmp_path / "plain.npz").exists()


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    step = mg.compile(lambda: mg.ones(2))
    with pytest.raises(RuntimeError, match="call it twice first"):
        step.export(tmp_path / "early.py")
    step()
    step()
    with pytest.raises(ValueError, match=r"NAME\.py, not 'fit\.txt'"):
        step.export(tmp_path / "fit.txt")
    turn = 0

    def alternating() -> Any:
        nonlocal turn
        turn = 1 - turn
        return mg.ones(2) * turn

    counting = mg.compile(alternating)
    for _ in range(4):
        counting()
    with pytest.raises(RuntimeError, match="changes Python values that it depends on"):
        counting.export(tmp_path / "turns.py")


@pytest.mark.devices
def test_a_step_of_any_device_is_written_for_the_cpu(tmp_path: Path) -> None:
    x = mg.linspace(-1, 1, 20)
    slope = mg.tensor(0.3, requires_grad=True)
    rule = mg.optim.SGD([slope], lr=1e-2, momentum=0.9)

    @mg.compile
    def step() -> Any:
        rule.zero_grad()
        loss = ((slope * x - 1) ** 2).sum()
        loss.backward()
        rule.step()
        return loss

    for _ in range(3):
        step()
    told = step.explain()
    assert told.device.partition(":")[0] == x.device.type and told.seconds > 0
    path = tmp_path / "fit_slope.py"
    step.export(path)
    namespace: dict[str, Any] = {"__file__": str(path), "__name__": "exported"}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    arrays = namespace["values"]()
    history = namespace["fit"](6, **arrays)
    loss = step.repeat(6)
    np.testing.assert_allclose(history[-1, 0], loss.item(), rtol=1e-6)
    np.testing.assert_allclose(arrays["slope"], [slope.item()], rtol=1e-6)
