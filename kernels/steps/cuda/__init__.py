"""Compiled steps on CUDA: the plan of a step as one kernel of one block, or as several kernels."""

from __future__ import annotations

from ..plan import Plan
from ..trace import Native

__all__ = ["build"]


def build(plan: Plan) -> Native:
    """The native function of a plan; kernels compile, or come from the cache, as they first run."""
    from . import choice

    chosen = choice.choose(plan)
    return one_block(plan, str(chosen)) if chosen.one_block else many_kernels(plan, str(chosen))


def one_block(plan: Plan, why: str = "") -> Native:
    """All steps in a single launch of one block; `why` is told people."""
    from ...cuda.device import simulated
    from ...cuda.launch import THREADS
    from . import choice
    from .block import block_source
    from .native import OneBlock

    threads = THREADS if simulated else choice.threads_of(plan)
    source, block = block_source(plan, threads)
    target = f"CUDA, all steps in one launch of a block of {threads} threads: {why}"
    return OneBlock(plan, block, source, target)


def many_kernels(plan: Plan, why: str = "") -> Native:
    """Kernels one after the other."""
    from .native import ManyKernels
    from .several import Several

    several = Several(plan)
    return ManyKernels(plan, several, f"CUDA, {len(several.each)} launches a step: {why}")
