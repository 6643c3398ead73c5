"""What is recorded of a step, and what is refused, naming the line and the remedy."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from interpreter import build
from microgrest.kernels.steps import trace as t

import microgrest as mg
from microgrest.compiler.call.step import Step


def recorded(fn: Any, *args: Any) -> t.Trace:
    """The trace of the second call."""
    step = Step(fn, build=build)
    step(*args), step(*args)
    return step.recordings[0].trace


def refused(fn: Any, match: str, *args: Any) -> None:
    step = Step(fn, build=build)
    step(*args)
    with pytest.raises(RuntimeError, match=match):
        step(*args)


def test_roles_names_lines_and_layouts() -> None:
    w = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    x = mg.ones(2)

    def fn(y: Any) -> Any:
        h = w.t() * x
        return (h * y).sum(0)

    trace = recorded(fn, mg.ones(2, 2))
    assert [(b.name, b.role) for b in trace.buffers if b.role == t.INPUT] == [
        ("w", t.INPUT),
        ("x", t.INPUT),
        ("y", t.INPUT),
    ]
    first, second, third = trace.ops
    assert isinstance(first, t.Loop) and first.shape == (2, 2)
    assert first.inputs == (t.View(0, 0, (1, 2)), t.View(1, 0, (0, 1)))
    assert second.name == "mul" and second.shape == (4,)
    assert third.name == "sum" and third.shape == (2, 2) and third.outputs[0].strides == (0, 1)
    start = fn.__code__.co_firstlineno
    assert [op.line for op in trace.ops] == [f"test_recorder.py:{start + n}" for n in (1, 2, 2)]
    assert trace.buffers[third.outputs[0].buffer].role == t.OUTPUT


def test_data_made_by_python_is_constant() -> None:
    trace = recorded(lambda x: x * mg.tensor([1.0, 2.0]), mg.ones(2))
    (constant,) = [b for b in trace.buffers if b.role == t.CONSTANT]
    np.testing.assert_array_equal(constant.data, [1.0, 2.0])


def test_numbers_of_an_optimizer_are_slots_that_parameters_share() -> None:
    ws = [mg.ones(2, requires_grad=True) for _ in range(3)]
    rule = mg.optim.Adam(ws, lr=0.1)

    def fn() -> None:
        rule.zero_grad()
        sum((w * w).sum() for w in ws).backward()
        rule.step()

    trace = recorded(fn)
    updates = [op for op in trace.ops if op.name == "adam"]
    slots = [tuple(x for x in op.inputs if isinstance(x, t.Slot)) for op in updates]
    assert len(updates) == 3 and len(slots[0]) == trace.slots > 0
    assert slots[0] == slots[1] == slots[2]


def test_draws_and_scalars() -> None:
    own = mg.Generator()

    def fn() -> Any:
        return mg.rand(5), mg.rand(6, generator=own), mg.randn(5).sum(), mg.tensor(1).double()

    trace = recorded(fn)
    draws = [op for op in trace.ops if isinstance(op, t.Call) and op.kind.draws]
    assert [(d.stream, d.counter, d.operands[0].size) for d in draws] == [
        (0, 0, 5),
        (1, 0, 6),
        (0, 2, 5),
    ]
    assert trace.counters == (4, 2)
    assert [p.size for p in trace.scalars] == [1, 1]


def test_a_kernel_of_other_threads_is_not_recorded() -> None:
    x = mg.ones(3)
    go, done = threading.Event(), threading.Event()

    def other() -> None:
        go.wait()
        for _ in range(20):
            mg.exp(x * 3)
        done.set()

    def fn() -> Any:
        go.set()
        done.wait()
        return x + 1

    thread = threading.Thread(target=other)
    thread.start()
    trace = recorded(fn)
    thread.join()
    assert [op.name for op in trace.ops] == ["add"]
    assert mg.exp(x * 3).shape == (3,), "the kernels are the device's own again"
    assert "standin" not in type(x._kind.kernels).__module__


def test_kernels_are_put_back_after_an_error() -> None:
    def fn() -> Any:
        if mg.is_grad_enabled():
            raise KeyError("mine")

    step = Step(fn, build=build)
    with mg.no_grad():
        step()
    with pytest.raises(KeyError, match="mine"):
        step()
    x = mg.ones(3)
    assert (x + x).tolist() == [2.0] * 3
    assert "standin" not in type(x._kind.kernels).__module__


@pytest.mark.parametrize(
    ("read", "match"),
    [
        (lambda x: x.sum().item(), r"item\(\).*test_recorder.py:\d+.*return the tensor"),
        (lambda x: x.tolist(), r"tolist\(\)"),
        (lambda x: x.numpy(), r"numpy\(\)"),
        (lambda x: np.asarray(x), r"numpy\(\)"),
        (lambda x: 1 if (x > 0).all() else 2, r"bool\(\).*where"),
        (lambda x: float(x.sum()), r"item\(\)"),
        (lambda x: int(x.sum()), r"item\(\)"),
        (lambda x: f"{x}", "values of a tensor"),
        (lambda x: x[x > 0], "shape that depends on values"),
        (lambda x: x.nonzero(), "shape that depends on values"),
        (lambda x: [0, 1, 2][x.sum().long() * 0], r"item\(\)"),
        (lambda x: mg.manual_seed(0), "random stream"),
    ],
)
def test_values_that_leave_are_refused(read: Any, match: str) -> None:
    refused(lambda x: read(x), match, mg.ones(3))


def test_a_kept_tensor_is_refused() -> None:
    kept: list[Any] = []
    w = mg.ones(3, requires_grad=True)

    def appended() -> Any:
        loss = (w * 2).sum()
        kept.append(loss)
        return loss

    def view_kept() -> Any:
        kept.append((w * 2).detach()[1:])

    def gradient_kept() -> None:
        w.grad = None
        (w * w).sum().backward()
        kept.append(w.grad)

    for fn, lines in ((appended, 1), (view_kept, 1), (gradient_kept, 2)):
        line = fn.__code__.co_firstlineno + lines
        refused(fn, f"made in the step at test_recorder.py:{line} is kept .* return it")


def test_a_graph_that_grows_is_refused() -> None:
    w, total = mg.ones(3, requires_grad=True), mg.zeros(())

    def fn() -> None:
        total.add_((w * 2).sum())

    refused(fn, "total.*detach")


def test_memory_seen_twice() -> None:
    memory = np.zeros(10, np.float32)
    a, b = mg.from_numpy(memory[:6]), mg.from_numpy(memory[4:])
    refused(lambda: a + b, "share a part of their memory")
    whole, part = mg.from_numpy(memory), mg.from_numpy(memory[4:])

    def fn() -> Any:
        part.add_(1)
        return whole.sum()

    step = Step(fn, build=build)
    assert [step().item() for _ in range(4)] == [6.0, 12.0, 18.0, 24.0]
