"""Optimizers: PyTorch's names, arguments, defaults and numbers."""

from __future__ import annotations

from .adam import Adam
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop"]
