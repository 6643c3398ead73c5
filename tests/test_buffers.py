"""A large buffer goes back to the pool only when nothing can see it any more."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from microgrest.kernels.cpu import memory

import microgrest as mg

N = memory.POOL_MIN  # float32 elements: four times the size from which the pool serves
EACH = memory.size_class(4 * N)


@pytest.fixture(autouse=True)
def empty_pool() -> Iterator[None]:
    gc.collect()
    memory.trim()
    yield
    memory.trim()


def kept() -> int:
    return memory.stats().kept_bytes


def churn() -> None:
    """Take and give back more buffers of the size than any test holds."""
    for value in range(8):
        held = [mg.full((N,), float(value)) for _ in range(4)]
        assert all(t[0].item() == value for t in held)


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "numpy": lambda t: t.numpy(),
    "a slice of numpy": lambda t: t.numpy()[10:20],
    "a view of a view": lambda t: t[5:].view(-1, 1).T,
    "numpy of a view": lambda t: t.view(2, -1).T[1:].numpy(),
    "detach": lambda t: t.detach(),
    "data": lambda t: t.data,
    "an item": lambda t: t[0],
    "a memoryview": lambda t: memoryview(t.numpy()),
    "DLPack": lambda t: np.from_dlpack(t),
    "a DLPack capsule": lambda t: t.__dlpack__(),
    "__array__": lambda t: np.asarray(t),
    "another dtype over the bytes": lambda t: t.numpy().view(np.uint8),
    "from_numpy of numpy": lambda t: mg.from_numpy(t.numpy()),
    "an iterator": lambda t: t.numpy().flat,
    "a field": lambda t: {"deep": [(t.numpy(),)]},
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_holder_keeps_the_buffer(name: str) -> None:
    t = mg.full((N,), 7.0)
    witness = t.numpy()[::1000]
    copy, address = witness.copy(), t.data_ptr()
    del witness
    held = HOLDERS[name](t)
    del t
    assert kept() == 0
    churn()
    seen = np.ctypeslib.as_array(_floats(address), (N,))[::1000]
    np.testing.assert_array_equal(seen, copy)
    before = kept()
    del held
    assert kept() == before + EACH


def _floats(address: int) -> Any:
    import ctypes

    return ctypes.cast(address, ctypes.POINTER(ctypes.c_float))


def test_what_the_graph_saved_is_kept_until_backward() -> None:
    x = mg.full((N,), 0.5).requires_grad_()
    loss = x.exp().sum()
    assert kept() == 0
    churn()
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(np.float32(0.5)), rtol=1e-6)
    del loss, x
    assert kept() > 0


def test_a_gradient_is_kept_while_it_is_seen() -> None:
    x = mg.full((N,), 0.5).requires_grad_()
    (x * x).sum().backward()
    seen = x.grad.numpy()
    x.grad = None
    churn()
    assert (seen == 1).all()


def test_replaced_data_is_given_back() -> None:
    x = mg.full((N,), 1.0)
    x.data = mg.zeros(3)
    assert kept() == EACH


def test_an_error_gives_its_buffers_back() -> None:
    x = mg.full((N,), 1.0)
    with pytest.raises(RuntimeError, match="must match the size"):
        (x + 1) + mg.ones(3)
    gc.collect()
    assert kept() == EACH


def test_temporaries_come_from_the_pool() -> None:
    x = mg.full((N,), 1.0)
    x = ((x + 1) * 2 - 3).exp()
    before = memory.stats()
    for _ in range(10):
        y = ((x + 1) * 2 - 3).exp()
        del y
    after = memory.stats()
    assert after.misses - before.misses <= 2
    assert after.hits - before.hits >= 35


def test_what_the_pool_keeps_is_bounded() -> None:
    limit = memory.stats().limit
    held = [mg.zeros(N) for _ in range(20)]
    del held
    assert 0 < kept() <= limit
    assert memory.trim(EACH) > 0
    assert kept() <= EACH


def test_small_tensors_do_not_use_the_pool() -> None:
    before = memory.stats()
    held = [mg.zeros(100) for _ in range(10)]
    del held
    assert memory.stats() == before


def test_threads_get_buffers_of_their_own() -> None:
    wrong: list[float] = []

    def work(value: float) -> None:
        for _ in range(30):
            t = mg.full((N,), value)
            view = t.numpy()[::997]
            del t
            again = mg.full((N,), -value)
            if not (view == value).all() or again[3].item() != -value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(float(k + 1),)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
