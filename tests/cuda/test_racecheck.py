"""Kernels whose threads share memory, watched for races, by `racecheck`; and what it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks import HERE, simulate

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'"
)

PROGRAM = """
import numpy as np
from numba import cuda
from microgrest.kernels.cuda.driver import simulator

@cuda.jit
def kernel(x):
    shared = cuda.shared.array(8, np.float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    {}

simulator.launch(None, (2, 8), kernel, simulator.empty(16, np.dtype(np.float32), None).ptr)
"""
WRONG = {
    "Visit": "shared[0] = t",
    "Visit(block=1": "x[t] = i",
    "never written": "x[i] = shared[t]",
    "no element -1": "x[i - 1 if i == 0 else i] = 0",
    "no element 16": "x[i + 1] = 0",
    "barriers": "cuda.syncthreads() if t < 4 else None",
}
RIGHT = "shared[t] = x[i]; cuda.syncthreads(); x[i] = shared[7 - t]"
SORTING = """
import numpy as np
from microgrest.kernels.cuda import kinds, memory
from microgrest.kernels.source.kind import Launches
from microgrest.kernels.kinds.orders.words import by_digits

room = kinds.ROOM._replace(threads=32)  # two groups whose sums are added up
words = np.random.default_rng(5).integers(0, 1 << 10, 300).astype(np.uint64)
spans = {name: memory.allocator(words.dtype)(words.size) for name in ("words", "words_ordered")}
memory.from_host(spans["words"], words)
found = by_digits("words", words.size, 5, 10, room)
rest = {name: kind for name, kind in found.scratch.items() if name not in spans}
kinds.bound(Launches(found.stages, rest), [*spans], "sort")([*spans.values()], (None,) * 4, ())
ordered = memory.to_host(spans[found.result])
np.testing.assert_array_equal(ordered, sorted(words, key=lambda word: word >> 5))
"""


def watch(tmp_path: Path, text: str) -> None:
    """Run the text of a program."""
    path = tmp_path / "program.py"
    path.write_text(text)
    simulate("racecheck.py", str(path))


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_found(message: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=message.replace("(", r"\(")):
        watch(tmp_path, PROGRAM.format(WRONG[message]))


def test_what_is_right_passes(tmp_path: Path) -> None:
    watch(tmp_path, PROGRAM.format(RIGHT))


@pytest.mark.parametrize(
    "name", ["reduction", "contraction", pytest.param("scan", marks=pytest.mark.slow)]
)
def test_kernels(name: str) -> None:
    arguments = ["layouts"] if name == "contraction" else []
    simulate("racecheck.py", str(HERE / f"simulated_{name}.py"), *arguments)


def test_sorting(tmp_path: Path) -> None:
    watch(tmp_path, SORTING)
