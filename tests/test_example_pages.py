"""The pages under examples/: each in short, eagerly and compiled, and to what it is about."""

from __future__ import annotations

import math
import re
import runpy
from pathlib import Path

import pytest

import microgrest as torch

EXAMPLES = Path(__file__).parent.parent / "examples"


def close(value, expected, by):
    return abs(value - expected) <= by


# Of each page: its arguments, in short, and what must hold of what it comes to.
PAGES = {
    "regression/linear": (
        {"epochs": 20},
        lambda found: close(found["slope"], 2.5, 0.2) and close(found["intercept"], -4, 0.4),
    ),
    "regression/logistic": (
        {"steps": 60},
        lambda found: found["right"] > 0.95 and found["loss"] < 0.1,
    ),
    "regression/softmax": ({"steps": 50}, lambda found: found["right"] > 0.9),
    "regression/overfitting": (
        {"epochs": 40},
        lambda found: (
            found["test, 3"] < found["test, 0"] / 4 and found["norm, 3"] < found["norm, 0"] / 4
        ),
    ),
    "regression/l1": (
        {"steps": 300},
        lambda found: found["large, 0.3"] <= 8 and found["error, 0.3"] < found["error, 0.0"] / 2,
    ),
    "regression/early_stopping": (
        {"epochs": 100},
        lambda found: found["again"] == found["best"] and found["epochs"] < 100,
    ),
    "regression/factorization": ({"steps": 200}, lambda found: found["share"] < 0.8),
    "networks/moons": ({"steps": 200}, lambda found: found["right"] > 0.97),
    "networks/dropout": (
        {"steps": 400},
        lambda found: (
            found["test, 0.5"] < found["test, 0.0"] and found["train, 0.5"] > found["train, 0.0"]
        ),
    ),
    "networks/freezing": (
        {"steps": 300},
        lambda found: found["kept"] and found["frozen"] < found["free"] / 10,
    ),
    "networks/activation_maximisation": (
        {"steps": 100},
        lambda found: found["least"] > 0.99,
    ),
    "networks/digits": ({"epochs": 4}, lambda found: found["right"] > 0.7),
    "networks/recurrent_sine": ({"steps": 40}, lambda found: found["loss"] < 0.1),
    "networks/characters": ({"steps": 20}, lambda found: found["loss"] < 2.9),
    "further/gan_ring": ({"steps": 60}, lambda found: close(found["radius"], 1, 0.8)),
    "further/vae": ({"steps": 150}, lambda found: found["loss"] < 16 and found["apart"] > 0.5),
    "further/cart_pole": (
        {"rounds": 12},
        lambda found: found["last"] > 1.5 * found["first"],
    ),
    "further/ode": ({"steps": 200}, lambda found: found["error"] < 0.3),
    "further/newton": (
        {"steps": 8},
        lambda found: (
            close(found["omega"] * math.exp(found["omega"]), 1, 1e-15)
            and close(found["x"], 1, 1e-12)
            and close(found["y"], 1, 1e-12)
        ),
    ),
}
NEEDED = {"networks/digits": "sklearn"}


def main_of(name):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="example")["main"]


@pytest.mark.parametrize("name", PAGES)
def test_eager(name, capsys):
    short, holds = PAGES[name]
    found = main_of(name)(**short)
    assert holds(found), found
    assert capsys.readouterr().out


# So many steps that most run as native code, and so few that rounding does not matter yet.
FIRST = {"steps": 12, "epochs": 2, "rounds": 4}
# A transformer of two layers takes LLVM half a minute, more than all other pages.
LONG = {"networks/characters"}


@pytest.mark.parametrize(
    "name", [pytest.param(p, marks=pytest.mark.slow if p in LONG else ()) for p in PAGES]
)
def test_compiled(name):
    """The same numbers as in eager mode: random ones are drawn in the same order."""
    (option,) = PAGES[name][0]
    main, first = main_of(name), {option: FIRST[option]}
    expected = main(**first)
    assert main(**first, compiled=True) == pytest.approx(expected, rel=2e-3, abs=1e-4)


# As much as shows that it runs.
BRIEFLY = {"steps": 3, "epochs": 2, "rounds": 2}
# Regressions, overfitting and weight decay, L1, dropout, early stopping, freezing, activation
# maximisation, second derivatives and Newton's method.
EVERYWHERE = [
    name for name in PAGES if name.startswith("regression/") and "factorization" not in name
] + ["networks/dropout", "networks/freezing", "networks/activation_maximisation", "further/newton"]


@pytest.mark.devices
@pytest.mark.parametrize("name", EVERYWHERE)
def test_device(name):
    """The first steps are those of the CPU, random numbers and all."""
    (option,) = PAGES[name][0]
    brief, device = {option: BRIEFLY[option]}, torch.get_default_device()
    found = main_of(name)(**brief)
    torch.set_default_device("cpu")
    try:
        expected = main_of(name)(**brief)
    finally:
        torch.set_default_device(device)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", PAGES)
def test_picture(name, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf().get_axes()))
    (option,) = PAGES[name][0]
    try:
        main_of(name)(**{option: BRIEFLY[option]}, plot=True)
    finally:
        plt.close("all")
    assert len(shown) == 1 and shown[0]


def test_every_page_is_run_and_listed():
    pages = {f"{path.parent.name}/{path.stem}" for path in EXAMPLES.glob("*/*.py")}
    assert pages == PAGES.keys()
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([a-z0-9_/]+)\.py\)", index)
    single = {path.stem for path in EXAMPLES.glob("*.py")}
    assert sorted(linked) == sorted(pages | single)
