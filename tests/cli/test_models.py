"""`fit --model`: values, errors, groups, files, beside `curve_fit` and `fit_many` themselves."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run, process

from microgrest.cli.settings import READY
from microgrest.fit import curve_fit

MODEL = "a*exp(-k*x) + c"
TRUE = {"A": (3.0, 0.7, 0.5), "B": (2.0, 0.5, 0.1), "C": (1.0, 1.5, 0.2)}
X = np.linspace(0, 5, 40)


def decay(x: Any, a: Any, k: Any, c: Any) -> Any:
    return a * np.exp(-k * x) + c


def series(name: str) -> Any:
    noise = np.random.default_rng(ord(name)).normal(size=X.size)
    return decay(X, *TRUE[name]) + 0.02 * noise


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "decay.csv"
    errors = 0.02 + 0.01 * (X > 2)
    rows = "".join(
        f"{x!r},{y!r},{e!r}\n" for x, y, e in np.stack([X, series("A"), errors], 1).tolist()
    )
    path.write_text("t [s],v,err\n" + rows)
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Three runs of 40, 40 and 20 points, their rows in turn."""
    path = tmp_path / "runs.csv"
    rows = [(i, name, y) for name in TRUE for i, y in enumerate(series(name).tolist())]
    kept = sorted(row for row in rows if row[1] != "C" or row[0] < 20)
    path.write_text("t,v,run\n" + "".join(f"{float(X[i])!r},{y!r},{name}\n" for i, name, y in kept))
    return path


def found(run: Run, *arguments: object) -> dict[str, Any]:
    result = run("fit", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_as_curve_fit_does(run: Run, one: Path) -> None:
    given = ("--model", MODEL, "--data", one, "--p0", "a=1,k=0.5")
    (fit,) = found(run, *given)["fits"]
    popt, pcov = curve_fit(decay, X, series("A"), [1, 0.5, 1])
    assert list(fit["values"].values()) == pytest.approx(popt, rel=1e-9)
    assert list(fit["errors"].values()) == pytest.approx(np.sqrt(np.diag(pcov)), rel=1e-6)
    gap = decay(X, *popt) - series("A")
    assert fit["chisqr"] == pytest.approx(gap @ gap) and fit["points"] == 40
    assert fit["redchi"] == pytest.approx(gap @ gap / 37)
    assert fit["correlations"]["k,c"] == pytest.approx(
        pcov[1, 2] / np.sqrt(pcov[1, 1] * pcov[2, 2])
    )


@pytest.mark.parametrize("absolute", [False, True])
def test_errors_of_y(run: Run, one: Path, absolute: bool) -> None:
    flag = ["--absolute-sigma"] * absolute
    (fit,) = found(run, "--model", MODEL, "--data", one, "--sigma", "err", *flag)["fits"]
    sigma = 0.02 + 0.01 * (X > 2)
    popt, pcov = curve_fit(decay, X, series("A"), [1, 1, 1], sigma, absolute)
    assert list(fit["values"].values()) == pytest.approx(popt, rel=1e-9)
    assert list(fit["errors"].values()) == pytest.approx(np.sqrt(np.diag(pcov)), rel=1e-6)
    assert 20 < fit["chisqr"] < 60


def test_bounds_fixed_parameters_and_a_loss(run: Run, one: Path) -> None:
    given = ("--model", MODEL, "--data", one, "--loss", "huber", "--f-scale", 0.02)
    whole = found(run, *given, "--bounds", "k=0:0.6,a=:5", "--fix", "c=-0.5e0")
    (fit,) = whole["fits"]
    popt, _ = curve_fit(
        lambda x, a, k: decay(x, a, k, -0.5),
        X,
        series("A"),
        [1, 0.3],
        bounds=([-np.inf, 0], [5, 0.6]),
        method="trf",
        loss="huber",
        f_scale=0.02,
    )
    assert list(fit["values"].values()) == pytest.approx(popt, rel=1e-6)
    assert whole["parameters"]["c"] == {"fixed": -0.5}
    assert whole["parameters"]["k"] == {"start": 0.3, "bounds": [0, 0.6]}
    assert whole["parameters"]["a"] == {"start": 4, "bounds": [None, 5]}


def test_what_is_fixed_is_a_whole_name(run: Run, one: Path) -> None:
    text = "a*exp(-ax*x) + xa + exp(0)*e*0"
    (fit,) = found(run, "--model", text, "--data", one, "--fix", "a=3")["fits"]
    assert fit["values"]["ax"] == pytest.approx(0.7, rel=0.05) and list(fit["values"]) == [
        "ax",
        "xa",
    ]


def test_names_are_those_that_python_reads(run: Run, one: Path) -> None:
    micro, mu = "\u00b5", "\u03bc"
    given = ("--model", f"a*exp(-{micro}*x) + {mu}0", "--data", one, "--bounds", f"{micro}=0:9")
    (fit,) = found(run, *given, "--p0", f"{mu}=0.5", "--fix", f"{micro}0=0.5")["fits"]
    assert list(fit["values"]) == ["a", mu] and fit["values"][mu] == pytest.approx(0.7, rel=0.05)


def test_the_report(run: Run, one: Path) -> None:
    text = run("fit", "--model", MODEL, "--data", one, "--fix", "c=0.5").stdout
    first, second, _, _, a, k, c, _, _, *rest = (line.strip() for line in text.splitlines())
    assert second == f"Model: {MODEL}" and first == "v by t [s], 40 rows of decay.csv"
    assert a.startswith(("a  2.9", "a  3.0")) and " ± 0.0" in a and a.endswith("%)")
    assert k.startswith(("k  0.69", "k  0.70")) and c == "c  0.5 (fixed)"
    assert "reduced 0.000" in rest[0] and "38: 40 points, 2 free parameters" in rest[1]
    assert "evaluations from a = 1, k = 1" in rest[4] and rest[-1].startswith("a, k  +0.")
    quiet = run("fit", "--model", MODEL, "--data", one, "--fix", "c=0.5", "--quiet")
    assert quiet.stdout.splitlines() == [a, k, c] and quiet.stderr == ""


def test_x_by_the_name_of_its_column(run: Run, one: Path) -> None:
    (by_x,) = found(run, "--model", MODEL, "--data", one)["fits"]
    (by_t,) = found(run, "--model", "a*exp(-k*t) + c", "--data", one)["fits"]
    assert by_x["values"] == by_t["values"]


def peaks(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Three gaussians far from where a fit would begin by itself, and what they are made of."""
    path, x = tmp_path / "peaks.csv", np.linspace(-40, 60, 80)
    true = {"a": (50.0, 10.0, 7.0), "b": (-30.0, -5.0, 4.0), "c": (9.0, 30.0, 10.0)}
    noise = np.random.default_rng(1)
    with path.open("w") as file:
        file.write("x,y,who\n")
        for who, (area, center, sigma) in true.items():
            y = area * np.exp(-(((x - center) / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
            pairs = np.stack([x, y + 0.01 * noise.normal(size=x.size)], 1).tolist()
            file.writelines(f"{one!r},{other!r},{who}\n" for one, other in pairs)
    return path, true


def test_a_ready_model_begins_near_each_group(run: Run, tmp_path: Path) -> None:
    path, true = peaks(tmp_path)
    whole = found(run, "--model", "gaussian", "--data", path, "--group", "who")
    assert whole["model"] == "gaussian" and "exp(-(x - center)**2" in whole["formula"]
    assert whole["parameters"]["sigma"] == {"start": None, "bounds": [1e-100, None]}
    for fit in whole["fits"]:
        assert fit["converged"]
        assert list(fit["values"].values()) == pytest.approx(true[fit["group"]], rel=0.15)


def test_a_ready_model_with_what_is_known(run: Run, tmp_path: Path) -> None:
    path, _ = peaks(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:81]))
    given = ("--model", "gaussian", "--data", path, "--fix", "center=10", "--bounds", "sigma=1:6.5")
    whole = found(run, *given, "--p0", "amplitude=40")
    (fit,) = whole["fits"]
    assert whole["parameters"]["amplitude"]["start"] == 40
    assert 1 <= whole["parameters"]["sigma"]["start"] <= 6.5
    assert fit["values"]["sigma"] == 6.5 and set(fit["values"]) == {"amplitude", "sigma"}
    text = run("fit", *given).stdout
    assert "  sigma      6.5" in text and "  at its maximum\n" in text


def test_the_limits_of_ready_models_are_told(run: Run, tmp_path: Path) -> None:
    """A curve with more in its shoulders than any mixture that the model allows."""
    path, x = tmp_path / "peak.csv", np.linspace(-5, 5, 61)
    y = 3 / (np.pi * (1 + x * x)) - 0.5 * np.exp(-x * x) / np.sqrt(np.pi)
    path.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in np.stack([x, y], 1).tolist()))
    text = run("fit", "--model", "pseudo_voigt", "--data", path).stdout
    line = next(line for line in text.splitlines() if line.startswith("  fraction"))
    assert line.endswith("at its maximum")


@pytest.mark.slow
@pytest.mark.parametrize("name", READY)
def test_every_ready_model_ends_well(run: Run, one: Path, name: str) -> None:
    result = run("fit", "--model", name, "--data", one, "--json")
    if result.exit_code == 0:
        (fit,) = json.loads(result.stdout)["fits"]
        assert np.isfinite(list(fit["values"].values())).all()
    else:
        assert result.exit_code == 2 and "Traceback" not in result.stderr


def test_the_help_names_all_ready_models() -> None:
    from microgrest.fit.model import ready

    assert set(READY) == {*ready.READY, "polynomial"}


def test_groups_as_if_alone(run: Run, many: Path) -> None:
    fits = found(run, "--model", MODEL, "--data", many, "--group", "run")["fits"]
    assert [(fit["group"], fit["points"]) for fit in fits] == [("A", 40), ("B", 40), ("C", 20)]
    for fit in fits:
        n = fit["points"]
        popt, pcov = curve_fit(decay, X[:n], series(fit["group"])[:n])
        assert list(fit["values"].values()) == pytest.approx(popt, rel=1e-6)
        assert list(fit["errors"].values()) == pytest.approx(np.sqrt(np.diag(pcov)), rel=1e-5)
        assert fit["converged"] and "converged" in fit["message"]


def test_a_table_and_csv_of_groups(run: Run, many: Path, tmp_path: Path) -> None:
    path = tmp_path / "fits.csv"
    given = ("fit", "--model", MODEL, "--data", many, "--group", "run")
    result = run(*given, "--csv", path)
    lines = result.stdout.splitlines()
    assert lines[3].split()[:5] == ["run", "points", "a", "k", "c"] and lines[4].startswith(
        "A    40 "
    )
    assert path.read_text() == run(*given, "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    fits = found(run, *given[1:])["fits"]
    assert [float(row["k"]) for row in rows] == [fit["values"]["k"] for fit in fits]
    assert [float(row["k_error"]) for row in rows] == [fit["errors"]["k"] for fit in fits]


def test_a_group_that_cannot_be_fitted_disturbs_no_other(run: Run, many: Path) -> None:
    with many.open("a") as file:
        file.write("1,2,D\n2,1,D\n")
    result = run("fit", "--model", MODEL, "--data", many, "--group", "run")
    assert result.exit_code == 0 and "1 of 4 groups did not converge" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("D ")]
    assert "nan" in line and "too few points" in line
    fits = found(run, "--model", MODEL, "--data", many, "--group", "run")["fits"]
    assert fits[3]["values"]["a"] is None and fits[3]["converged"] is False
    assert fits[0]["values"]["a"] == pytest.approx(3, rel=0.02)
    table = run("fit", "--model", MODEL, "--data", many, "--group", "run", "--csv").stdout
    assert table.splitlines()[-1].startswith("D,2,,,,,,,,,")


def test_rows_that_are_left_out(run: Run, one: Path) -> None:
    with one.open("a") as file:
        file.write("6,,0.02\n7,nan,0.02\n")
    whole = found(run, "--model", MODEL, "--data", one, "--nan-policy", "omit")
    assert whole["left_out"] == 2 and whole["fits"][0]["points"] == 40
    assert "(2 left out: a value is missing)" in whole["problem"]


@pytest.mark.parametrize("beside_scipy", [False, True])
def test_what_the_data_do_not_determine(run: Run, one: Path, beside_scipy: bool) -> None:
    """Where SciPy is imported, doubts are of its class."""
    if beside_scipy:
        pytest.importorskip("scipy.optimize")
    given = ("fit", "--data", one)
    text = run(*given, "--model", "a*b*exp(-k*x)").stdout
    assert "unknown: the data do not determine all parameters; fix one" in text
    text = run(*given, "--model", "a*exp(-k*x) + 0*b").stdout
    assert "unknown: b does not change the model here; fix it" in text
    (fit,) = found(run, *given[1:], "--model", "a*b*exp(-k*x)")["fits"]
    assert fit["errors"] == {"a": None, "b": None, "k": None}


def test_as_many_parameters_as_rows(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("x,y\n0,1\n1,3\n")
    result = run("fit", "--data", path, "--model", "a + b*x")
    assert "a  1\n  b  2\n" in result.stdout and "as many parameters as points" in result.stdout


@pytest.mark.parametrize("groups", [1, 3, 20])
def test_pictures(run: Run, tmp_path: Path, groups: int) -> None:
    pytest.importorskip("matplotlib")
    data, path = tmp_path / "data.csv", tmp_path / "fit.png"
    rows = [f"{x},{x * (g + 1)},{g}\n" for g in range(groups) for x in range(5)]
    data.write_text("x,y,who\n" + "".join(rows))
    by = ["--group", "who"] if groups > 1 else []
    given = ("fit", "--data", data, "--model", "a*x + b", *by)
    assert run(*given, "--plot", path).exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_among_groups(run: Run, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done is printed: groups of like sizes are fitted together, the small ones first."""
    from microgrest.cli.curves import fitting

    whole = fitting._fitted

    def interrupted(*args: Any) -> Any:
        if len(args[3]) == 2:
            result = whole(*args)
            result.status[:], result.interrupted = -1, True
            return result
        return whole(*args)

    monkeypatch.setattr(fitting, "_fitted", interrupted)
    result = run("fit", "--model", MODEL, "--data", many, "--group", "run", "--json")
    assert result.exit_code == 130 and "interrupted after 1 of 3 groups" in result.stderr
    document = json.loads(result.stdout)
    assert document["interrupted"] and [fit["group"] for fit in document["fits"]] == ["C"]


def test_ctrl_c_in_one_fit(run: Run, one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("microgrest.cli.curves.fitting.solve", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = run("fit", "--model", MODEL, "--data", one)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 130 and result.stdout == "" and "interrupted" in result.stderr


def test_nobody_reads(one: Path) -> None:
    import subprocess
    import sys

    from command_line import ROOT, command

    child = subprocess.Popen(
        [sys.executable, *command("fit", "--model", MODEL, "--data", one)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.wait(timeout=120) == 141 and b"Traceback" not in child.stderr.read()
    child.stderr.close()


def test_help_and_the_benchmark_import_nothing_of_this() -> None:
    code = (
        "import sys, runpy; sys.argv = ['cli.py', 'fit', *{}]\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith(('microgrest.fit', 'microgrest.cli.curves'))"
        " or m in ('matplotlib', {!r})])"
    )
    for arguments, heavy in (["--help"], "numpy"), (["--no-compare", "--steps", "2"], "pandas"):
        assert process(code=code.format(arguments, heavy)).stdout.splitlines()[-1] == "[]"


def test_groups_of_which_none_can_be_fitted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("x,y,run\n1,2,A\n2,1,A\n1,3,B\n2,2,B\n")
    result = run("fit", "--model", MODEL, "--data", path, "--group", "run")
    assert result.exit_code == 2 and "2 of 2 groups did not converge" in result.stdout
    assert "none of the groups' fits converged" in result.stderr
