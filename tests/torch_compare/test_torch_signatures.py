"""Classes of `optim` take what PyTorch's take: names, order, kinds and defaults of arguments."""

from __future__ import annotations

import inspect

import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# What only PyTorch has, and why.
WITHOUT = {
    "profile_hook_step": "its own profiler's",
    "OptimizerPreHook": "names of types",
    "OptimizerPostHook": "names of types",
    "share_memory": "memory of several processes",
    "swap_in_optimizer_params_and_state": "made for tracing with tensors that have no memory",
}
ROOMS = ["optim", "optim.lr_scheduler", "optim.swa_utils"]


def room(lib, path):
    for name in path.split("."):
        lib = getattr(lib, name)
    return lib


def arguments(function):
    """Name, kind and default of each argument."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


NAMES = [
    (path, name)
    for path in ROOMS
    for name in room(torch, path).__all__
    if callable(getattr(room(torch, path), name)) and name not in WITHOUT
]


@pytest.mark.parametrize(("path", "name"), NAMES, ids=[".".join(each) for each in NAMES])
def test_arguments(path, name):
    theirs, ours = getattr(room(torch, path), name), getattr(room(microgrest, path), name)
    assert arguments(ours) == arguments(theirs)


CLASSES = [each for each in NAMES if inspect.isclass(getattr(room(torch, each[0]), each[1]))]
# Refused when they are made.
METHODS = [each for each in CLASSES if each[1] not in ("SparseAdam", "AveragedModel")]


@pytest.mark.parametrize(("path", "name"), METHODS, ids=[".".join(each) for each in METHODS])
def test_arguments_of_methods(path, name):
    theirs, ours = getattr(room(torch, path), name), getattr(room(microgrest, path), name)
    for method in set(dir(theirs)) - WITHOUT.keys():
        if not method.startswith("_") and callable(getattr(theirs, method)):
            assert arguments(getattr(ours, method)) == arguments(getattr(theirs, method)), method


def test_names():
    for path in ROOMS:
        missing = set(room(torch, path).__all__) - set(room(microgrest, path).__all__)
        assert missing <= WITHOUT.keys(), path
