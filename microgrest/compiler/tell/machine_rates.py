"""What this machine can do at best, measured once: yardsticks for `explain`.

Both are measured with kernels of ours, on as many threads as these would use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial

from ... import cuda
from ...kernels.source.program import Input, Instr, Output, Program
from ...tensor.storage import kind_of
from ...types.device import device
from ...types.dtypes import float32

Act = Callable[..., object]
_FLOAT = "float32"
_COPY = Program("copy", (Input("x", _FLOAT, _FLOAT),), (), (Output(0, _FLOAT),))
# Several multiply-adds are under way at once: so many chains do not wait for each other.
CHAINS, LINKS = 8, 4
SMALLEST, LARGEST = 1 << 14, 1 << 28  # bytes that a copy touches
SECONDS = 0.02  # of each measurement, but at least three rounds


def copy_rate(where: str, size: int) -> float:
    """Bytes a second, read and written, of a float32 copy that touches about `size` bytes.

    `size` decides which cache they come from, if any. `where` is a device, "cpu" or "cuda:0".
    """
    return _copy_rate(where, _power_of_two(size))


def arithmetic_rate(where: str, size: int) -> float:
    """Operations a second in float32, a multiplication or an addition each, of multiply-adds."""
    return _arithmetic_rate(where, _power_of_two(size))


def _power_of_two(size: int) -> int:
    return 1 << (min(max(size, SMALLEST), LARGEST) - 1).bit_length()


@lru_cache(maxsize=64)
def _copy_rate(where: str, size: int) -> float:
    seconds = _seconds(_COPY, where, size // 8)
    return size / seconds


@lru_cache(maxsize=64)
def _arithmetic_rate(where: str, size: int) -> float:
    n = min(size // 8, 1 << 20)
    return 2 * CHAINS * LINKS * n / _seconds(_multiply_adds(), where, n)


@lru_cache(maxsize=1)
def _multiply_adds() -> Program:
    """CHAINS * LINKS dependent multiply-adds an element, a = a * x + x, and the sum of the ends."""
    body: list[Instr] = []

    def instruction(formula: str, **args: int) -> int:
        body.append(Instr(formula, tuple(args.items()), _FLOAT, _FLOAT))
        return len(body)

    ends = [0] * CHAINS
    for _ in range(LINKS):
        for i, a in enumerate(ends):
            factor = f"{0.5 + i / 32!r}"  # another one for each, lest they be one chain
            ends[i] = instruction(f"{{a}} * {factor} + {{x}}", a=a, x=0)
    total = ends[0]
    for end in ends[1:]:
        total = instruction("{a} + {b}", a=total, b=end)
    source = (Input("x", _FLOAT, _FLOAT),)
    return Program("multiply_adds", source, tuple(body), (Output(total, _FLOAT),))


def _seconds(program: Program, where: str, n: int) -> float:
    """The least time that a map of `n` elements takes."""
    kind = kind_of(float32, device(where))
    x, out = kind.empty(n), kind.empty(n)
    kind.fill(x, 0.5)
    compiled: Callable[..., Act] = kind.kernels.elementwise.compiled
    # The kernel for few elements, and that for many where it is another one.
    kernels = {compiled(program, "vv", 0, many) for many in (0, n)}
    return min(_least(partial(kernel, x, out), waiting(where)) for kernel in kernels)


def _least(act: Act, finish: Act) -> float:
    """The least seconds of a call of `act`, by rounds of about 1 ms."""
    timed(act, finish, 1)
    once = timed(act, finish, 1)
    count = max(1, int(1e-3 / once))
    rounds = max(3, int(SECONDS / (count * once)))
    return min(timed(act, finish, count) for _ in range(min(rounds, 50))) / count


def waiting(where: str) -> Act:
    """What waits until a device has done all its work."""
    return cuda.synchronize if where.startswith("cuda") else lambda: None


def timed(act: Act, finish: Act, count: int) -> float:
    """The seconds of `count` calls and the end of their work."""
    began = time.perf_counter()
    for _ in range(count):
        act()
    finish()
    return time.perf_counter() - began
