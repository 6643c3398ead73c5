"""How replicas begin: by a function of their number, by stacked values, by seeds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...random import default_generator, randint
from ...tensor import Tensor
from ..record import is_number
from ..replay import Recording
from .chunks import Chunks

Array = np.ndarray[Any, Any]
_MASK = (1 << 64) - 1


def seeds_of(n: int, seed: Any) -> Array:
    """A seed for each replica: those given, or `seed`, `seed` + 1, ...; drawn where it is None."""
    if seed is None:
        seed = int(randint(1 << 31, size=()).item())
    if np.ndim(seed) == 0:
        first = operator.index(seed)
        return np.array([(first + i) & _MASK for i in range(n)], np.uint64)
    seeds = np.array([int(s) & _MASK for s in np.asarray(seed)], np.uint64)
    if len(seeds) != n:
        raise ValueError(f"replicas: {len(seeds)} seeds were given for {n} replicas")
    return seeds


def seed(generators: Sequence[Any], value: int) -> None:
    """Start the streams of a replica: the default one as `manual_seed` does, others apart of it."""
    default_generator.manual_seed(value)
    for k, generator in enumerate(generators):
        if generator is not default_generator:
            words = np.random.SeedSequence([value, k]).generate_state(1, np.uint64)
            generator.manual_seed(int(words[0]))


def begin(chunks: Chunks, init: Any, seeds: Array, fits: Callable[[], str]) -> None:
    """Bring replicas to where they begin. `fits` says why a replica cannot be as it is, or ""."""
    chunks.streams[:] = _streams(chunks.recording, seeds)
    if init is None:
        return
    if callable(init):
        _by_function(chunks, init, seeds, fits)
    elif isinstance(init, Mapping):
        _by_values(chunks, init, fits)
    else:
        raise TypeError(
            "replicas: init must be a function of the replica's number, or a dict from tensors "
            f"and names of options to stacked values, got {type(init).__name__}"
        )


def _streams(recording: Recording, seeds: Array) -> Array:
    found = np.zeros((len(seeds), len(recording.generators), 2), np.uint64)
    for i, value in enumerate(seeds):
        if recording.generators:
            seed(recording.generators, int(value))
        for k, generator in enumerate(recording.generators):
            found[i, k] = generator._seed, generator._offset & _MASK
    return found


def _by_function(
    chunks: Chunks, init: Callable[[int], Any], seeds: Array, fits: Callable[[], str]
) -> None:
    """Call it for each, and take what it leaves; all is put back for the next."""
    counting, stacks, generators = chunks.counting, chunks.stacks, chunks.recording.generators
    first, originals = counting.now(), stacks.original()
    for i, value in enumerate(seeds):
        seed(generators, int(value))
        init(i)
        _check(i, fits)
        stacks.take(i, originals)
        chunks.counts[i] = counting.now()
        for k, generator in enumerate(generators):
            chunks.streams[i, k] = generator._seed, generator._offset & _MASK
        counting.put(first)


def _by_values(chunks: Chunks, init: Mapping[Any, Any], fits: Callable[[], str]) -> None:
    """Values with a leading dimension, of tensors and of options."""
    n, options = chunks.stacks.n, {}
    for key, values in init.items():
        stacked = (
            values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        )
        if isinstance(key, Tensor):
            _fill(chunks, key, stacked)
        elif isinstance(key, str):
            options[key] = _rows(key, stacked, n)
        else:
            raise TypeError(f"replicas: init has tensors and names of options as keys, got {key!r}")
    if not options:
        return
    counting = chunks.counting
    first = counting.now()
    groups = {
        name: [group for group in counting.groups if is_number(group.get(name))] for name in options
    }
    for name, having in groups.items():
        if not having:
            known = sorted({k for g in counting.groups for k, v in g.items() if is_number(v)})
            raise ValueError(
                f"replicas: no optimizer of the step has a number called {name!r}; there are "
                f"{', '.join(known) or 'none'}"
            )
    for i in range(n):
        for name, rows in options.items():
            for group in groups[name]:
                group[name] = rows[i]
        _check(i, fits)
        chunks.counts[i] = counting.now()
        counting.put(first)


def _fill(chunks: Chunks, t: Tensor, values: Array) -> None:
    n = chunks.stacks.n
    if values.shape != (n, *t.shape):
        raise ValueError(
            f"replicas: a tensor of shape {tuple(t.shape)} begins with values of shape "
            f"{(n, *t.shape)}, got {values.shape}"
        )
    if not np.can_cast(values.dtype, t.dtype.numpy, "same_kind"):
        raise TypeError(f"replicas: a {t.dtype!r} tensor cannot begin with {values.dtype} values")
    if not chunks.stacks.fill(t, values):
        raise ValueError(
            f"replicas: the step has nothing to do with a tensor of init, of shape {tuple(t.shape)}"
        )


def _rows(name: str, values: Array, n: int) -> list[Any]:
    """The option of each replica; a tuple where each has several numbers."""
    if values.ndim not in (1, 2) or len(values) != n:
        raise ValueError(
            f"replicas: {name!r} needs a value for each of {n} replicas, got "
            f"an array of shape {values.shape}"
        )
    rows: list[Any] = values.tolist()
    return [tuple(row) for row in rows] if values.ndim == 2 else rows


def _check(i: int, fits: Callable[[], str]) -> None:
    why = fits()
    if why:
        raise RuntimeError(
            f"replicas: replica {i} begins as another step ({why}): replicas differ in values of "
            "tensors, numbers of optimizers and seeds only"
        )
