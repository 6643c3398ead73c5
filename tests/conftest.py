"""One suite, several devices: `pytest --device simulator` runs it on Numba's simulator of a GPU.

The simulator has to be chosen before Numba loads, so this runs first. Elsewhere than on the CPU
only modules marked `devices` take part, without their tests marked `host`, nor, on the
simulator, those marked `large`.

`pytest -n auto` runs it in one process per processor, but not in more than `MOST`: each of them
compiles what it finds missing in the kernel cache, whoever else is about to, and takes a gigabyte.
So each begins with a part of the suite that is in one piece, as tests that stand together use the
same kernels; who has done takes over the end of what others still have before them.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# What is tested are compiled kernels; `tests/kernels/test_first_calls.py` has NumPy's part.
os.environ["MICROGREST_FIRST_CALLS"] = "0"
CHOICES = ("cpu", "simulator", "cuda")
MOST = 8  # processes


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device", choices=CHOICES, default="cpu", help="where the tests make their tensors"
    )


def pytest_configure(config: pytest.Config) -> None:
    _choose_device(config)
    if "PYTEST_XDIST_WORKER" in os.environ:
        from microgrest.kernels.cache import elsewhere

        # Every processor has tests to run, so none is left to compile ahead of need on, and a child
        # that compiles in place of this process, to give memory back, is not begun anew as often.
        elsewhere._cores = lambda: 1
        elsewhere.JOBS = 3 * elsewhere.JOBS


def _choose_device(config: pytest.Config) -> None:
    device = config.getoption("--device")
    if device == "simulator":
        assert "numba" not in sys.modules, "the simulator has to be chosen before Numba loads"
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    if device != "cpu":
        import microgrest

        reason = microgrest.cuda.problem()
        if reason is not None:
            pytest.exit(f"--device {device}: {reason}", 2)
        microgrest.set_default_device("cuda")


@pytest.hookimpl(wrapper=True, optionalhook=True)  # of pytest-xdist, where it is installed
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    return min((yield), MOST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import WorkStealingScheduling

    chosen = config.getoption("dist")
    return WorkStealingScheduling(config, log) if chosen == "load" else None  # the default


@pytest.fixture(autouse=True)
def few_steps() -> None:
    """A test process compiles many steps, of which a user's would be warned; all are proved."""
    build = sys.modules.get("microgrest.kernels.steps.build")
    if build is not None:
        build._sources.clear()
        build.proof.always = True


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Every test draws the same numbers in every run, whatever ran before it."""
    random = sys.modules.get("microgrest.random")
    if random is not None:
        random.manual_seed(0)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file without the mark has no part in this, so it is not imported at all."""
    if config.getoption("--device") == "cpu" or collection_path.is_dir():
        return None
    return "mark.devices" not in collection_path.read_text("utf-8") or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collection makes stays, so Python's garbage collector looks at it once, at its end.

    Whoever keeps a tensor of a step is found among all objects that the collector knows, for each
    step that is recorded, and ten thousand tests are a million of them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    device = config.getoption("--device")
    if device == "cpu":
        return
    left_out = {"host", "large"} if device == "simulator" else {"host"}
    fits = [item for item in items if _runs_on_devices(item, left_out)]
    config.hook.pytest_deselected(items=[item for item in items if item not in fits])
    items[:] = fits


def _runs_on_devices(item: pytest.Item, left_out: set[str]) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    return "devices" in marks and not marks & left_out
