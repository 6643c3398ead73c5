"""Guards hold as long as nothing changes that a recording rests on, and say what did."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgrest as mg
from microgrest.compiler.guards.guards import Guards
from microgrest.compiler.reach.walk import tensors_reached

ANY = Callable[[], Any]


def made(fn: Any, *args: Any, **kwargs: Any) -> Guards:
    """Guards that hold at once, and have nothing to say."""
    guards = Guards.of(fn, args, kwargs)
    assert guards.hold(args, kwargs)
    assert guards.why(args, kwargs) == ""
    return guards


def check(guards: Guards, text: str, *args: Any, **kwargs: Any) -> None:
    """They do not hold, for a reason that has `text` in it."""
    assert not guards.hold(args, kwargs)
    assert text in guards.why(args, kwargs)


# Arguments


def test_tensors_of_the_same_kind_take_each_others_place() -> None:
    guards = made(lambda x, y: x, mg.ones(3), mg.ones(2, 2))
    assert guards.hold((mg.zeros(3), mg.rand(2, 2)), {})


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (lambda: mg.ones(4), "shape was (3,), is (4,)"),
        (lambda: mg.ones(3, dtype=mg.float64), "dtype was float32, is float64"),
        (lambda: mg.ones(3, requires_grad=True), "requires_grad was False, is True"),
        (lambda: mg.ones(6)[::2], "strides"),
        (lambda: mg.ones(6)[3:], "offset was 0, is 3"),
        (lambda: mg.nn.Parameter(mg.ones(3)), "class was Tensor, is Parameter"),
        (lambda: 3.0, "x is another object"),
        (lambda: [mg.ones(3)], "x is another object"),
    ],
)
def test_another_kind_of_tensor_does_not(other: ANY, text: str) -> None:
    def fn(x: Any) -> Any:
        return x

    check(made(fn, mg.ones(3)), text, other())


def test_gradients_and_graphs_of_arguments_matter() -> None:
    x = mg.ones(3, requires_grad=True)
    guards = made(lambda x: x, x)
    check(guards, "the result of an operation", x * 1)
    x.grad = mg.ones(3)
    check(guards, "grad was None, is a tensor", x)
    x.grad = None
    assert guards.hold((x,), {})
    x.register_hook(lambda g: g)
    check(guards, "hooks", x)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("sum", "mean"),
        (None, 0),
        (mg.float32, mg.float64),
        (np.float32(1), np.float64(1)),
    ],
)
def test_plain_arguments_count_by_type_and_value(old: Any, new: Any) -> None:
    guards = made(lambda x, k: x, mg.ones(3), old)
    assert not guards.hold((mg.ones(3), new), {})
    assert guards.hold((mg.ones(3), old), {})


def test_nan_is_the_same_as_nan() -> None:
    guards = made(lambda k: k, float("nan"))
    assert guards.hold((float("nan"),), {})


def test_nested_arguments() -> None:
    def fn(batch: Any, *, scale: Any) -> Any:
        return batch

    batch = {"x": [mg.ones(3), mg.ones(2)], "k": 1}
    guards = made(fn, batch, scale=(2.0,))
    assert guards.hold(({"x": [mg.zeros(3), mg.zeros(2)], "k": 1},), {"scale": (2.0,)})
    check(guards, "batch['x'][1]: shape", {"x": [mg.ones(3), mg.ones(3)], "k": 1}, scale=(2.0,))
    check(guards, "batch['k']: value was 1, is 2", {**batch, "k": 2}, scale=(2.0,))
    check(guards, "scale[0]: value was 2.0, is 3.0", batch, scale=(3.0,))
    check(guards, "nesting", {"x": [mg.ones(3)], "k": 1}, scale=(2.0,))
    check(guards, "nesting", batch)


def test_arguments_share_memory_as_they_did() -> None:
    def fn(x: Any, y: Any) -> Any:
        return x

    x, y = mg.ones(4), mg.ones(4)
    apart, same = made(fn, x, y), made(fn, x, x)
    check(apart, "share memory", x, x)
    check(apart, "share memory", x, x.detach())
    check(same, "share memory", x, y)
    assert same.hold((y, y), {})


def test_views_of_one_tensor_may_move_together() -> None:
    def fn(x: Any, y: Any) -> Any:
        return x

    data = np.zeros(12, np.float32)

    def part(start: int) -> Any:
        return mg.from_numpy(data[start : start + 4])

    lapping, apart = made(fn, part(0), part(2)), made(fn, part(0), part(4))
    assert lapping.hold((part(3), part(5)), {})
    check(lapping, "share memory", part(3), part(6))
    assert apart.hold((part(1), part(8)), {})
    check(apart, "share memory", part(1), part(2))


def test_an_argument_may_be_a_tensor_that_the_function_holds() -> None:
    held, other = mg.ones(3), mg.ones(3)

    def fn(x: Any) -> Any:
        return x + held

    guards = made(fn, held)
    check(guards, "share memory", other)
    check(made(fn, other), "share memory", held)


# What a function holds


def test_free_variables() -> None:
    a, rate, name, flags = mg.ones(3), 0.1, "sum", [True, {"k": (1, 2)}]

    def fn() -> Any:
        return a * rate, name, flags

    guards = made(fn)
    rate = 0.2
    check(guards, "rate: value was 0.1, is 0.2")
    rate = float("0.1")
    assert guards.hold((), {})
    name = "mean"
    check(guards, "name: value was 'sum', is 'mean'")
    name = "sum"
    flags[1]["k"] = (1, 3)  # type: ignore[index]
    check(guards, "flags[1]['k'][1]: value was 2, is 3")
    flags[1] = {"k": (1, 2)}
    assert guards.hold((), {})
    flags.append(1)
    check(guards, "flags: length was 2, is 3")
    flags.pop()
    kept, a = a, mg.ones(3)
    check(guards, "a is another object")
    a = kept
    assert guards.hold((), {})


def test_the_order_of_a_dict() -> None:
    parts = {"a": mg.ones(1), "b": mg.ones(1)}
    guards = made(lambda: mg.cat(list(parts.values())))
    parts["a"] = parts.pop("a")
    check(guards, "keys")


def test_globals_defaults_and_nested_code() -> None:
    space: dict[str, Any] = {"mg": mg, "k": 1, "inner": 2, "unused": 3}
    source = "def fn(x, c=[4], *, d=5):\n    f = lambda: inner\n    return x * k * f() * c[0] * d"
    exec(source, space)
    fn, x = space["fn"], mg.ones(1)
    guards = made(fn, x)
    space["unused"] = 0
    assert guards.hold((x,), {})
    space["inner"] = 0
    check(guards, "inner: value was 2, is 0", x)
    space["inner"] = 2
    del space["k"]
    assert not guards.hold((x,), {})
    space["k"] = 1
    fn.__defaults__[0][0] = 0
    check(guards, "__defaults__[0][0]: value was 4, is 0", x)
    fn.__defaults__[0][0] = 4
    assert guards.hold((x,), {})
    fn.__kwdefaults__["d"] = 0
    check(guards, "__kwdefaults__['d']: value was 5, is 0", x)


class Holder:
    depth = 1

    def __init__(self) -> None:
        self.weight, self.rate, self.log = mg.ones(3), 0.1, [1.0]

    def step(self, x: Any) -> Any:
        return self.scaled(x) * self.weight

    def scaled(self, x: Any) -> Any:
        return x * self.rate * self.depth

    def __call__(self, x: Any) -> Any:
        return self.step(x)


@pytest.mark.parametrize("kind", ["method", "object", "partial", "decorated"])
def test_methods_objects_and_wrappers(kind: str) -> None:
    holder, x = Holder(), mg.ones(3)
    fn: Any = holder.step if kind == "method" else holder
    if kind == "partial":
        fn = functools.partial(holder.step)
    if kind == "decorated":
        fn = mg.no_grad()(holder.step)
    guards = made(fn, x)
    holder.log.append(2.0)  # which neither the method nor those that it calls ever name
    assert guards.hold((x,), {})
    holder.rate = 0.2
    check(guards, "self.rate: value was 0.1, is 0.2", x)
    holder.rate = 0.1
    holder.depth = 2
    assert not guards.hold((x,), {})
    del holder.depth
    holder.weight = mg.ones(3)
    check(guards, "self.weight is another object", x)


def test_arguments_of_a_partial_are_held() -> None:
    weight, options = mg.ones(3), {"k": 1}
    guards = made(functools.partial(lambda w, o, x: x, weight, options), mg.ones(3))
    options["k"] = 2
    check(guards, "value was 1, is 2", mg.ones(3))


def test_attributes_that_the_code_names() -> None:
    config = types.SimpleNamespace(rate=0.1, other=1)
    module = types.ModuleType("settings")
    module.scale = 2.0  # type: ignore[attr-defined]

    class Options:
        power = 2

    def fn(x: Any) -> Any:
        return x * config.rate * module.scale**Options.power

    x = mg.ones(1)
    guards = made(fn, x)
    config.other = 2
    assert guards.hold((x,), {})
    module.scale = 3.0  # type: ignore[attr-defined]
    check(guards, "module.scale: value was 2.0, is 3.0", x)
    module.scale = 2.0  # type: ignore[attr-defined]
    Options.power = 3
    check(guards, "Options.power: value was 2, is 3", x)
    Options.power = 2
    config.rate = 0.2
    check(guards, "config.rate: value was 0.1, is 0.2", x)


# Tensors that it holds


def test_state_of_held_tensors() -> None:
    a = mg.ones(3, requires_grad=True)
    guards = made(lambda: a * 2)
    a.grad = mg.ones(3)
    check(guards, "a: grad was None, is a tensor")
    a.grad = None
    a.requires_grad = False
    check(guards, "a: requires_grad was True, is False")
    a.requires_grad = True
    a.data = mg.zeros(3)
    assert guards.hold((), {})
    a.data = mg.zeros(2)
    check(guards, "a: shape was (3,), is (2,)")
    a.data = mg.zeros(3, dtype=mg.float64)
    check(guards, "a: dtype was float32, is float64")


def test_held_tensors_come_to_share_memory() -> None:
    a, b = mg.ones(3), mg.ones(3)
    guards = made(lambda: a + b)
    b.data = a
    check(guards, "share memory")


def test_gradients_that_the_step_does_not_use_may_be_replaced() -> None:
    a, b = (mg.ones(3, requires_grad=True) for _ in range(2))
    a.grad, b.grad = mg.ones(3), mg.ones(3)
    used, unused = made(lambda: a * b), made(lambda: a * b)
    unused.bind([a, b])
    a.grad = b.grad
    assert unused.hold((), {})
    check(used, "share memory")
    a.grad = mg.zeros(3)
    assert used.hold((), {})
    a.grad = mg.zeros(2, 3)[1]
    check(unused, "a: grad was a tensor, is a tensor at 3")


# Modules


def net() -> Any:
    return mg.nn.Sequential(mg.nn.Linear(3, 2), mg.nn.Tanh(), mg.nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: m.eval(), "model.training: value was True, is False"),
        (lambda m: m[1].eval(), "model.1.training: value was True, is False"),
        (lambda m: setattr(m[0], "bias", None), "model.0.bias"),
        (lambda m: setattr(m[0], "weight", mg.nn.Parameter(mg.ones(2, 3))), "model.0.weight"),
        (lambda m: setattr(m[1], "extra", 1), "model.1.__dict__: keys"),
        (lambda m: m[1].register_buffer("mean", mg.ones(1)), "model.1._buffers: keys"),
        (lambda m: m.append(mg.nn.Tanh()), "model._modules: keys"),
        (lambda m: m[0].register_forward_hook(lambda *a: None), "model.0._forward_hooks"),
        (lambda m: m[2].requires_grad_(False), "model.2.weight: requires_grad"),
        (lambda m: setattr(m, "0", mg.nn.Linear(3, 2)), "model.0"),
        (lambda m: m.double(), "dtype was float32, is float64"),
    ],
)
def test_modules(change: Callable[[Any], Any], text: str) -> None:
    model = net()
    guards = made(lambda x: model(x), mg.ones(1, 3))
    change(model)
    check(guards, text, mg.ones(1, 3))


def test_a_module_that_is_as_it_was() -> None:
    model = net()
    model.choices = [1, 2]
    guards = made(lambda x: model(x), mg.ones(1, 3))
    model.eval()
    model.train()
    model.load_state_dict(net().state_dict())
    assert guards.hold((mg.ones(1, 3),), {})
    model.choices.append(3)
    check(guards, "model.choices: length was 2, is 3", mg.ones(1, 3))


def test_a_hook_that_was_removed() -> None:
    model = net()
    handle = model.register_forward_hook(lambda *a: None)
    guards = made(lambda x: model(x), mg.ones(1, 3))
    handle.remove()
    check(guards, "model._forward_hooks: keys", mg.ones(1, 3))


def test_a_module_itself_and_as_an_argument() -> None:
    model, x = net(), mg.ones(1, 3)
    own, given = made(model, x), made(lambda m, x: m(x), model, x)
    model[1].eval()
    check(own, "self.1.training", x)
    check(given, "m.1.training", model, x)
    model[1].train()
    check(given, "m is another object", net(), x)


# Optimizers


def trained(kind: str, **options: Any) -> tuple[Any, Any, Any]:
    """A model, its optimizer, and a step, that has run once."""
    model = mg.nn.Linear(3, 1)
    optimizer = getattr(mg.optim, kind)(model.parameters(), lr=0.1, **options)
    x = mg.ones(4, 3)

    def step() -> Any:
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    step()
    return model, optimizer, step


@pytest.mark.parametrize("change", [{"lr": 0.0}, {"lr": 0.2}, {"momentum": 0.5}])
def test_numbers_of_optimizers_are_inputs(change: dict[str, Any]) -> None:
    _, optimizer, step = trained("SGD", momentum=0.9)
    guards = made(step)
    optimizer.param_groups[0].update(change)
    assert guards.hold((), {})
    step()
    assert guards.hold((), {})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weight_decay": 0.1}, "['weight_decay']: zero was True, is False"),
        ({"momentum": 0}, "['momentum']: zero was False, is True"),
        ({"nesterov": True}, "['nesterov']: value was False, is True"),
        ({"maximize": True}, "['maximize']: value was False, is True"),
        ({"new": 1}, "keys"),
    ],
)
def test_what_steers_an_optimizer_is_guarded(change: dict[str, Any], text: str) -> None:
    _, optimizer, step = trained("SGD", momentum=0.9)
    guards = made(step)
    optimizer.param_groups[0].update(change)
    check(guards, text)


def test_groups_and_state_of_optimizers() -> None:
    model, optimizer, step = trained("Adam")
    guards = made(step)
    optimizer.load_state_dict(optimizer.state_dict())
    assert not guards.hold((), {})
    guards = made(step)
    optimizer.add_param_group({"params": [mg.ones(1, requires_grad=True)]})
    check(guards, "optimizer.param_groups")
    guards = made(step)
    optimizer.state.clear()
    check(guards, "optimizer.state")
    assert model.weight in tensors_reached(step, (), {})


def test_code_that_reads_options_has_them_as_numbers() -> None:
    a = mg.ones(1, requires_grad=True)
    optimizer = mg.optim.SGD([a], lr=0.1)
    guards = made(lambda: a * optimizer.param_groups[0]["lr"])
    optimizer.param_groups[0]["lr"] = 0.2
    check(guards, "['lr']: value was 0.1, is 0.2")


class Own(mg.optim.Optimizer):
    """An optimizer with a step of its own, of whose numbers nobody is told."""

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["count"] = self.state[p].get("count", 0) + 1


def test_numbers_of_a_users_own_optimizer_are_constants() -> None:
    a = mg.ones(1, requires_grad=True)
    optimizer = Own([a], {"rate": 0.1})
    optimizer.step()
    guards = made(lambda: optimizer.step())
    optimizer.param_groups[0]["rate"] = 0.2
    check(guards, "['rate']: value was 0.1, is 0.2")
    optimizer.param_groups[0]["rate"] = 0.1
    assert guards.hold((), {})
    optimizer.step()
    check(guards, "value was 1, is 2")


# Modes, names, descriptions


def test_modes() -> None:
    guards = made(lambda: mg.ones(1))
    with mg.no_grad():
        check(guards, "grad mode was True, is False")
    mg.set_default_dtype(mg.float64)
    try:
        check(guards, "the default dtype")
    finally:
        mg.set_default_dtype(mg.float32)
    assert guards.hold((), {})


def test_names() -> None:
    _, _, step = trained("Adam")
    names = set(tensors_reached(step, (), {}).values())
    assert names >= {
        "x",
        "model.weight",
        "model.bias",
        "model.weight.grad",
        "optimizer.state[weight].exp_avg",
        "optimizer.state[bias].exp_avg_sq",
    }
    assert set(tensors_reached(lambda x, y: x, (mg.ones(1), [mg.ones(1)]), {}).values()) == {
        "x",
        "y[0]",
    }


def test_descriptions() -> None:
    _, _, step = trained("Adam")
    lines = made(step).describe()
    told = [line for line in lines if line.startswith("model.weight:")]
    assert len(told) == 1
    assert "shape (1, 3)" in told[0]
    assert "the default dtype: microgrest.float32" in lines


def test_old_gradients_are_let_go() -> None:
    import weakref

    a = mg.ones(3, requires_grad=True)
    a.grad = mg.ones(3)
    old = weakref.ref(a.grad)
    guards = made(lambda: a * 2)
    guards.bind([a])
    a.grad = None
    assert old() is None
    assert not guards.hold((), {})
