"""Memory shared with other libraries on a GPU, on a driver whose device memory is the host's."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import numpy as np
import pytest
from fake import Unavailable, built, on_fake_driver

import microgrest as mg

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)

DTYPES = (mg.bool_, mg.uint8, mg.int8, mg.int16, mg.int32, mg.int64)
DTYPES += (mg.float16, mg.float32, mg.float64)


class Array:
    """Another library's array: what it offers, over memory that it keeps."""

    def __init__(self, memory: Any, **changes: Any) -> None:
        self.memory = memory
        self.offered = memory.__cuda_array_interface__ | changes

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.offered


class Capsule:
    """An object that offers what another does, by DLPack only, and notes what it was asked."""

    def __init__(self, source: Any) -> None:
        self.source, self.asked = source, dict[str, Any]()

    def __dlpack__(self, **options: Any) -> Any:
        self.asked = options
        return self.source.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.source.__dlpack_device__()


def used() -> int:
    """Bytes of GPU memory in use."""
    gc.collect()
    return mg.cuda.memory_allocated()


@on_fake_driver()
def test_every_type_and_shape_there_and_back() -> None:
    for dtype in DTYPES:
        for shape in ((), (0,), (3,), (2, 0, 4), (4, 6)):
            given = mg.from_numpy(np.arange(np.prod(shape, dtype=int)).reshape(shape))
            x = given.to(dtype).to("cuda:0")
            for source in (Array(x), Capsule(x)):
                y = mg.from_dlpack(source)
                assert (y.dtype, y.shape, y.device) == (x.dtype, x.shape, x.device)
                assert y.cpu().tolist() == x.cpu().tolist()
                assert y.numel() == 0 or y.data_ptr() == x.data_ptr()


@on_fake_driver()
def test_views() -> None:
    x = mg.arange(24.0).to("cuda:1").view(4, 6)
    for view in (x.t(), x[1:, 2:5], x[:, ::2], x[2], x[:, :1].expand(4, 3)):
        for source in (Array(view), Capsule(view)):
            y = mg.from_dlpack(source)
            assert (y.shape, y.stride(), str(y.device)) == (view.shape, view.stride(), "cuda:1")
            assert y.data_ptr() == view.data_ptr()
            assert y._numpy().tolist() == view._numpy().tolist()


@on_fake_driver()
def test_memory_lives_as_long_as_anybody_uses_it() -> None:
    before = used()
    for offer in (Capsule, Array):
        x = mg.arange(1000.0).to("cuda:0")
        address = x.data_ptr()
        y = mg.from_dlpack(offer(x))[500:]
        del x
        assert used() > before
        assert mg.arange(1000.0).to("cuda:0").data_ptr() != address
        assert y.cpu().tolist() == list(range(500, 1000))
        del y
        assert used() == before
    for version in (None, (1, 0)):
        x = mg.ones(10, device="cuda:0")
        capsule = x.__dlpack__(max_version=version)
        assert ("versioned" in repr(capsule)) == (version is not None)
        del x
        assert used() > before
        del capsule  # which nobody took
        assert used() == before


@on_fake_driver()
def test_the_interface_itself() -> None:
    x = mg.arange(6).to("cuda:0").view(2, 3)
    offered = x.__cuda_array_interface__
    assert offered["data"] == (x.data_ptr(), False)
    assert (offered["shape"], offered["typestr"], offered["strides"]) == ((2, 3), "<i8", None)
    assert (offered["version"], offered["stream"]) == (3, 1)
    assert x.t().__cuda_array_interface__["strides"] == (8, 24)
    assert mg.zeros(0, device="cuda:0").__cuda_array_interface__["data"] == (0, False)
    assert not hasattr(mg.ones(3), "__cuda_array_interface__")
    assert x.__dlpack_device__() == (2, 0)
    with pytest.raises(RuntimeError, match="requires grad"):
        _ = mg.ones(3, device="cuda:0", requires_grad=True).__cuda_array_interface__


@on_fake_driver(lazy=1)
def test_a_consumer_on_another_stream_waits() -> None:
    from microgrest.kernels.cuda import memory, pinned
    from microgrest.kernels.cuda.driver import device

    x = mg.zeros(1000, device="cuda:0")
    source = pinned.pinned(1000, np.dtype(np.float32))
    source[:] = 5
    memory.from_host(x._flat, source, blocking=False)
    where = device.device(0)
    side = device.driver.new_stream(where.handle, 0)
    device.use_stream(where, side)
    offered = Capsule(Producer(x, where))
    y = mg.from_dlpack(offered)
    assert offered.asked["stream"] == int(side.handle)
    assert y.cpu().tolist() == [5.0] * 1000


class Producer:
    """A library whose own stream is the default one, whatever stream is the consumer's."""

    def __init__(self, x: Any, where: Any) -> None:
        self.x, self.where = x, where

    def __dlpack__(self, **options: Any) -> Any:
        from microgrest.kernels.cuda.driver import device

        mine = device.here.streams[0]
        device.use_stream(self.where, self.where.default)
        capsule = self.x.__dlpack__(**options)
        device.use_stream(self.where, mine)
        return capsule

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


@on_fake_driver()
def test_what_a_capsule_can_be_asked_for() -> None:
    x = mg.arange(5.0).to("cuda:0")
    with pytest.raises(BufferError, match="require gradient"):
        mg.ones(3, device="cuda:0", requires_grad=True).__dlpack__()
    with pytest.raises(BufferError, match="a CUDA stream is given as"):
        x.__dlpack__(stream=0)
    with pytest.raises(BufferError, match=r"cannot be exported to device \(2, 1\)"):
        x.__dlpack__(dl_device=(2, 1))
    with pytest.raises(BufferError, match="on the CPU without a copy"):
        x.__dlpack__(dl_device=(1, 0), copy=False)
    for stream in (None, -1, 1, 2):
        assert "dltensor" in repr(x.__dlpack__(stream=stream))
    assert np.from_dlpack(x, device="cpu").tolist() == [0, 1, 2, 3, 4]
    y = mg.from_dlpack(Copied(x))
    assert y.data_ptr() != x.data_ptr() and y.shape == x.shape


class Copied:
    """An object that offers copies."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> Any:
        return self.x.__dlpack__(**options, copy=True)

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


@on_fake_driver()
def test_tensors_of_other_libraries_arrays() -> None:
    x = mg.arange(5.0).to("cuda:1")
    for source in (Array(x), Capsule(x)):
        same, other = mg.as_tensor(source), mg.tensor(source, requires_grad=True)
        assert same.data_ptr() == x.data_ptr() != other.data_ptr()
        assert (same.device, other.device) == (x.device, x.device) and other.requires_grad
        host = mg.as_tensor(source, device="cpu")
        assert host.tolist() == [0, 1, 2, 3, 4]
        assert mg.tensor(source, device="cpu").tolist() == [0, 1, 2, 3, 4]


@on_fake_driver()
def test_read_only_memory_is_copied() -> None:
    x = mg.arange(5.0).to("cuda:0")
    fixed = Array(x, data=(x.data_ptr(), True))
    with pytest.warns(UserWarning, match="not writable"):
        y = mg.from_dlpack(fixed)
    assert y.data_ptr() != x.data_ptr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mg.tensor(fixed).shape == (5,)


@on_fake_driver()
def test_what_tensors_cannot_be() -> None:
    x = mg.arange(6.0, dtype=mg.float64).to("cuda:0")
    address = x.data_ptr()
    for error, match, changes in (
        (ValueError, "stride is negative", {"strides": (-8,), "data": (address + 40, False)}),
        (ValueError, "not aligned", {"data": (address + 4, False), "shape": (5,)}),
        (TypeError, "can't convert", {"typestr": "<c8"}),
        (TypeError, "byte order", {"typestr": ">f8"}),
        (TypeError, "can't convert", {"typestr": "<u4"}),
    ):
        with pytest.raises(error, match=match):
            mg.from_dlpack(Array(x, **changes))
    for source in (np.arange(3), mg.ones(3)):
        assert mg.from_dlpack(source).device.type == "cpu"


@on_fake_driver()
def test_a_device_that_is_not_there() -> None:
    x = Capsule(mg.ones(3, device="cuda:0"))
    Capsule.__dlpack_device__ = lambda self: (2, 7)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="there is no cuda:7"):
        mg.from_dlpack(x)
