"""Optimizers: PyTorch's names, arguments, defaults and numbers."""

from __future__ import annotations

from . import lr_scheduler, swa_utils
from .optimizer import Optimizer
from .rules.adafactor import Adafactor
from .rules.adaptive.adadelta import Adadelta
from .rules.adaptive.adagrad import Adagrad
from .rules.adaptive.adam import Adam, AdamW
from .rules.adaptive.adamax import Adamax
from .rules.adaptive.nadam import NAdam
from .rules.adaptive.radam import RAdam
from .rules.adaptive.rmsprop import RMSprop
from .rules.asgd import ASGD
from .rules.lbfgs import LBFGS
from .rules.muon import Muon
from .rules.rprop import Rprop
from .rules.sgd import SGD
from .rules.sparse import SparseAdam

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]
