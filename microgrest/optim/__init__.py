"""Optimizers: PyTorch's names, arguments, defaults and numbers."""

from __future__ import annotations

from . import lr_scheduler, swa_utils
from .optimizer import Optimizer
from .rules.adadelta import Adadelta
from .rules.adafactor import Adafactor
from .rules.adagrad import Adagrad
from .rules.adam import Adam, AdamW
from .rules.adamax import Adamax
from .rules.asgd import ASGD
from .rules.lbfgs import LBFGS
from .rules.muon import Muon
from .rules.nadam import NAdam
from .rules.radam import RAdam
from .rules.rmsprop import RMSprop
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
