"""The 27 NIST StRD sets for nonlinear regression: data, starts, certified answers, and models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Array = Any
FOLDER = Path(__file__).parent / "nist"
_PARAMETER = re.compile(r"\s*b(\d+)\s*=\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)")


class Set(NamedTuple):
    """One set; rows of `starts` are the two starts."""

    name: str
    model: Callable[..., Any]
    x: Array
    y: Array
    starts: Array
    certified: Array
    deviations: Array


def bennett5(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * (b2 + x) ** (-1 / b3)


def boxbod(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - np.exp(-b2 * x))


def chwirut(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return np.exp(-b1 * x) / (b2 + b3 * x)


def danwood(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * x**b2


def enso(
    x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any, b9: Any
) -> Any:
    t = 2 * np.pi * x
    yearly = b2 * np.cos(t / 12) + b3 * np.sin(t / 12)
    long = b5 * np.cos(t / b4) + b6 * np.sin(t / b4)
    return b1 + yearly + long + b8 * np.cos(t / b7) + b9 * np.sin(t / b7)


def eckerle4(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 / b2 * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def gauss(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any) -> Any:
    peaks = b3 * np.exp(-((x - b4) ** 2) / b5**2) + b6 * np.exp(-((x - b7) ** 2) / b8**2)
    return b1 * np.exp(-b2 * x) + peaks


def cubic_ratio(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def kirby2(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def lanczos(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any) -> Any:
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def mgh09(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def mgh10(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * np.exp(b2 / (x + b3))


def mgh17(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def misra1b(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + b2 * x / 2) ** -2)


def misra1c(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + 2 * b2 * x) ** -0.5)


def misra1d(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * b2 * x / (1 + b2 * x)


def nelson(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 - b2 * x[0] * np.exp(-b3 * x[1])


def rat42(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 / (1 + np.exp(b2 - b3 * x))


def rat43(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def roszman1(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


MODELS: dict[str, Callable[..., Any]] = {
    "Bennett5": bennett5,
    "BoxBOD": boxbod,
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": danwood,
    "ENSO": enso,
    "Eckerle4": eckerle4,
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubic_ratio,
    "Kirby2": kirby2,
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": mgh09,
    "MGH10": mgh10,
    "MGH17": mgh17,
    "Misra1a": boxbod,
    "Misra1b": misra1b,
    "Misra1c": misra1c,
    "Misra1d": misra1d,
    "Nelson": nelson,
    "Rat42": rat42,
    "Rat43": rat43,
    "Roszman1": roszman1,
    "Thurber": cubic_ratio,
}


def load(name: str) -> Set:
    """A set by its name."""
    lines = (FOLDER / f"{name}.dat").read_text(encoding="utf-8").splitlines()
    rows = [m.groups()[1:] for m in map(_PARAMETER.match, lines) if m]
    table = np.array([[float(number) for number in row] for row in rows])
    begin = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    data = np.array([[float(v) for v in line.split()] for line in lines[begin:] if line.strip()])
    x, y = data[:, 1:].T, data[:, 0]
    if name == "Nelson":
        y = np.log(y)
    x = x if len(x) > 1 else x[0]
    return Set(name, MODELS[name], x, y, table[:, :2].T, table[:, 2], table[:, 3])


def digits(found: Array, certified: Array) -> float:
    """How many digits agree, in the worst of the numbers; at most 11, which are certified."""
    if not np.isfinite(found).all():
        return 0.0
    apart = np.abs(found - certified) / np.abs(certified)
    return float(np.clip(-np.log10(np.maximum(apart, 1e-11)), 0, 11).min())
