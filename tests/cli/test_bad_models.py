"""What `fit --model` cannot use: status 2, and a line that names column, row or parameter."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run

X = "x,y,s,g\n" + "".join(f"{x},{3 - 0.5 * x + 0.1 * (x % 3)},0.1,{x % 2}\n" for x in range(10))
LINE = ("--model", "a*x + b")

# Data, options, what the error says.
CASES: dict[str, tuple[str, tuple[object, ...], str]] = {
    # Formulas.
    "an import": (X, ("--model", "__import__('os')"), "no function '__import__'"),
    "a call of a call": (X, ("--model", "exp(x)(a)"), "only functions by their names are called"),
    "an attribute": (X, ("--model", "a*x.real"), "names have no attributes"),
    "numpy's name": (X, ("--model", "a*np.exp(x)"), "only functions by their names are called"),
    "an unknown function": (X, ("--model", "a*expp(x)"), "did you mean exp?"),
    "a lambda": (X, ("--model", "(lambda: x)()"), "only functions by their names"),
    "a list": (X, ("--model", "[x for a in x]"), "ListComp is not allowed"),
    "text": (X, ("--model", "a*x + 'b'"), "is no real number"),
    "no ready model": (X, ("--model", "gausian"), "no model 'gausian'; there are polynomial, line"),
    "a bound of a ready model": (X, ("--model", "line", "--p0", "a=1"), "it has slope, intercept"),
    "half a formula": (X, ("--model", "a*exp(-k*x"), "'(' was never closed"),
    "an empty formula": (X, ("--model", ""), "--model"),
    "no x": (X, ("--model", "a*t + b"), "'x' is not in it"),
    "a power by ^": (X, ("--model", "a*x^2"), "`^` is no power; write **"),
    "underscores": (X, ("--model", "a*x + __class__"), "begins with _"),
    "two arguments of one": (X, ("--model", "a*exp(x, b)"), "exp() takes 1 argument"),
    "an imaginary number": (X, ("--model", "a*x + 1j"), "is no real number"),
    "no parameter": (X, ("--model", "2*x"), "has no parameter that could be fitted"),
    "deeper than deep": (X, ("--model", "(" * 300 + "a*x" + ")" * 300), "--model"),
    "longer than long": (X, ("--model", "a*x" + " + b*x" * 2000), "characters, more than"),
    # Parameters.
    "an unknown start": (
        X,
        (*LINE, "--p0", "q=1"),
        "--p0: the model has no parameter 'q'; it has a",
    ),
    "an unknown bound": (
        X,
        (*LINE, "--bounds", "q=0:1"),
        "--bounds: the model has no parameter 'q'",
    ),
    "an unknown constant": (X, (*LINE, "--fix", "x=1"), "--fix: the model has no parameter 'x'"),
    "a start without a value": (X, (*LINE, "--p0", "a"), "'a' is not of the form NAME=VALUE"),
    "a start that is text": (X, (*LINE, "--p0", "a=one"), "a: 'one' is not a number"),
    "a start that is nan": (X, (*LINE, "--p0", "a=nan"), "a: nan is not a number"),
    "a start that is infinite": (X, (*LINE, "--p0", "a=inf"), "a: inf is not finite"),
    "a start given twice": (X, (*LINE, "--p0", "a=1,a=2"), "a is given twice"),
    "an empty start": (X, (*LINE, "--p0", ""), "'' is not of the form NAME=VALUE"),
    "a name that is none": (X, (*LINE, "--p0", "1=2"), "'1=2' is not of the form NAME=VALUE"),
    "a bound without a colon": (
        X,
        (*LINE, "--bounds", "a=3"),
        "a: '3' is not of the form LOW:HIGH",
    ),
    "bounds crossed": (X, (*LINE, "--bounds", "a=3:1"), "a: 3 is not less than 1"),
    "bounds equal": (X, (*LINE, "--bounds", "a=1:1"), "a: 1 is not less than 1"),
    "a start out of bounds": (
        X,
        (*LINE, "--p0", "a=9", "--bounds", "a=0:5"),
        "--p0: a begins at 9, outside of 0 to 5",
    ),
    "a start of what is fixed": (X, (*LINE, "--p0", "a=1", "--fix", "a=1"), "--p0: a is fixed"),
    "bounds of what is fixed": (X, (*LINE, "--bounds", "a=0:", "--fix", "a=1"), "a is fixed"),
    "all is fixed": (X, (*LINE, "--fix", "a=1,b=2"), "has no parameter that could be fitted"),
    # Columns and rows.
    "an unknown x": (X, (*LINE, "--x", "t"), "has no column 't'; it has 'x', 'y', 's', 'g'"),
    "an unknown sigma": (X, (*LINE, "--sigma", "e"), "has no column 'e'"),
    "an unknown group": (X, (*LINE, "--group", "e"), "has no column 'e'"),
    "a hole in y": ("x,y\n1,2\n2,\n3,4\n", LINE, "line 3, column 'y': the value is missing"),
    "nan in y": ("x,y\n1,2\n2,nan\n3,4\n", LINE, "line 3, column 'y': nan is not finite"),
    "nan in x": ("x,y\nnan,2\n2,1\n3,4\n", LINE, "line 2, column 'x': nan is not finite"),
    "infinity, though nan is omitted": (
        "x,y\n1,2\n2,inf\n3,4\n",
        (*LINE, "--nan-policy", "omit"),
        "line 3, column 'y': inf is not finite",
    ),
    "a hole in sigma": (
        "x,y,s\n1,2,1\n2,3,\n3,4,1\n",
        (*LINE, "--sigma", "s"),
        "line 3, column 's': the value is missing",
    ),
    "an error of 0": (
        "x,y,s\n1,2,1\n2,3,0\n3,4,1\n",
        (*LINE, "--sigma", "s"),
        "line 3, column 's': 0 is no standard error",
    ),
    "a negative error": (
        "x,y,s\n1,2,1\n2,3,1\n3,4,-1\n",
        (*LINE, "--sigma", "s"),
        "line 4, column 's': -1 is no standard error",
    ),
    "text in y": ("x,y\n1,2\n2,two\n3,4\n", LINE, "line 3, column 'y': 'two' is not a number"),
    "more parameters than rows": ("x,y\n1,2\n", LINE, "2 parameters (a, b) need as many rows"),
    "all left out": ("x,y\n1,\n", (*LINE, "--nan-policy", "omit"), "no row that is whole"),
    # Where a fit cannot begin, or does not end.
    "nan at the start": (
        X,
        ("--model", "a*log(x) + b"),
        "line 2: at x = 0 the model is -inf where the fit begins, with a = 1, b = 1",
    ),
    "a root of what is negative": (
        X,
        ("--model", "sqrt(a - x)"),
        "line 4: at x = 2 the model is nan",
    ),
    "overflow": (X, ("--model", "exp(a*x)", "--p0", "a=1e5"), "line 3: at x = 1 the model is inf"),
    # Options.
    "no data": (X, ("--model", "a*x"), "--model is fitted to --data FILE, which is missing"),
    "a degree": (X, (*LINE, "--degree", 2), "--degree is about a polynomial: drop it, or --model"),
    "a device": (X, (*LINE, "--device", "cpu"), "--device is about a polynomial"),
    "an unknown loss": (X, (*LINE, "--loss", "square"), "'square' is not one of"),
    "a scale without a loss": (
        X,
        (*LINE, "--f-scale", 2),
        "--f-scale is about --loss, which is linear",
    ),
    "a scale of 0": (
        X,
        (*LINE, "--loss", "huber", "--f-scale", 0),
        "not a positive, finite number",
    ),
    "an unknown policy": (X, (*LINE, "--nan-policy", "drop"), "'drop' is not one of"),
    "absolute errors of nothing": (X, (*LINE, "--absolute-sigma"), "is about --sigma COL"),
    "two things to print": (X, (*LINE, "--json", "--csv"), "both print: give one of them a FILE"),
    "a picture of no kind": (X, (*LINE, "--plot", "fit.gif"), "must end in .png"),
    "a folder that is not there": (
        X,
        (*LINE, "--csv", "none/fits.csv"),
        "there is no directory none",
    ),
    "starts of a polynomial": (
        X,
        ("--p0", "a=1"),
        "--p0 is about --model, which is missing",
    ),
    "groups of a polynomial": (X, ("--group", "g"), "--group is about --model"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(run: Run, tmp_path: Path, name: str) -> None:
    text, options, expected = CASES[name]
    data = tmp_path / "data.csv"
    data.write_text(text)
    given = [] if name == "no data" else ["--data", data]
    result = run("fit", *given, *options)
    assert result.exit_code == 2, result.output
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert expected in " ".join(result.stderr.split()), result.stderr


def test_there_are_sixty() -> None:
    assert len(CASES) >= 60
