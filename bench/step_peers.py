"""Whom the compiled step is compared with: each peer takes the steps of a workload its own way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import peers
import step_functional as functional
import step_hand as hand
from step_cases import HAND, Array, Program, Runner, Workload

OURS = "microgrest"  # the compiled step, repeated: what all others are compared with
CALL = "microgrest call"
EAGER = "microgrest eager"
HAND_PARALLEL = f"{HAND}, parallel"


@dataclass(frozen=True)
class Peer:
    """`build` prepares a workload's steps, from the start; None where it does not apply.

    `module` is what must be installed. A `slow` peer takes many seconds to compile.
    """

    name: str
    module: str
    build: Callable[[Workload], Runner | None]
    slow: bool = False

    @property
    def ours(self) -> bool:
        """Whether this is a form of microgrest; what goes wrong in one ends a run."""
        return self.module == "microgrest"

    @property
    def missing(self) -> str:
        """Why this peer cannot take part here; empty if it can."""
        if not peers.installed(self.module):
            return f"{self.module} is not installed"
        if self.name in (OURS, CALL) and not hasattr(peers.load(self.module), "compile"):
            return "this version has no microgrest.compile"
        return ""


def program(module: str, workload: Workload, **options: Any) -> Program:
    """The workload's program on a library with PyTorch's names."""
    return workload.program(peers.load(module), workload, **options)


def values(parameters: tuple[Any, ...]) -> Array:
    """Of tensors, as they are now."""
    return np.concatenate([np.array(p.detach().numpy()).ravel() for p in parameters])


def repeated(workload: Workload) -> Runner:
    """`step.repeat(n)`, with its checks for NaN, as a user would write it."""
    step, parameters = program("microgrest", workload)
    compiled = peers.load("microgrest").compile(step)
    return Runner(compiled.repeat, lambda: values(parameters))


def called(workload: Workload) -> Runner:
    """One call of the compiled step after the other."""
    step, parameters = program("microgrest", workload)
    return Runner.of_steps(peers.load("microgrest").compile(step), lambda: values(parameters))


def eager(module: str, **options: Any) -> Callable[[Workload], Runner | None]:
    """The program as it stands; with `options`, only where its optimizer has some."""

    def build(workload: Workload) -> Runner | None:
        if options and workload.name != "relu":
            return None
        step, parameters = program(module, workload, **options)
        return Runner.of_steps(step, lambda: values(parameters))

    return build


def torch_compiled(workload: Workload) -> Runner:
    """torch.compile on the ordinary step."""
    step, parameters = program("torch", workload)
    return Runner.of_steps(peers.load("torch").compile(step), lambda: values(parameters))


PEERS = (
    Peer(OURS, "microgrest", repeated),
    Peer(HAND, "numba", hand.serial),
    Peer(HAND_PARALLEL, "numba", hand.parallel),
    Peer(CALL, "microgrest", called),
    Peer(EAGER, "microgrest", eager("microgrest")),
    Peer("NumPy", "numpy", hand.numpy),
    Peer("PyTorch eager", "torch", eager("torch")),
    Peer("PyTorch eager, fused Adam", "torch", eager("torch", fused=True)),
    Peer("JAX step", "jax", functional.jax_step),
    Peer("JAX loop", "jax", functional.jax_loop),
    Peer("PyTensor scan", "pytensor", functional.pytensor_scan),
    Peer("torch.compile", "torch", torch_compiled, slow=True),
    Peer("torch.compile, functional", "torch", functional.torch_step, slow=True),
    Peer("torch while_loop", "torch", functional.torch_loop, slow=True),
)


def use_threads(workload: Workload) -> None:
    """All threads for a parallel workload, else one; JAX keeps its own number."""
    peers.use_threads(peers.threads() if workload.parallel else 1)
