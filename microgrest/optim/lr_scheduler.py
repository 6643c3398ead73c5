"""Learning rate schedulers: PyTorch's names, arguments, defaults and numbers."""

from __future__ import annotations

from .schedulers.combined import ChainedScheduler, SequentialLR
from .schedulers.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .schedulers.plateau import ReduceLROnPlateau
from .schedulers.scheduler import LRScheduler
from .schedulers.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
