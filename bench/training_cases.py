"""Programs that people train, each written once against a module with PyTorch's names.

A case is a function of that module; it gives one step, with data and weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

Step = Callable[[], Any]


def small_net(lib: Any) -> Step:
    """2-16-16-1 with tanh, 1000 points, mean squared error, SGD with momentum."""
    nn = lib.nn
    layers = nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)
    model, (x, y) = nn.Sequential(*layers), (lib.randn(1000, 2), lib.randn(1000, 1))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return _training(optimizer, lambda: nn.functional.mse_loss(model(x), y))


def digits(lib: Any) -> Step:
    """784-256-128-10 with relu, a batch of 128, cross entropy, Adam."""
    nn = lib.nn
    layers = nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    model, x, y = nn.Sequential(*layers), lib.randn(128, 784), lib.randint(0, 10, (128,))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    return _training(optimizer, lambda: nn.functional.cross_entropy(model(x), y))


def transformer(lib: Any) -> Step:
    """Characters: two layers of four heads, 64 wide, 32 of context, a batch of 32, Adam."""
    nn, letters, context = lib.nn, 65, 32
    table, places = nn.Embedding(letters, 64), nn.Embedding(context, 64)
    layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True)
    stack, head = (
        nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        nn.Linear(64, letters),
    )
    mask = nn.Transformer.generate_square_subsequent_mask(context)
    x, y = lib.randint(0, letters, (32, context)), lib.randint(0, letters, (32 * context,))
    at = lib.arange(context)
    parts = table, places, stack, head
    optimizer = lib.optim.Adam([p for part in parts for p in part.parameters()], lr=1e-3)

    def loss() -> Any:
        hidden = stack(table(x) + places(at), mask=mask, is_causal=True)
        return nn.functional.cross_entropy(head(hidden).flatten(0, 1), y)

    return _training(optimizer, loss)


def lstm(lib: Any, batch: int = 32) -> Step:
    """An LSTM of 64 units over 50 steps of 64 features, a linear layer of its last output, Adam."""
    nn = lib.nn
    cells, head = nn.LSTM(64, 64), nn.Linear(64, 1)
    x, y = lib.randn(50, batch, 64), lib.randn(batch, 1)
    optimizer = lib.optim.Adam([*cells.parameters(), *head.parameters()], lr=1e-3)
    return _training(optimizer, lambda: nn.functional.mse_loss(head(cells(x)[0][-1]), y))


def lstm_alone(lib: Any) -> Step:
    """The same of one sequence."""
    return lstm(lib, 1)


def optimizer(lib: Any) -> Step:
    """A step of Adam over 100 parameters of 100 elements."""
    parameters = [lib.nn.Parameter(lib.randn(100)) for _ in range(100)]
    for p in parameters:
        p.grad = lib.randn(100)
    step: Step = lib.optim.Adam(parameters, lr=1e-3).step
    return step


def loader(lib: Any) -> Step:
    """An epoch of a DataLoader: 10,000 rows of 20 numbers and a target, by 32, shuffled."""
    data = lib.utils.data
    rows = data.TensorDataset(lib.randn(10_000, 20), lib.randn(10_000))
    batches = data.DataLoader(rows, batch_size=32, shuffle=True)

    def epoch() -> None:
        for _x, _y in batches:
            pass

    return epoch


def _training(optimizer: Any, loss_of: Callable[[], Any]) -> Step:
    def train() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss

    return train


def digits_by_jax() -> Step:
    """`digits` as a jitted step of JAX, Adam by hand."""
    import jax
    import jax.numpy as jnp

    keys = iter(jax.random.split(jax.random.PRNGKey(0), 8))
    sizes = (784, 256, 128, 10)
    weights = [
        (jax.random.normal(next(keys), (m, n)) / m**0.5, jnp.zeros(n)) for m, n in pairwise(sizes)
    ]
    x = jax.random.normal(next(keys), (128, 784))
    y = jax.random.randint(next(keys), (128,), 0, 10)

    def loss_of(weights: Any) -> Any:
        h = x
        for k, (w, b) in enumerate(weights):
            h = h @ w + b if k == 2 else jax.nn.relu(h @ w + b)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1))

    def advance(state: Any) -> Any:
        weights, m, v, t = state
        loss, grads = jax.value_and_grad(loss_of)(weights)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)

        def updated(w: Any, m: Any, v: Any) -> Any:
            return w - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)

        return loss, (jax.tree.map(updated, weights, m, v), m, v, t)

    zeros = jax.tree.map(jnp.zeros_like, weights)
    step = jax.jit(advance, donate_argnums=0)
    held = [(weights, zeros, jax.tree.map(jnp.zeros_like, weights), 0.0)]

    def train() -> Any:
        loss, held[0] = step(held[0])
        return loss.block_until_ready()

    return train
