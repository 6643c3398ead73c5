"""`fit`: its numbers, its report, its files."""

from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run

from microgrest.cli.data.polynomial import powers
from microgrest.cli.data.problem import default_rate, synthetic
from microgrest.cli.settings import MODES, OPTIMIZERS, TARGETS, Settings
from microgrest.cli.terminal.progress import Progress
from microgrest.cli.train.training import KINDS, train


def fitted(run: Run, *arguments: object) -> dict[str, Any]:
    """What `fit --json` reports."""
    result = run("fit", "--json", "--quiet", *arguments)
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def residual(x: Any, y: Any, coefficients: Any) -> float:
    return float(np.sqrt(np.mean((np.polynomial.Polynomial(coefficients)(x) - y) ** 2)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("dtype", "absolute"), [("float64", 1e-9), ("float32", 1e-5)])
def test_reference_trajectory(mode: str, dtype: str, absolute: float) -> None:
    settings = Settings(dtype=dtype)
    problem = synthetic(settings)
    training = KINDS[mode](problem.t, problem.z, [0.1, 0.2, 0.3, 0.4], settings, 1e-6, "cpu")
    training.prepare()
    trained = train(training, 2000, Progress(2000, quiet=True))
    expected = [0.0014754686, 0.8453529433, -0.0002545429, -0.0917105595]
    assert trained.coefficients == pytest.approx(expected, abs=absolute)
    assert trained.loss == pytest.approx(8.9563475874, rel=absolute)


def test_default_run_reports_everything(run: Run) -> None:
    result = run("fit")
    assert result.exit_code == 0
    for part in ("y = ", "x^3", "loss", "start-up", "kernel compilation", "steps", "us a step"):
        assert part in result.stdout
    for part in ("one step, compiled", "one step, eager", "times as fast as eager ones"):
        assert part in result.stdout
    for part in ("x**3 form", "matrix form", "speedup", "equal to NumPy's result after 2000"):
        assert part in result.stdout
    assert "step 2000 of 2000: loss" in result.stderr


def test_quiet_prints_polynomial_and_loss_only(run: Run) -> None:
    result = run("fit", "--quiet", "--no-compare")
    assert result.stderr == ""
    polynomial, loss = result.stdout.splitlines()
    assert polynomial.startswith("y = ") and loss.startswith("loss ")


def test_json_agrees_with_itself(run: Run) -> None:
    found = fitted(run, "--dtype", "float64")
    x = np.linspace(-np.pi, np.pi, 2000)
    assert found["residual"] == pytest.approx(residual(x, np.sin(x), found["coefficients"]))
    # The loss is that before the last step, the residual that after it.
    assert found["loss"] == pytest.approx(2000 * found["residual"] ** 2, rel=1e-2)
    assert found["lr"] == 1e-6
    assert set(found["seconds"]) == {"startup", "compile", "steps", "step"}
    assert found["compare"]["difference"] < 1e-12


def test_both_modes_fit_the_same(run: Run) -> None:
    compiled, eager = (
        fitted(run, "--mode", mode, "--dtype", "float64", "--steps", 500) for mode in MODES
    )
    assert compiled["mode"] == "compiled" and eager["mode"] == "eager"
    assert compiled["coefficients"] == pytest.approx(eager["coefficients"], rel=1e-9)
    assert compiled["loss"] == pytest.approx(eager["loss"], rel=1e-9)
    assert set(compiled["modes"]) == {"compiled", "eager", "speedup"}
    times = [compiled["modes"][mode]["step_seconds"] for mode in MODES]
    assert compiled["modes"]["speedup"] == times[1] / times[0]
    assert set(eager["modes"]) == {"eager", "speedup"} and eager["modes"]["speedup"] is None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_restarted_training_takes_the_same_steps(mode: str, optimizer: str) -> None:
    settings = Settings(optimizer=optimizer, points=50, dtype="float64")
    problem = synthetic(settings)
    training = KINDS[mode](problem.t, problem.z, [0.1, 0.2, 0.3, 0.4], settings, 1e-3, "cpu")
    training.prepare()
    first = training.losses(5)
    training.restart()
    assert training.values().tolist() == [0.1, 0.2, 0.3, 0.4]
    assert training.losses(5).tolist() == first.tolist()


def test_no_compare_runs_no_numpy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrest.cli.train.baseline.stepper", None)
    assert fitted(run, "--no-compare")["compare"] is None


@pytest.mark.parametrize(
    ("optimizer", "dtype", "degree"),
    [
        *product(OPTIMIZERS, ["float32", "float64"], [3]),
        ("sgd", "float32", 1),
        ("adam", "float64", 4),
    ],
)
def test_equal_to_numpy(run: Run, optimizer: str, dtype: str, degree: int) -> None:
    found = fitted(
        run, "--optimizer", optimizer, "--dtype", dtype, "--degree", degree, "--steps", 300
    )
    assert found["compare"]["equal"]
    assert len(found["coefficients"]) == degree + 1


def test_a_result_that_differs_from_numpy_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules["microgrest.cli.train.baseline"].RULES, "sgd", lambda lr: lambda c, g: None
    )
    result = run("fit", "--steps", 30)
    assert result.exit_code == 1
    assert "DIFFERENT from NumPy's" in result.stdout
    assert "differs from NumPy's" in result.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_targets(run: Run, target: str) -> None:
    found = fitted(run, "--target", target, "--optimizer", "adam", "--no-compare")
    assert target in found["problem"]
    assert found["residual"] < 1.0


def test_same_seed_same_result(run: Run) -> None:
    first, second, other = (
        fitted(run, "--seed", seed, "--steps", 50, "--no-compare")["coefficients"]
        for seed in (7, 7, 8)
    )
    assert first == second != other


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_measured_series_reaches_least_squares(run: Run, load_cell: Path, degree: int) -> None:
    found = fitted(run, "--data", load_cell, "--degree", degree)
    x, y = np.loadtxt(load_cell, delimiter=",", skiprows=1, unpack=True)
    best = residual(x, y, np.polyfit(x, y, degree)[::-1])
    assert residual(x, y, found["coefficients"]) <= 1.01 * best
    assert found["residual"] <= 1.01 * best


def test_certified_coefficients(run: Run, load_cell: Path) -> None:
    """NIST's certified quadratic, see examples/data/README.md."""
    found = fitted(run, "--data", load_cell, "--degree", 2, "--dtype", "float64")
    certified = [0.673565789473684e-3, 0.732059160401003e-6, -0.316081871345029e-14]
    assert found["coefficients"] == pytest.approx(certified, rel=1e-9)
    assert found["loss"] == pytest.approx(0.155761768796992e-5, rel=1e-9)


def test_columns_by_name_and_number(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_text("t;skip;v\n0;a;1\n1;b;3\n2;c;5\n3;d;7\n")
    for x, y in (("t", "v"), ("1", "3")):
        found = fitted(run, "--data", path, "--x", x, "--y", y, "--degree", 1)
        assert found["coefficients"] == pytest.approx([1, 2], abs=1e-5)
        assert found["polynomial"].startswith("v = ")


def test_far_and_small_units(run: Run, tmp_path: Path) -> None:
    """Years and parts per billion: scaling happens inside, coefficients stay in user units."""
    path = tmp_path / "units.csv"
    x = np.arange(1990, 2020)
    y = 1e-9 * (3 + 0.5 * (x - 2000))
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="year,share", comments="")
    found = fitted(run, "--data", path, "--degree", 1, "--dtype", "float64")
    assert found["coefficients"] == pytest.approx([-997e-9, 0.5e-9], rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "low", "high", "degree"),
    [
        ("seconds", 1.7e9, 1.7e9 + 86_400, 3),
        ("seconds", 1.7e9, 1.73e9, 5),
        ("years", 1950, 2020, 1),
        ("years", 1950, 2020, 3),
        ("years", -2020, -1950, 6),
        ("near", 0, 1000, 3),
        ("vast", 1e200, 3e201, 3),
        ("tiny", 1e-120, 3e-119, 3),
    ],
)
def test_what_is_printed_is_what_was_found(
    run: Run, tmp_path: Path, dtype: str, name: str, low: float, high: float, degree: int
) -> None:
    """The text, and the coefficients in JSON, have the residual that is reported."""
    x = np.linspace(low, high, 60)
    t = np.linspace(-1, 1, 60)
    y = 3 + 2 * t - 4 * t**3 + 0.01 * np.random.default_rng(0).standard_normal(60)
    data, saved = tmp_path / "data.csv", tmp_path / "fit.json"
    table = np.column_stack([x, y])
    np.savetxt(data, table, "%.17g", delimiter=",", header="x,y", comments="")
    given = ("--data", data, "--degree", degree, "--dtype", dtype, "--no-compare")
    printed = run("fit", *given, "--save", saved).stdout
    found = json.loads(saved.read_text())
    scaled = (x - found["center"]) / found["scale"]
    assert residual(scaled, y, found["coefficients"]) == pytest.approx(found["residual"], rel=1e-6)
    text = printed.splitlines()[0].removeprefix("y = ")
    formula = re.sub(r"(\d) ([x(])", r"\1 * \2", text).replace("^", "**")
    left = float(np.sqrt(np.mean((eval(formula, {"x": x}) - y) ** 2)))
    assert left == pytest.approx(found["residual"], rel=1e-6)
    centred = name in ("seconds", "vast", "tiny")
    assert ("not in powers of x itself" in printed) == ("(x" in text) == bool(found["center"])
    assert bool(found["center"]) or not centred
    assert (found["scale"] != 1) == (name in ("vast", "tiny"))


def test_a_divergence_far_from_zero_says_of_what_the_coefficients_are(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "far.csv"
    path.write_text("".join(f"{1.7e9 + i},{i % 3}\n" for i in range(30)))
    message = run("fit", "--data", path, "--lr", 1, "--quiet").stderr
    assert re.search(r"coefficients of powers of \(1 - 1700000014\.5\) \S+, \S+", message)


@pytest.mark.parametrize("degree", [8, 9, 200])
def test_high_degrees(run: Run, degree: int) -> None:
    """One tensor a coefficient up to 8, one for all above; NumPy finds the same."""
    found = fitted(run, "--degree", degree, "--steps", 20, "--dtype", "float64")
    assert found["compare"]["equal"] and len(found["coefficients"]) == degree + 1


def test_first_row_as_one_likes(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "first.csv"
    path.write_text("ann,1,2\nbob,2,4\neve,3,6\n")
    given = ("--data", path, "--x", 2, "--y", 3, "--degree", 1, "--no-compare")
    assert fitted(run, *given, "--no-header")["points"] == 3
    assert fitted(run, *given, "--header")["points"] == 2


def test_names_of_several_lines_are_printed_on_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text('"load, mean\n(kN)";"a\x1bb"\n0;1\n1;3\n2;5\n')
    given = ("--data", path, "--degree", 1, "--no-compare", "--x", "load, mean\n(kN)")
    result = run("fit", *given)
    assert re.fullmatch(
        r"\[a b\] = \S+ \+ \S+ \[load, mean \(kN\)\]", result.stdout.splitlines()[0]
    )
    assert "a b by load, mean (kN), 3 rows" in result.stdout


def test_constant_y(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "constant.csv"
    path.write_text("x,y\n" + "".join(f"{i},5\n" for i in range(9)))
    found = fitted(run, "--data", path, "--degree", 1, "--dtype", "float64")
    assert found["coefficients"] == pytest.approx([5, 0], abs=1e-9)


def test_default_learning_rates() -> None:
    def rate(**options: Any) -> float:
        settings = Settings(**options)
        return default_rate(settings, synthetic(settings))

    assert rate() == rate(points=500) == 1e-6
    assert rate(points=20_000) == pytest.approx(1e-7)
    assert rate(optimizer="adam") == rate(optimizer="rmsprop", degree=5) == 1e-2
    settings = Settings(degree=5, dtype="float64")
    problem = synthetic(settings)
    rows = powers(problem.t, 5)
    assert 1 / rate(degree=5, dtype="float64") == pytest.approx(
        np.linalg.eigvalsh(2 * rows @ rows.T)[-1]
    )


def test_save_writes_the_report(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text("old")
    result = run("fit", "--save", path, "--no-compare", "--json")
    assert json.loads(path.read_text()) == json.loads(result.stdout)
    assert [child.name for child in tmp_path.iterdir()] == ["fit.json"]


def test_plot(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "fit.png"
    assert run("fit", "--plot", path, "--quiet", "--no-compare").exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_save_follows_links_and_writes_to_pipes(run: Run, tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    link.symlink_to(file)
    run("fit", "--save", link, "--no-compare", "--steps", 2)
    assert link.is_symlink()
    saved = json.loads(file.read_text())
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text)
        run("fit", "--save", pipe, "--no-compare", "--steps", 2)
        assert json.loads(read.result(timeout=60))["coefficients"] == saved["coefficients"]
    assert pipe.is_fifo()


def test_progress_is_in_the_units_of_the_data(run: Run) -> None:
    result = run("fit", "--no-compare", "--optimizer", "adam", "--steps", "400")
    (shown,) = re.findall(r"step 400 of 400: loss (\S+)", result.stderr)
    (found,) = re.findall(r"loss (\S+), residual", result.stdout)
    assert float(shown) == pytest.approx(float(found), rel=0.1)
