"""Compiled steps on CUDA: the plan of a step as one kernel of one block, or as several kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.plan import Plan
from ..proof import launches, races
from ..trace import Native

if TYPE_CHECKING:
    from .several import Several

__all__ = ["build"]


def build(plan: Plan, plainly: bool = False) -> Native:
    """The native function of a plan; kernels compile, or come from the cache, as they first run.

    `plainly`, each loop is a kernel of its own. Refused, where threads would meet: see `races`.
    """
    from . import choice

    if plainly:
        return many_kernels(plan, "as it was written")
    chosen = choice.choose(plan)
    return one_block(plan, str(chosen)) if chosen.one_block else many_kernels(plan, str(chosen))


def one_block(plan: Plan, why: str = "") -> Native:
    """All steps in a single launch of one block; `why` is told people."""
    from ...cuda.driver.device import simulated
    from ...cuda.driver.launch import THREADS
    from . import choice
    from .block import block_source
    from .native import OneBlock

    threads = THREADS if simulated else choice.threads_of(plan)
    source, block = block_source(plan, threads)
    races.check(source.text)
    target = f"CUDA, all steps in one launch of a block of {threads} threads: {why}"
    return OneBlock(plan, block, source, target)


def many_kernels(plan: Plan, why: str = "") -> Native:
    """Kernels one after the other."""
    from .native import ManyKernels
    from .several import Several

    several = Several(plan)
    check(several)
    return ManyKernels(plan, several, f"CUDA, {len(several.each)} launches a step: {why}")


def check(several: Several) -> None:
    """Refused, where threads would meet, or kernels come in another order than the plan's."""
    from .grid import Launch

    plan, texts = several.plan, []
    for items in (several.once, several.each):
        kernels = [item for item in items if isinstance(item, Launch)]
        for kernel in kernels:
            races.check(kernel.source.text, kernel.blocks)
        texts.append([x.source.text if isinstance(x, Launch) else x for x in items])
    launches.check([*zip((plan.once, plan.each), texts, strict=True)], several.names)
