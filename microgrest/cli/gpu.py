"""Where a command runs: on the CPU or on a GPU."""

from __future__ import annotations

from .terminal.errors import InputError


def choose(wanted: str) -> str:
    """The device for `wanted`: cpu, cuda, or auto. InputError if cuda is wanted and not there.

    `auto` is cuda where a GPU can be used; the simulator, far slower than the CPU, only runs if
    cuda is asked for.
    """
    if wanted == "cpu":
        return "cpu"
    from microgrest.cuda import problem
    from microgrest.kernels.cuda.driver.environment import simulated

    reason = problem()
    if wanted == "cuda" and reason is not None:
        raise InputError(
            f"--device cuda: {reason}; or use --device cpu (microgrest doctor tells what is here)"
        )
    return "cpu" if reason is not None or (wanted == "auto" and simulated()) else "cuda"
