"""What one run of `microgrest fit` was asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

TARGETS = ("abs", "atan", "cos", "cosh", "erf", "exp", "sigmoid", "sin", "sinh", "tanh")
OPTIMIZERS = ("sgd", "rmsprop", "adam")
DTYPES = ("float32", "float64")
DEVICES = ("auto", "cpu", "cuda")
MODES = ("compiled", "eager")
READY = (
    *("damped_sine", "double_exponential", "exponential", "gaussian", "hill", "line", "logistic"),
    *("lorentzian", "michaelis_menten", "polynomial", "power_law", "pseudo_voigt"),
)
LOSSES = ("linear", "soft_l1", "huber", "cauchy", "arctan")


@dataclass(frozen=True)
class Settings:
    """The options of `fit`, each under its own name; None where the default depends on the rest."""

    points: int = 2000
    steps: int = 2000
    lr: float | None = None
    degree: int = 3
    optimizer: str = "sgd"
    dtype: str = "float32"
    device: str = "auto"
    mode: str = "compiled"
    seed: int = 0
    target: str = "sin"
    data: Path | None = None
    x: str | None = None
    y: str | None = None
    header: bool | None = None
    save: Path | None = None
    plot: Path | None = None
    compare: bool = True
    json: bool = False
    quiet: bool = False
    sweep: tuple[int, ...] | None = None

    @property
    def tutorial(self) -> bool:
        """Whether this is the cubic of PyTorch's tutorial: fitted in raw units, by plain SGD."""
        return self.data is None and self.degree == 3 and self.optimizer == "sgd"


@dataclass(frozen=True)
class Asked:
    """The options of `fit --model`, each under its own name; parameters by their names."""

    model: str
    data: Path
    x: str | None = None
    y: str | None = None
    header: bool | None = None
    sigma: str | None = None
    absolute_sigma: bool = False
    group: str | None = None
    nan_policy: str = "raise"
    p0: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    fix: dict[str, float] = field(default_factory=dict)
    loss: str = "linear"
    f_scale: float = 1.0
    csv: Path | None = None
    save: Path | None = None
    plot: Path | None = None
    json: bool = False
    quiet: bool = False
