"""What cannot be fitted: one clear line, status 2, no traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import Run

from microgrest import cuda
from microgrest.cli.settings import MODES


def refused(run: Run, *arguments: object) -> str:
    """The error that `fit` ends with; asserts status 2 and an empty standard output."""
    result = run("fit", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("\n\n# only a comment\n", "is empty"),
        ("x,y\n", "has a header but no rows of data"),
        ("x\n1\n2\n", "has one column only"),
        ("x,y\n1,2\n2,many\n", "line 3, column 'y': 'many' is not a number"),
        ("# note\nx,y\n1,2\n2,\n", "line 4, column 'y': the value is missing"),
        ("x,y\n1,2\n2\n", "line 3, column 'y': the value is missing"),
        ("x,y\n1,2\nnan,3\n", "line 3, column 'x': nan is not finite"),
        ("x,y\n1,2\n3,-inf\n", "line 3, column 'y': -inf is not finite"),
        ("x,y\n1,2\n1,3,4\n", "line 3: it has 3 fields, and the first row 2"),
        ("x y\n1 2\n", "one column only; a fit needs two, for x and y, separated by commas"),
        ("x,x\n1,2\n", "several columns named 'x'"),
        ("x,y\n1,2\n1,3\n1,4\n", "degree 3 needs at least 4 different values of x; there is 1"),
        ("x,y\n-1e308,0\n0,1\n1,2\n1e308,1e308\n", "too large to scale"),
        ("x,y\n1,2\n1_000,3\n", "line 3, column 'x': '1_000' is not a number"),
        (
            "1_000,2\n2,3\n",
            "line 1: is this a header, or a row of data? It holds the number 2, but",
        ),
        ("# note\n1,oops\n2,3\n", "line 2: is this a header, or a row of data? It holds the numbe"),
        ("ann,1,2\nbob,2,3\n", "or a row of data? It holds the number 1, but 'ann' is none"),
        ("1,\n2,3\n", "line 1, column '2': the value is missing"),
        ("nan,1\n2,3\n", "line 1, column '1': nan is not finite"),
        ('"lo\nad","y"\n1,x\n', "line 3, column 'y': 'x' is not a number"),
    ],
)
def test_csv(run: Run, tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert expected in refused(run, "--data", path, "--quiet")


def test_csv_that_is_not_text(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes("x,y\n1,2\n".encode("utf-16"))
    said = refused(run, "--data", path)
    assert "is not a CSV text file" in said and said.endswith("; save it as UTF-8\n")


def test_csv_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert "cannot read" in refused(run, "--data", tmp_path / "none.csv")
    assert "is a directory" in refused(run, "--data", tmp_path)


def test_column_that_is_not_there(run: Run, load_cell: Path) -> None:
    message = refused(run, "--data", load_cell, "--x", "Load")
    assert "has no column 'Load'; it has 'load', 'deflection'" in message
    assert "no column '3'" in refused(run, "--data", load_cell, "--y", "3")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--degree", 0], "0 is not in the range"),
        (["--points", 3], "degree 3 needs at least 4 different values of x; there are 3"),
        (["--points", 1], "1 is not in the range"),
        (["--steps", 0], "0 is not in the range"),
        (["--lr", 0], "not a positive, finite number"),
        (["--lr", "nan"], "not a positive, finite number"),
        (["--lr", "inf"], "not a positive, finite number"),
        (["--lr", "fast"], "not a valid float"),
        (["--device", "tpu"], "'tpu' is not one of"),
        (["--dtype", "float8"], "'float8' is not one of"),
        (["--optimizer", "lion"], "'lion' is not one of"),
        (["--target", "gamma"], "'gamma' is not one of"),
        (["--seed", -1], "-1 is not in the range"),
        (["--x", "load"], "--x is about --data FILE, which is missing"),
        (["--no-header"], "--header is about --data FILE, which is missing"),
        (["--degree", 1001], "1001 is not in the range"),
        (["--plot", "fit.gif"], "must end in .png"),
        (["--sweep", "10,1"], "'10,1' is no list of whole numbers from 2 to"),
        (["--sweep", "10.5"], "is no list of whole numbers"),
        (["--sweep", "1e999"], "is no list of whole numbers"),
        (["--sweep", "many"], "is no list of whole numbers"),
        (["--sweep", "1e30"], "is no list of whole numbers from 2 to 1000000000000"),
        (["--sweep", "2,100"], "degree 3 needs at least 4 different values of x; there are 2"),
        (["--sweep", "10", "--points", 10], "--sweep times steps at sizes of its own: drop --poi"),
        (["--sweep", "--no-compare"], "drop --compare"),
    ],
)
def test_options(run: Run, arguments: list[object], expected: str) -> None:
    assert expected in refused(run, *arguments)


def test_degree_too_high_for_the_points(run: Run, load_cell: Path) -> None:
    message = refused(run, "--data", load_cell, "--degree", 20)
    assert "degree 20 needs at least 21 different values of load; there are 20" in message


def test_options_of_the_other_problem(run: Run, load_cell: Path) -> None:
    assert "--points belongs to" in refused(run, "--data", load_cell, "--points", 10)
    assert "--target belongs to" in refused(run, "--data", load_cell, "--target", "cos")


def test_files_are_checked_before_the_fit(run: Run, tmp_path: Path) -> None:
    for option in ("--save", "--plot"):
        message = refused(run, option, tmp_path / "none" / "fit.png")
        assert "there is no directory" in message
        assert "step" not in message


def test_plot_without_matplotlib(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrest.cli.show.plot.find_spec", lambda name: None)
    assert "pip install 'microgrest[plot]'" in refused(run, "--plot", "fit.png")


@pytest.mark.parametrize("mode", MODES)
def test_divergence_names_the_step_and_the_last_parameters(run: Run, mode: str) -> None:
    message = refused(run, "--lr", 1e-5, "--quiet", "--mode", mode)
    found = re.search(
        r"at lr 1e-05: .* at step (\d+)\. The last finite loss was (\S+), with coefficients "
        r"(\S+), (\S+), (\S+), (\S+)\. Try a smaller --lr",
        message,
    )
    assert found is not None, message
    assert 2 < int(found[1]) < 2000
    assert 1e30 < float(found[2]) < 3.5e38


@pytest.mark.parametrize("mode", MODES)
def test_divergence_begins_at_the_step_it_names(run: Run, mode: str) -> None:
    given = ("--lr", 1e-5, "--mode", mode)
    found = re.search(r"at step (\d+)", refused(run, *given))
    assert found is not None
    step = int(found[1])
    codes = [run("fit", *given, "--no-compare", "--steps", n).exit_code for n in (step - 1, step)]
    assert codes == [0, 2]


@pytest.mark.parametrize("mode", MODES)
def test_divergence_of_the_last_update_is_seen(run: Run, mode: str) -> None:
    """The loss of the only step is finite, the coefficients after it are not."""
    message = refused(run, "--lr", 1e36, "--steps", 1, "--mode", mode)
    assert "at step 1. The last finite loss was" in message


def test_cuda_without_a_gpu(run: Run) -> None:
    reason = cuda.problem()
    if reason is None:
        pytest.skip("there is a GPU")
    for sweep in ([], ["--sweep", "10,20"]):
        message = refused(run, "--device", "cuda", *sweep)
        assert f"--device cuda: {reason}" in message and "--device cpu" in message
