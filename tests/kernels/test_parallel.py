"""When kernels may run in parallel: layers, numbers of threads, threads, forks."""

from __future__ import annotations

import os
import threading

import numpy as np
import processes
import pytest
from microgrest.kernels import cache
from microgrest.kernels.cpu import parallel

import microgrest as mg

THREADED = pytest.mark.skipif(not parallel.usable(), reason="no thread-safe layer, or one core")

SOURCE = '''"""Blockwise sums of squares."""

import numpy as np
from numba import njit, prange


@njit(error_model="numpy", parallel=True, nogil=True)
def kernel(a, out):
    for k in prange(out.size):
        block = a[k * 1000 : (k + 1) * 1000]
        total = 0.0
        for i in range(block.size):
            total += block[i] * block[i]
        out[k] = total
'''

PROGRAM = f"""
import numpy as np
from microgrest.kernels import cache
from microgrest.kernels.cpu import parallel

import microgrest as mg

def compute():
    parallel.usable()
    out = np.empty(100)
    kernel = cache.load({SOURCE!r}).kernel
    kernel(np.arange(100_000.0), out)
    assert out[0] == sum(i * i for i in range(1000))
    return kernel
"""


@pytest.fixture
def threads():
    """Restores the number of threads."""
    before = parallel.get_num_threads()
    yield before
    parallel.set_num_threads(before)


def ask(expression: str, **environment: object) -> str:
    code = f"from microgrest.kernels.cpu import parallel; print(({expression}))"
    return processes.run(code, **environment)


def test_layer_has_a_name():
    assert parallel.layer() in ("tbb", "omp", "workqueue", "none")
    assert not parallel.usable() or parallel.layer() in parallel.THREAD_SAFE


def test_workqueue_is_serial():
    answer = ask(
        "parallel.layer(), parallel.usable(), parallel.get_num_threads()",
        NUMBA_THREADING_LAYER="workqueue",
        NUMBA_NUM_THREADS=4,
    )
    assert answer == "('workqueue', False, 1)"


def test_a_layer_that_does_not_load_is_serial():
    answer = ask("parallel.layer(), parallel.usable()", NUMBA_THREADING_LAYER="unheard-of")
    assert answer == "('none', False)"


@THREADED
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NUMBA_NUM_THREADS": 3}, 3),
        ({"NUMBA_NUM_THREADS": 1}, 1),
        ({"NUMBA_NUM_THREADS": 4, "OMP_NUM_THREADS": "2,1"}, 2),
        ({"NUMBA_NUM_THREADS": 4, "OMP_NUM_THREADS": 2, "MICROGREST_NUM_THREADS": 3}, 3),
        ({"NUMBA_NUM_THREADS": 2, "MICROGREST_NUM_THREADS": 64}, 2),
        ({"MICROGREST_NUM_THREADS": 1}, 1),
    ],
    ids=str,
)
def test_the_environment_sets_the_number(environment, expected):
    answer = ask("parallel.get_num_threads(), parallel.usable()", **environment)
    assert answer == str((expected, expected > 1))


def test_set_num_threads(threads):
    parallel.set_num_threads(1)
    assert parallel.get_num_threads() == 1 and not parallel.usable()
    parallel.set_num_threads(10_000)
    assert parallel.get_num_threads() >= threads
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match=f"positive integer, got {wrong}"):
            parallel.set_num_threads(wrong)
    with pytest.raises(TypeError):
        parallel.set_num_threads(1.5)  # type: ignore[arg-type]


@THREADED
def test_the_number_holds_in_every_thread():
    answer = processes.run(
        """
import threading
import numba
from microgrest.kernels.cpu import parallel

import microgrest as mg

def look():
    seen.append((parallel.usable(), numba.get_num_threads()))

seen = []
for n in (3, 2, 3):
    parallel.set_num_threads(n)
    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
print(seen == [(True, n) for n in (3, 3, 2, 2, 3, 3)])
""",
        NUMBA_NUM_THREADS=4,
    )
    assert answer == "True"


@THREADED
def test_the_environment_is_left_as_it_was():
    code = """
import os
before = dict(os.environ)
from microgrest.kernels.cpu import parallel

import microgrest as mg
assert parallel.usable()
print(os.environ == before)
"""
    assert processes.run(code) == "True"


@THREADED
def test_several_threads_run_one_kernel(threads):
    kernel = cache.load(SOURCE).kernel
    a = np.random.default_rng(0).standard_normal(300_000)
    expected = np.empty(300)
    parallel.set_num_threads(1)
    parallel._enter(1)
    kernel(a, expected)
    parallel.set_num_threads(threads)
    results = [np.empty(300) for _ in range(8)]

    def work(out: np.ndarray) -> None:
        assert parallel.usable()
        for _ in range(20):
            kernel(a, out)

    workers = [threading.Thread(target=work, args=(out,)) for out in results]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for out in results:
        np.testing.assert_array_equal(out, expected)


@THREADED
def test_parallel_kernels_come_from_the_disk(tmp_path):
    code = PROGRAM + "print(len(compute().stats.cache_hits))"
    assert processes.run(code, MICROGREST_CACHE_DIR=tmp_path) == "0"
    assert processes.run(code, MICROGREST_CACHE_DIR=tmp_path) == "1"


@THREADED
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_serial(tmp_path):
    code = """
compute()

def child():
    parallel.set_num_threads(4)
    return 10 * parallel.get_num_threads() + parallel.usable()

print(forked(child), parallel.usable())
"""
    program = processes.FORK + PROGRAM + code
    assert processes.run(program, MICROGREST_CACHE_DIR=tmp_path) == "10 True"


STEP = f"""
import microgrest as mg
from microgrest.kernels.cpu import parallel

x, w = mg.randn({2 * parallel.MINIMUM}), mg.tensor(0.5, requires_grad=True)

@mg.compile
def step():
    loss = ((w * x).sin() * x).sum()
    loss.backward()
    w.grad = None
    return loss

for _ in range(3):
    found = step().item()
assert ("prange" in step.source()) == parallel.usable()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_compiled_steps_fork(tmp_path) -> None:
    code = "print(forked(lambda: step().item() != found), step().item() == found)"
    program = processes.FORK + STEP + code
    assert processes.run(program, MICROGREST_CACHE_DIR=tmp_path) == "0 True"


def test_compiled_steps_keep_to_the_number_of_threads(tmp_path) -> None:
    code = (
        "parallel.set_num_threads(1); assert not parallel.usable(); print(step().item() == found)"
    )
    assert processes.run(STEP + code, MICROGREST_CACHE_DIR=tmp_path) == "True"


def test_operands_named_like_builtins() -> None:
    """What clamp calls its bounds are functions that a kernel by blocks calls."""
    x = mg.linspace(-2, 2, parallel.MINIMUM)
    bounded = x.clamp(-1.0, 1.0)
    assert (bounded.min().item(), bounded.max().item()) == (-1.0, 1.0)
    assert bounded.equal(x.minimum(mg.tensor(1.0)).maximum(mg.tensor(-1.0)))
