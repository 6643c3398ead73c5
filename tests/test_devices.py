"""Devices as a user meets them: naming one, moving to one, and mixing two by mistake."""

from __future__ import annotations

import copy
import pickle
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest import cuda, nn, optim
from microgrest.ops.places import indexing as rows

pytestmark = pytest.mark.devices
needs_gpu = pytest.mark.skipif(
    not cuda.is_available(), reason="needs a GPU: try pytest --device simulator"
)
needs_two = pytest.mark.skipif(cuda.device_count() < 2, reason="needs two GPUs")


def both() -> tuple[mg.Tensor, mg.Tensor]:
    """Ones on the GPU and on the CPU."""
    return mg.ones(2, 2, device="cuda"), mg.ones(2, 2, device="cpu")


# Naming devices


def test_devices_have_a_type_and_an_index() -> None:
    for named in (
        mg.device("cuda:1"),
        mg.device("cuda", 1),
        mg.device(type="cuda", index=1),
        mg.device(1),
        pickle.loads(pickle.dumps(mg.device("cuda:1"))),
        copy.deepcopy(mg.device("cuda:1")),
    ):
        assert named is mg.device("cuda:1")
        assert (named.type, named.index) == ("cuda", 1)


def test_devices_do_not_change() -> None:
    """There is one object for each, so a change would be everybody's."""
    with pytest.raises(AttributeError, match="'type' of a device is not writable"):
        mg.device("cpu").type = "cuda"
    assert mg.ones(1, device="cpu").device.type == "cpu"


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (("gpu",), RuntimeError, "Invalid device string: 'gpu'"),
        (("CPU",), RuntimeError, "Invalid device string: 'CPU'"),
        (("",), RuntimeError, "Invalid device string: ''"),
        (("cuda:",), RuntimeError, "Invalid device string: 'cuda:'"),
        (("cuda:-1",), RuntimeError, "Invalid device string: 'cuda:-1'"),
        (("cuda:01",), RuntimeError, "Invalid device string: 'cuda:01'"),
        (("cuda:\uff10",), RuntimeError, "Invalid device string"),
        (("cuda:" + "9" * 20,), RuntimeError, "Invalid device string"),
        (("cuda:0", 0), RuntimeError, "must not include an index"),
        (("cuda", -1), RuntimeError, "Device index must not be negative, got -1"),
        ((-1,), RuntimeError, "Device index must not be negative, got -1"),
        (("cuda", "0"), TypeError, "argument 'index' must be int, not '0'"),
        (("cuda", 1.5), TypeError, "argument 'index' must be int, not 1.5"),
        ((True,), TypeError, "device must be a string such as 'cpu' or 'cuda:0', not True"),
        ((b"cpu",), TypeError, "device must be a string such as 'cpu' or 'cuda:0', not b'cpu'"),
        ((None,), TypeError, "device must be a string such as 'cpu' or 'cuda:0', not None"),
    ],
)
def test_names_of_no_device(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mg.device(*wrong)


def test_there_is_one_cpu() -> None:
    x = mg.ones(2, device="cpu:0")
    assert x.device is mg.device("cpu")
    assert x.to("cpu:0") is x
    assert (x + mg.ones(2, device="cpu")).tolist() == [2.0, 2.0]


# The default device


def test_with_a_device_is_for_one_thread() -> None:
    before, found = mg.get_default_device(), []
    with mg.device("cpu"):
        with mg.device("cuda"):
            thread = threading.Thread(target=lambda: found.append(mg.get_default_device()))
            thread.start()
            thread.join()
            assert mg.get_default_device() is mg.device("cuda")
        assert mg.get_default_device() is mg.device("cpu")
    assert found == [before] == [mg.get_default_device()]


def test_default_device_ends_with_an_error() -> None:
    before = mg.get_default_device()
    with pytest.raises(KeyError), mg.device("cuda"):
        raise KeyError
    for wrong in ("gpu", object()):
        with pytest.raises((RuntimeError, TypeError), match=r"[Dd]evice"):
            mg.set_default_device(wrong)
    assert mg.get_default_device() is before


@needs_gpu
def test_default_device_is_for_all_that_makes_tensors() -> None:
    array, theirs = np.ones(2, np.float32), mg.ones(2, device="cpu")
    with mg.device("cuda"), pytest.warns(UserWarning, match="copy construct"):
        made = [mg.tensor([1.0]), mg.as_tensor(array), mg.as_tensor(theirs), mg.tensor(theirs)]
        made += [mg.rand(1), mg.arange(2), mg.eye(2), nn.Linear(1, 1).weight]
        stay = [mg.from_numpy(array), theirs[[0, 1]], theirs[np.array([True, False])]]
        stay += [mg.zeros_like(theirs), theirs.new_ones(1), theirs.new_zeros(1, device=None)]
        theirs[[0]] = 5.0
        theirs[0:1] += np.ones(1, np.float32)
    assert {str(t.device) for t in made} == {"cuda:0"}
    assert {str(t.device) for t in stay} == {"cpu"}
    assert theirs.tolist() == [6.0, 1.0]


# Moving


def test_every_spelling_of_to() -> None:
    x, like = mg.tensor([1.5], device="cpu"), mg.zeros(1, dtype=mg.float64, device="cpu")
    for moved in (
        x.to(mg.float64),
        x.to("cpu", mg.float64),
        x.to(None, mg.float64),
        x.to(mg.device("cpu"), mg.float64, True),
        x.to("cpu", dtype=mg.float64),
        x.to(mg.float64, device="cpu"),
        x.to(like),
        x.to(like, non_blocking=True),
        x.to(dtype=mg.float64, device=None),
        x.to(float),
    ):
        assert moved.dtype is mg.float64 and moved.tolist() == [1.5]
    assert x.to() is x.to(None) is x.to(x) is x.to("cpu", mg.float32, False, False) is x
    for copied in (
        x.to("cpu", None, False, True),
        x.to(mg.float32, False, True),
        x.to(x, True, True),
    ):
        assert copied is not x and copied.tolist() == [1.5]
        assert copied.data_ptr() != x.data_ptr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cpu", "cpu"), "dtype must be"),
        ((mg.float64, "cpu"), "'non_blocking' must be bool, not 'cpu'"),
        ((mg.float64, mg.float32), "'non_blocking' must be bool"),
        ((True,), "device must be a string"),
        ((object(),), "dtype must be"),
        ((mg.float64, False, False, False), "but 4 were given"),
    ],
)
def test_no_spelling_of_to(arguments: Any, message: str) -> None:
    for has_to in (mg.ones(1), nn.Linear(1, 1)):
        with pytest.raises(TypeError, match=message):
            has_to.to(*arguments)


def test_to_with_an_argument_twice() -> None:
    with pytest.raises(TypeError, match="multiple values for argument 'device'"):
        mg.ones(1).to("cpu", device="cpu")
    with pytest.raises(RuntimeError, match="does not accept copy"):
        nn.Linear(1, 1).to("cpu", mg.float32, False, True)


@needs_two
def test_to_a_number_is_to_that_gpu() -> None:
    x = mg.ones(1, device="cpu")
    assert x.to(1).device == x.cuda(1).device == mg.device("cuda:1") == x.to(1).to(x.to(1)).device
    assert x.to(1).to("cuda").device == mg.device("cuda:0")
    with pytest.raises(RuntimeError, match="there is no cuda:9"):
        x.to("cuda:9")


def test_cuda_is_a_gpu() -> None:
    for has_cuda in (mg.ones(1), nn.Linear(1, 1)):
        with pytest.raises(RuntimeError, match="must be cuda device, got cpu"):
            has_cuda.cuda("cpu")


@needs_gpu
def test_modules_go_along() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Tanh()).to("cpu")
    weight = model[0].weight
    for spelling in (("cuda",), (mg.device("cuda"), mg.float64), (mg.ones(1, device="cuda"),)):
        assert model.to(*spelling)[0].weight is weight and weight.is_cuda
        assert weight.dtype is (mg.float64 if len(spelling) == 2 else mg.float32)
        model.to("cpu:0", mg.float32)
        assert weight.device is mg.device("cpu")


def test_a_module_that_cannot_move_keeps_its_gradients() -> None:
    model = nn.Linear(1, 1)
    model(mg.ones(1, 1)).sum().backward()
    with pytest.raises(RuntimeError, match=r"there is no cuda:9|CUDA|NVIDIA"):
        model.to("cuda:9")
    assert model.weight.grad is not None and model.weight.grad.tolist() == [[1.0]]


def test_types_name_their_device() -> None:
    x = mg.ones(1)
    assert x.type() == ("microgrest.cuda.FloatTensor" if x.is_cuda else "microgrest.FloatTensor")
    assert x.is_cpu is not x.is_cuda
    assert x.type(mg.int8).dtype is mg.int8


# Mixing


MIXED: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "where": lambda a, b: mg.where(a > 0, a, b),
    "mm": lambda a, b: a @ b,
    "cat": lambda a, b: mg.cat([a, b]),
    "stack": lambda a, b: mg.stack([a, b]),
    "gather": lambda a, b: a.gather(0, b.to(mg.int64)),
    "index_select": lambda a, b: a.index_select(0, b[0].to(mg.int64)),
    "take": lambda a, b: a.take(b.to(mg.int64)),
    "take_along_dim": lambda a, b: a.take_along_dim(b.to(mg.int64), 0),
    "masked_select": lambda a, b: a.masked_select(b > 0),
    "masked_fill": lambda a, b: a.masked_fill(b > 0, 1.0),
    "repeat_interleave": lambda a, b: a.repeat_interleave(b[0].to(mg.int64), 0),
    "index_put": lambda a, b: a.__setitem__([0, 1], b),
    "lerp": lambda a, b: a.lerp_(b, 0.5),
    "sub": lambda a, b: nn.functional.mse_loss(a, b),
}


@needs_gpu
@pytest.mark.parametrize("name", MIXED)
def test_mixed_devices_are_an_error_that_names_them(name: str) -> None:
    gpu, cpu = both()
    for first, second in ((gpu, cpu), (cpu, gpu)):
        expected = rf"same device in {name}\(\), but argument 0 is on {first.device}, .*"
        with pytest.raises(RuntimeError, match=expected + str(second.device)):
            MIXED[name](first, second)


@needs_gpu
def test_indices_and_masks_of_a_gpu_do_not_reach_the_cpu() -> None:
    gpu, cpu = both()
    for index in (gpu > 0, gpu[0].to(mg.int64)):
        message = re.escape("same device as the indexed tensor (cpu), these are on cuda:0")
        with pytest.raises(RuntimeError, match=message):
            cpu[index]
        with pytest.raises(RuntimeError, match=message):
            cpu[index] = 0.0


@needs_gpu
def test_indices_and_masks_of_the_cpu_reach_a_gpu() -> None:
    gpu, cpu = both()
    assert gpu[cpu > 0].tolist() == [1.0] * 4
    assert gpu[cpu[0].to(mg.int64)].tolist() == [[1.0, 1.0]] * 2
    gpu[cpu[0].to(mg.int64)] = mg.tensor(3.0, device="cpu")
    assert gpu.tolist() == [[1.0, 1.0], [3.0, 3.0]]
    cpu[[0]] = mg.tensor(4.0, device="cuda")
    assert cpu.tolist() == [[4.0, 4.0], [1.0, 1.0]]


@needs_gpu
def test_what_is_written_to_a_slice_is_moved() -> None:
    x = mg.tensor([1.0, 2.0], device="cpu", requires_grad=True)
    y = mg.zeros(2, 2, device="cuda")
    y[0] = x
    y[1, 0] = x[1]
    y[:, 1] = mg.tensor([7.0, 8.0], device="cpu")
    assert y.tolist() == [[1.0, 7.0], [2.0, 8.0]]
    (y * 3).sum().backward()
    assert x.grad is not None and x.grad.device.type == "cpu" and x.grad.tolist() == [3.0, 3.0]


@needs_gpu
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [(optim.SGD, {"momentum": 0.9}), (optim.Adam, {}), (optim.RMSprop, {})],
)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_optimizers_whose_state_stayed_behind(optimizer: Any, options: Any, shape: Any) -> None:
    model = nn.Module()
    model.weight = nn.Parameter(mg.ones(shape, device="cpu"))
    steps = optimizer(model.parameters(), lr=0.1, **options)
    for where in ("cpu", "cuda"):
        model.to(where)
        steps.zero_grad()
        (model.weight * 2).sum().backward()
        if where == "cpu":
            steps.step()
    with pytest.raises(RuntimeError, match=r"param is on cuda:0, grad is on cuda:0, .* is on cpu"):
        steps.step()


@needs_gpu
def test_gradients_have_to_be_where_their_tensor_is() -> None:
    gpu, cpu = both()
    gpu.requires_grad_()
    with pytest.raises(RuntimeError, match="index 0 - expected device cuda:0 but got cpu"):
        (gpu * 2).backward(cpu)
    with pytest.raises(RuntimeError, match="index 0 - expected device cuda:0 but got cpu"):
        mg.autograd.grad(gpu * 2, gpu, cpu)
    (found,) = mg.autograd.grad((gpu * 2).sum(), gpu, mg.tensor(3.0, device="cpu"))
    assert found.is_cuda and found.tolist() == [[6.0, 6.0]] * 2
    y = gpu * 2
    y.register_hook(lambda g: g.cpu())
    with pytest.raises(RuntimeError, match="has changed the device of value, from cuda:0 to cpu"):
        y.sum().backward()


@needs_gpu
def test_record_stream_is_for_gpus_and_streams() -> None:
    gpu, cpu = both()
    with pytest.raises(NotImplementedError, match="memory of a tensor on the CPU has no stream"):
        cpu.record_stream(cuda.current_stream())
    with pytest.raises(TypeError, match="must be Stream, not 3"):
        gpu.record_stream(3)


# Values beyond the type


def test_numbers_beyond_the_type() -> None:
    x = mg.ones(2, dtype=mg.float16)
    for make in (
        lambda: x.fill_(1e6),
        lambda: x.new_full((2,), -70000),
        lambda: mg.full((1,), 1e39, dtype=mg.float32),
    ):
        with pytest.raises(RuntimeError, match=r"cannot be converted to type float\d\d without"):
            make()
    assert x.fill_(float("-inf")).tolist() == [float("-inf")] * 2
    assert mg.tensor([1e6], dtype=mg.float16).tolist() == [float("inf")]


@pytest.mark.parametrize(
    ("dtype", "low", "high", "name"),
    [
        (mg.uint8, 0, 257, "to - 1"),
        (mg.uint8, -1, 9, "from"),
        (mg.int8, 0, 129, "to - 1"),
        (mg.bool_, 0, 3, "to - 1"),
    ],
)
def test_random_integers_beyond_the_type(dtype: Any, low: int, high: int, name: str) -> None:
    message = f"{name} is out of bounds for microgrest.{dtype.name}"
    with pytest.raises(RuntimeError, match=message):
        mg.randint(low, high, (3,), dtype=dtype)
    with pytest.raises(RuntimeError, match=message):
        mg.zeros(3, dtype=dtype).random_(low, high)


def test_random_integers_reach_every_value() -> None:
    mg.manual_seed(0)
    drawn = mg.zeros(5000, dtype=mg.uint8, device="cpu").random_()
    assert (drawn.min().item(), drawn.max().item()) == (0, 255)
    with pytest.raises(RuntimeError, match="'from' to be less than 'to', but got from=3 >= to=3"):
        drawn.random_(3, 3)


def test_index_put_at_a_single_number() -> None:
    x, at = mg.zeros(3), (mg.tensor(1),)
    x.index_put_(at, mg.tensor(2.0)).index_put_(at, mg.tensor(3.0), accumulate=True)
    assert x.tolist() == [0.0, 5.0, 0.0]


@needs_gpu
def test_every_call_asks_for_one_device() -> None:
    """Also those of rows that check nothing themselves, writes, and `out=`."""
    here, there = (
        mg.ones(2),
        mg.ones(2, device="cuda" if mg.get_default_device().type == "cpu" else "cpu"),
    )
    places = mg.tensor([0, 1], device=there.device)
    for call in (
        lambda: rows.gather(here, places),
        lambda: rows.scatter_add(here, places, shape=(2,)),
        lambda: rows.put(here, there, places, accumulate=False),
        lambda: rows.clear(here, places),
        lambda: rows.cat(here, there, dim=0),
        lambda: here.add_(there),
        lambda: here.addcmul_(there, there),
        lambda: here.masked_fill_(there > 0, 1.0),
        lambda: here.index_put_((mg.tensor([0, 1]),), there),
        lambda: mg.add(here, here, out=there),
        lambda: mg.sum(here, 0, out=there),
        lambda: mg.cumsum(here, 0, out=there),
    ):
        with pytest.raises(RuntimeError, match=r"on the same device|should be either on cpu or on"):
            call()
    assert here.tolist() == there.tolist() == [1, 1]


# Compiled steps


def test_a_step_finds_tensors_that_it_reaches_by_a_computed_name() -> None:
    holder = type("Holder", (), {"w": mg.ones(3)})
    x = mg.arange(3.0)
    name = "".join(["w"])
    step = mg.compile(lambda: (getattr(holder, name) * x).sum())
    assert [step().cpu().item() for _ in range(4)] == [3.0] * 4
