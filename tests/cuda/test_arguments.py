"""What kernels are launched with: every argument is of the type that the kernel was compiled for.

A wrong one passes the simulator, which has no types, and on a GPU it is read as other bits. The
driver here runs nothing, so what is computed is rubbish; what is launched is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fake import Unavailable, built, on_fake_driver
from microgrest.kernels.source.program import LARGE

import microgrest as mg
from microgrest.ops import ROWS
from tests.kernel_calls import MOVES, moved
from tests.op_info import ELEMENTWISE, OpInfo

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)

PYTHON = {"int64": int, "uint64": int, "float64": float}  # or NumPy's scalar
PARAMETER = re.compile(r"UniTuple\((\w+), *(\d+)\)|CPointer\((\w+)\)|(\w+)")


def parameters(signature: str) -> list[str]:
    """The types of a kernel's parameters, tuples flattened: "void(int64, ...)" in Numba's words."""
    found: list[str] = []
    for match in PARAMETER.finditer(signature[signature.index("(") + 1 :]):
        element, count, pointed, plain = match.groups()
        found += [element or plain or f"*{pointed}"] * int(count or 1)
    return found


class Watch:
    """Checks every launch from now on, and counts them; not `compiling`, there is nothing more."""

    def __init__(self, compiling: bool = True) -> None:
        from microgrest.kernels.cuda.driver import nvidia as driver

        self.compiling = compiling
        self.count, self.driver, self.signatures = 0, driver, dict[int, Any]()
        self.launch, self.load = driver.launch, driver.load
        driver.launch, driver.load = self.launched, self.loaded

    def loaded(self, source: Any, label: str, capability: tuple[int, int]) -> Any:
        kernel = self.load(source, label, capability) if self.compiling else object()
        self.signatures[id(kernel)] = kernel, label, source.signature
        return kernel

    def launched(self, stream: Any, config: Any, kernel: Any, *arguments: Any) -> None:
        _, label, signature = self.signatures[id(kernel)]
        wanted = parameters(signature)
        assert len(arguments) == len(wanted), f"{label}: {signature} got {len(arguments)}"
        for i, (argument, type_) in enumerate(zip(arguments, wanted, strict=True)):
            problem = self.misfit(argument, type_)
            assert not problem, f"{label}: argument {i} of {signature} is {problem}"
        self.count += 1
        if self.compiling:
            self.launch(stream, config, kernel, *arguments)

    def misfit(self, argument: Any, type_: str) -> str:
        """What is wrong with an argument; "" if nothing is."""
        if type_.startswith("*"):
            if type(argument) is not int:
                return f"{argument!r}, no address"
            self.driver.device_at(argument)  # raises unless it is in allocated memory
            return ""
        fits = type(argument) in (PYTHON.get(type_), getattr(np, type_))
        return "" if fits else f"{argument!r} of {type(argument).__name__}"


def on_gpu(dtype: Any, *shape: int) -> Any:
    """A tensor of ones."""
    return mg.ones(shape).to(dtype).to("cuda:0")


def elementwise(dtype: Any) -> None:
    """Flat, strided, broadcast, with numbers of either kind, in place."""
    a, b, one = on_gpu(dtype, 4, 6), on_gpu(dtype, 4, 6), on_gpu(dtype)
    for x, y in ((a, b), (a, one), (one, a), (a.t(), b.t()), (a, b[:1]), (a, 2), (3, a), (a, 1.5)):
        x * y
        mg.where(a > 0, x, y) if isinstance(x, mg.Tensor) and x.shape == a.shape else None
    for other in (mg.bool_, mg.int8, mg.float16, mg.float32, mg.float64):
        a.to(other)
        a.t().to(other)
    if dtype is not mg.bool_:
        a += b
        a *= 2
        a.clamp(0, 1)
    mg.zeros(5, dtype=dtype, device="cuda:0").fill_(1)


def differentiated(dtype: Any) -> None:
    """Backward kernels, folded where an operand was broadcast."""
    a = on_gpu(dtype, 4, 6).requires_grad_()
    c = on_gpu(dtype).requires_grad_()
    y = (a * c + 2.0).pow(3).sin() * a.t().contiguous().t() * 1.5
    y.sum().backward()
    (a[1:] / 3).mean(0).backward(on_gpu(dtype, 6))


def reductions(dtype: Any) -> None:
    """Over everything, and along axes of either kind."""
    x = on_gpu(dtype, 40, 30)
    for f in (mg.sum, mg.amax, mg.any):
        f(x)
        f(x, 0)
        f(x, 1)
        f(x.t(), 0)
    if dtype is not mg.bool_:
        x.argmax(1)
    x.cumsum(0)


def products(dtype: Any) -> None:
    """Matrix products of several layouts."""
    a, b = on_gpu(dtype, 33, 65), on_gpu(dtype, 65, 17)
    a @ b
    b.t() @ a.t()
    a @ b[:, 0]
    on_gpu(dtype, 2, 33, 65) @ b


def places(dtype: Any) -> None:
    """Reading and writing by index; few places and many are sorted in different ways."""
    kernels = mg.ones(1, device="cuda:0")._kind.kernels
    for n in (3, 100_000):
        x, source = (on_gpu(dtype, n)._flat for _ in range(2))
        at = mg.arange(n).to("cuda:0")._flat
        for name in MOVES:
            moved(kernels.kinds, name, x, at, source)


def draws(dtype: Any) -> None:
    """Random numbers."""
    mg.rand(10, dtype=dtype, device="cuda:0")
    mg.randn(10, dtype=dtype, device="cuda:0")
    mg.randint(0, 10, (5,), device="cuda:0")


SCANS = ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin")
FLOATS = (mg.float16, mg.float32, mg.float64)
REST = (mg.bool_, mg.uint8, mg.int8, mg.int32, mg.int64)
REFUSED = {("hardtanh", "uint8"), ("nextafter", "float16")}  # a lower bound of -1; no such step
CASES: dict[Callable[[Any], None], tuple[Any, ...]] = {
    elementwise: (*FLOATS, *REST),
    differentiated: FLOATS,
    reductions: (*FLOATS, *REST),
    products: FLOATS,
    places: (mg.float32, mg.int64),
    draws: (mg.float32, mg.float64),
}


def watched(work: Callable[[Any], None]) -> None:
    """Check every launch of `work` on its types."""
    watch = Watch()
    for dtype in CASES[work]:
        before = watch.count
        work(dtype)
        assert watch.count > before


def samples(info: OpInfo) -> Iterator[list[Any]]:
    """Operands of an op: floats, and integers that no integer divisor has to be looked up for."""
    for dtype in ("float16", "float32", "float64"):
        if (info.name, dtype) not in REFUSED:
            yield info.samples((4, 6), dtype)
    yield info.samples((LARGE + 1,), "float32")
    if info.ints and "nonzero" not in ROWS[info.name.replace(".", "_")].extra:
        for dtype in ("uint8", "int64"):
            if (info.name, dtype) not in REFUSED:
                yield info.integers((4, 6), dtype)


@on_fake_driver()
def test_every_elementwise_op() -> None:
    """Flat, strided, expanded and large; forward, backward and twice backward."""
    watch = Watch(compiling=False)
    for info in ELEMENTWISE:
        op, before = info.find(mg), watch.count
        for arrays in samples(info):
            x = [mg.tensor(a, device="cuda:0") for a in arrays]
            last = [*x[:-1], x[-1].flatten()[:1]]
            for operands in (x, [t.t() for t in x], last, [t[..., :1].expand(t.shape) for t in x]):
                derived(op, [t.detach() for t in operands])
        assert watch.count > before


def derived(op: Callable[..., Any], operands: list[Any]) -> None:
    """An op, and its first and second derivatives where there are any."""
    leaves = [t.requires_grad_() for t in operands if t.is_floating_point()]
    y = op(*operands)
    for _ in range(2):
        if y.requires_grad:
            first = mg.autograd.grad(y.sum(), leaves, create_graph=True, allow_unused=True)
            wanted = [g.sum() for g in first if g is not None and g.requires_grad]
            y = sum(wanted[1:], wanted[0]) if wanted else y.detach()


@on_fake_driver()
def test_every_scan_and_fold() -> None:
    """Of few elements and of many, along the last dimension and the first."""
    watch = Watch(compiling=False)
    for name in ("sum mean prod amax amin all any argmax argmin " + " ".join(SCANS)).split():
        for shape in ((5,), (3, 4), (3000,), (2, 300_000), (9000, 40), (300_000, 2)):
            for dtype in (mg.float16, mg.float32, mg.float64, mg.uint8, mg.bool_):
                x, before = mg.zeros(shape, dtype=dtype, device="cuda:0"), watch.count
                floats_only = name in ("mean", "logcumsumexp")
                refused = dtype is mg.bool_ and name in ("argmax", "argmin")
                if not refused and (dtype.is_floating_point or not floats_only):
                    for dim in (0, -1):
                        getattr(mg, name)(x, dim)
                    assert watch.count >= before + 2, (name, shape)


@on_fake_driver()
def test_every_product() -> None:
    """In one block and in many, thin, split and batched."""
    watch = Watch(compiling=False)
    for dtype in (*FLOATS, *(d for d in REST if d is not mg.bool_)):
        for m, k, n in ((3, 5, 4), (70, 9, 200), (1, 4000, 50), (300, 7, 1), (60, 20_000, 60)):
            before = watch.count
            a, b = (mg.zeros(*shape, dtype=dtype, device="cuda:0") for shape in ((m, k), (k, n)))
            a @ b
            b.t() @ a.t()
            mg.stack([a, a]) @ b
            assert watch.count >= before + 3


@on_fake_driver()
def test_numbers_beyond_float32_are_infinite() -> None:
    from microgrest.kernels.cuda.driver.launch import single

    largest = float(np.finfo(np.float32).max)
    between = 2.0**128 - 2.0**103  # half-way to the next power of two, which is infinite
    assert [single(x) for x in (1e300, -1e300, between)] == [np.inf, -np.inf, np.inf]
    assert single(np.nextafter(between, 0)) == single(largest) == largest
    assert np.isnan(single(np.nan)) and type(single(np.float32(2))) is type(single(3)) is np.float32


@on_fake_driver()
def test_elementwise() -> None:
    watched(elementwise)


@on_fake_driver()
def test_differentiated() -> None:
    watched(differentiated)


@on_fake_driver()
def test_reductions() -> None:
    watched(reductions)


@on_fake_driver()
def test_products() -> None:
    watched(products)


@on_fake_driver()
def test_places() -> None:
    watched(places)


@on_fake_driver()
def test_draws() -> None:
    watched(draws)


@on_fake_driver()
def test_a_wrong_argument_is_found() -> None:
    watch = Watch()
    assert parameters("void(UniTuple(uint64, 2), CPointer(uint8), float32)") == [
        "uint64", "uint64", "*uint8", "float32",
    ]  # fmt: skip
    assert watch.misfit(1.0, "float32") and watch.misfit(True, "int64")
    assert not watch.misfit(np.float32(1), "float32") and not watch.misfit(1, "uint64")
    mg.cuda.init()
    with pytest.raises(RuntimeError, match="invalid argument"):
        watch.misfit(4096, "*float32")
