"""Programs that look at the graph: nodes, their hooks, what they save, the pass backward."""

from __future__ import annotations

from typing import Any

from .programs import program, tried


def leaf(torch: Any, *values: float) -> Any:
    """A leaf of one dimension."""
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def tree(node: Any) -> Any:
    """The names of a node and of all below it."""
    below = [None if n is None else (tree(n), i) for n, i in node.next_functions]
    return type(node).__name__, node.name(), below


# Nodes


@program
def names_of_a_small_graph(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    return tree(((x * y).exp() + 2).sum().grad_fn)


@program
def next_functions_of_operations(torch: Any) -> Any:
    x, y, index = leaf(torch, 0.3, 0.6), leaf(torch, 0.2, 0.4), torch.tensor([1, 0])
    some = x > 0.5
    nodes = [
        *(x + 1, 1 + x, x - 1, 1 - x, 2 * x, x * 2, x / 2, x + y.detach(), x**2.5, 2**x, x**y),
        *(x[index], x[some], x[0], x[None], x.masked_fill(some, 0.0), torch.where(some, x, y)),
        *(x.clamp(0, 1), x.clamp(y, y + 1), torch.lerp(x, y, 0.5), torch.atan2(x, y)),
        *(torch.nn.functional.leaky_relu(x), torch.nn.functional.softplus(x), x.sort()[0]),
        *(x.cumsum(0), x.cummax(0)[0], torch.cat([x, y]), torch.stack([x, index * 1.0]), x @ y),
    ]
    return [tree(t.grad_fn) for t in nodes]


@program
def hooks_of_nodes_see_the_inputs_that_are_shown(torch: Any) -> Any:
    seen: list[Any] = []
    for make in (lambda x: x * 2, lambda x: 2 * x, lambda x: x**2.5, lambda x: x.clamp(0, 1)):
        x = leaf(torch, 0.3, 0.6)
        y = make(x)
        y.grad_fn.register_hook(lambda gi, go: seen.append(len(gi)))
        y.grad_fn.register_hook(lambda gi, go: (gi[0] * 2, *gi[1:]))
        y.sum().backward()
        seen.append(x.grad)
    return seen


@program
def the_end_of_the_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    node = (x * 2).grad_fn.next_functions[0][0]
    again = (x * 3).grad_fn.next_functions[0][0]
    kinds = [isinstance(n, torch.autograd.graph.Node) for n in (node, (x * 2).grad_fn)]
    return type(node).__name__, node.variable is x, node is again, node.next_functions, kinds


@program
def a_node_is_one_object(torch: Any) -> Any:
    y = leaf(torch, 1.0) * 2
    z = y * 3
    return y.grad_fn is y.grad_fn, z.grad_fn.next_functions[0][0] is y.grad_fn, x_of(y)


def x_of(y: Any) -> Any:
    """The leaf that `y` comes of."""
    return y.grad_fn.next_functions[0][0].variable


@program
def metadata_is_kept(torch: Any) -> Any:
    y = leaf(torch, 1.0) * 2
    y.grad_fn.metadata["a"] = 3
    return y.grad_fn.metadata, (y + 1).grad_fn.metadata, y.grad_fn._sequence_nr() >= 0


@program
def numbers_grow(torch: Any) -> Any:
    y = leaf(torch, 1.0) * 2
    z = y * 3
    return z.grad_fn._sequence_nr() > y.grad_fn._sequence_nr()


@program
def hooks_of_a_node(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    y = x * 3
    y.grad_fn.register_prehook(lambda gs: seen.append(("before", gs)))
    y.grad_fn.register_hook(lambda gi, go: seen.append(("behind", gi, go)))
    y.register_hook(lambda g: seen.append(("tensor", g)))
    y.sum().backward()
    return seen, x.grad


@program
def hooks_of_a_node_replace(torch: Any) -> Any:
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = x * w
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 2,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] + 1, None))
    y.sum().backward()
    return x.grad, w.grad


@program
def a_node_s_hook_is_removed(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    y = x * 3
    with y.grad_fn.register_hook(lambda gi, go: seen.append(1)):
        y.sum().backward(retain_graph=True)
    handle = y.grad_fn.register_prehook(lambda gs: seen.append(2))
    y.sum().backward(retain_graph=True)
    handle.remove()
    handle.remove()
    y.sum().backward()
    return seen


@program
def wrong_replies_of_hooks_of_nodes(torch: Any) -> Any:
    def run(register: str, hook: Any) -> Any:
        x = leaf(torch, 1.0, 2.0)
        y = x * 3
        getattr(y.grad_fn, register)(hook)
        y.sum().backward()
        return x.grad

    return [
        tried(lambda: run("register_prehook", lambda gs: (gs[0], gs[0]))),
        tried(lambda: run("register_hook", lambda gi, go: (gi[0],) * 3)),
        tried(lambda: run("register_prehook", lambda gs: (5,))),
        tried(lambda: run("register_prehook", lambda gs: gs[0] * 2)),
    ]


@program
def hooks_of_the_end(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    end = x.view_as(x).grad_fn.next_functions[0][0]
    end.register_prehook(lambda gs: seen.append(("before", gs, x.grad)))
    end.register_hook(lambda gi, go: seen.append(("behind", gi, go, x.grad)))
    (x * 3).sum().backward()
    torch.autograd.grad((x * 3).sum(), x)
    return seen


@program
def hooks_of_several_outputs(torch: Any) -> Any:
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            return a * 2 + b * 3

    x, seen = leaf(torch, 1.0, 2.0), []
    a, b = Both.apply(x)
    a.grad_fn.register_prehook(lambda gs: seen.append(gs))
    a.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    (b * 5).sum().backward()
    return seen, a.grad_fn is b.grad_fn, (b + 1).grad_fn.next_functions[0][1], x.grad


# Hooks of tensors


@program
def post_accumulate_hooks(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.clone())))
    (x * 2).sum().backward()
    (x * 2).sum().backward(inputs=[x])
    torch.autograd.grad((x * 2).sum(), x)
    handle.remove()
    (x * 2).sum().backward()
    y = leaf(torch, 1.0) * 2
    errors = [
        tried(lambda: y.register_post_accumulate_grad_hook(print)),
        tried(lambda: torch.ones(2).register_post_accumulate_grad_hook(print)),
    ]
    return seen, x.grad, errors


@program
def a_step_within_backward(torch: Any) -> Any:
    w = [leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)]

    def step(p: Any) -> None:
        with torch.no_grad():
            p -= 0.1 * p.grad
        p.grad = None

    for p in w:
        p.register_post_accumulate_grad_hook(step)
    for _ in range(3):
        (w[0] * w[1] + w[0]).sum().backward()
    return w, [p.grad for p in w]


@program
def hooks_run_in_order(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0), []
    y = x * 1
    y.register_hook(lambda g: seen.append(("first", g.clone())))
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    y.register_hook(lambda g: seen.append(("last", g.clone())))
    y.backward()
    return seen, y.grad, x.grad


@program
def several_gradients_at_once(torch: Any) -> Any:
    seen: list[Any] = []
    x, y, z = leaf(torch, 1.0), leaf(torch, 2.0), leaf(torch, 3.0)
    register = torch.autograd.graph.register_multi_grad_hook
    a, b = x * 2, y * 3
    handle = register((a, b, z), lambda gs: seen.append(list(gs)))
    (a + b).sum().backward(retain_graph=True)
    (a * z).sum().backward(retain_graph=True)
    handle.remove()
    (a + b).sum().backward(retain_graph=True)
    register((a, b), lambda g: seen.append(g), mode="any")
    (a + b * 1).sum().backward()
    return seen[:2], len(seen), tried(lambda: register((a,), print, mode="some"))


# Saved tensors


@program
def what_is_saved_is_packed(torch: Any) -> Any:
    x, seen = leaf(torch, 1.0, 2.0), []

    def pack(t: Any) -> Any:
        seen.append(t.detach().clone())
        return [t]

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda packed: packed[0]):
        y = x.exp()
    z = (y * y).sum()
    z.backward()
    return seen, x.grad


@program
def what_is_unpacked_counts(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 2, lambda t: t):
        y = x * x
    y.sum().backward()
    return x.grad


@program
def second_derivatives_of_what_is_packed(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(), torch.from_numpy):
        y = (x * x).exp() * x
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


@program
def packed_twice_nested(torch: Any) -> Any:
    hooks, seen = torch.autograd.graph.saved_tensors_hooks, []
    x = leaf(torch, 1.0, 2.0)
    with hooks(lambda t: seen.append("outer") or t, lambda t: t):
        a = x.exp()
        with hooks(lambda t: seen.append("inner") or t, lambda t: t):
            b = a.exp()
        c = b.exp()
    c.sum().backward()
    return seen, x.grad


@program
def wrong_hooks_on_what_is_saved(torch: Any) -> Any:
    def run(pack: Any, unpack: Any) -> Any:
        x = leaf(torch, 1.0, 2.0)
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = x.exp()
        y.sum().backward()
        return x.grad

    return [
        tried(lambda: run(lambda t: t.mul_(2), lambda t: t)),
        tried(lambda: run(lambda t: 1, lambda t: t)),
        tried(lambda: run(lambda t: 1 / 0, lambda t: t)),
        tried(lambda: run(lambda t: t, lambda t: 1 / 0)),
    ]


@program
def a_function_s_tensors_are_packed(torch: Any) -> Any:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x, None)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, nothing = ctx.saved_tensors
            assert nothing is None
            return 3 * x**2 * g

    x, seen = leaf(torch, 1.0, 2.0), []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: seen.append(t.tolist()) or t.clone(), lambda t: t
    ):
        y = Cube.apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return seen, g, h


@program
def packing_is_disabled(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    graph = torch.autograd.graph

    def run() -> Any:
        with graph.disable_saved_tensors_hooks("not here"), graph.save_on_cpu():
            return x.exp()

    def inside() -> Any:
        with graph.save_on_cpu(), graph.disable_saved_tensors_hooks("not here"):
            return x.exp()

    with graph.save_on_cpu(pin_memory=False):
        y = x.exp()
    y.backward()
    return tried(run), tried(inside), x.grad


@program
def a_freed_packed_graph(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp()
    y.backward()
    return tried(y.backward)


@program
def counted_writes(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    w = torch.ones(2, dtype=torch.float64)
    y = x * w
    torch.autograd.graph.increment_version(w)
    return w._version, tried(lambda: y.sum().backward())


@program
def edges_in_place_of_tensors(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x.exp()
    edge = torch.autograd.graph.get_gradient_edge
    first, second = edge(x), edge(y)
    z = (y * 2).sum()
    del y
    found = torch.autograd.grad(z, (first, second), retain_graph=True)
    ones = torch.ones(2, dtype=torch.float64)
    pushed = torch.autograd.grad(second, x, ones)
    return found, pushed, second.output_nr, second.node.name(), tried(lambda: edge(torch.ones(2)))
