"""Every name that programs of the field use of `nn` and its rooms is here, or refused by name."""

from __future__ import annotations

import inspect

import pytest

import microgrest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# What is not here, and why. All else that PyTorch lists is.
WITHOUT = {
    "nn": {
        "AdaptiveLogSoftmaxWithLoss": "vocabularies of millions",
        "Buffer": "use register_buffer",
        "Container": "deprecated",
        "CrossMapLRN2d": "use LocalResponseNorm",
        "DataParallel": "several GPUs",
        "FractionalMaxPool2d": "windows at random places",
        "FractionalMaxPool3d": "windows at random places",
        "LinearCrossEntropyLoss": "in beta",
        "LinearCrossEntropyOptions": "in beta",
        "NLLLoss2d": "deprecated",
        "SyncBatchNorm": "several GPUs",
        "UninitializedBuffer": "lazy modules",
        "UninitializedParameter": "lazy modules",
        "factory_kwargs": "a helper",
    },
    "nn.init": dict.fromkeys(
        [
            "constant",
            "dirac",
            "eye",
            "kaiming_normal",
            "kaiming_uniform",
            "normal",
            "orthogonal",
            "sparse",
            "uniform",
            "xavier_normal",
            "xavier_uniform",
        ],
        "deprecated",
    ),
    "nn.utils": {
        "clip_grad_norm": "deprecated",
        "convert_conv2d_weight_memory_format": "results are row-major",
        "convert_conv3d_weight_memory_format": "results are row-major",
        "fuse_conv_bn_eval": "for inference alone",
        "fuse_conv_bn_weights": "for inference alone",
        "fuse_linear_bn_eval": "for inference alone",
        "fuse_linear_bn_weights": "for inference alone",
        "parametrizations": "use nn.utils.weight_norm and spectral_norm",
        "parametrize": "use forward pre-hooks",
        "skip_init": "modules without values",
        "stateless": "use func.functional_call",
    },
    "utils.data": {
        "DFIterDataPipe": "pipes",
        "DataChunk": "pipes",
        "DistributedSampler": "several processes",
        "IterDataPipe": "pipes",
        "MapDataPipe": "pipes",
        "_DatasetKind": "private",
        "argument_validation": "pipes",
        "functional_datapipe": "pipes",
        "guaranteed_datapipes_determinism": "pipes",
        "non_deterministic": "pipes",
        "runtime_validation": "pipes",
        "runtime_validation_disabled": "pipes",
    },
}
MODULE = {
    "T_destination": "a type's name",
    "bfloat16": "no such dtype",
    "call_super_init": "classes of several bases",
    "compile": "compile steps, not models",
    "dump_patches": "sources in checkpoints",
    "ipu": "no such device",
    "mtia": "no such device",
    "share_memory": "memory of several processes",
    "xpu": "no such device",
}


def room(lib, path):
    for name in path.split("."):
        lib = getattr(lib, name)
    return lib


def listed(module):
    """The public names of PyTorch's room, and not what it imports."""
    return getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and getattr(value, "__module__", "").startswith(module.__name__)
    ]


@pytest.mark.parametrize("path", WITHOUT)
def test_names(path):
    missing = {n for n in listed(room(torch, path)) if not hasattr(room(microgrest, path), n)}
    assert missing == WITHOUT[path].keys()


def test_names_of_modules():
    public = {name for name in dir(torch.nn.Module) if not name.startswith("_")}
    assert public - set(dir(microgrest.nn.Module)) == MODULE.keys()


@pytest.mark.parametrize("name", [n for n in torch.nn.modules.__all__ if n.startswith("Lazy")])
def test_lazy_modules_are_refused_by_name(name):
    with pytest.raises(NotImplementedError, match=f"{name} is not supported: use "):
        getattr(microgrest.nn, name)(3)


IN_PLACE = ["celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "selu_", "threshold_"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    found = []
    for lib in (microgrest, torch):
        x = lib.linspace(-2, 2, 5)
        options = (0.5, 0.25) if name == "threshold_" else ()
        assert getattr(lib.nn.functional, name)(x, *options) is x
        found.append(x.tolist())
    assert found[0] == pytest.approx(found[1])


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("layer", ["Linear(3, 2)", "Conv1d(3, 2, 2)", "ConvTranspose1d(3, 2, 2)"])
def test_normed_weights(norm, dim, layer):
    """From the same state: keys, results, gradients, and the state after."""
    libs = [
        (lib, getattr(lib.nn.utils, norm)(eval(f"nn.{layer}", {"nn": lib.nn}).double(), dim=dim))
        for lib in (microgrest, torch)
    ]
    (_, ours), (_, theirs) = libs
    state = theirs.state_dict()
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in state.items()
    }
    ours.load_state_dict({k: microgrest.tensor(v.numpy().copy()) for k, v in state.items()})
    seen = []
    for lib, made in libs:
        shape = (4, 3) if "Linear" in layer else (1, 3, 4)
        x = lib.linspace(-1, 1, 12, dtype=lib.float64).reshape(shape)
        made(x).square().sum().backward()
        result = made(x)
        after = {k: v.numpy().copy() for k, v in made.state_dict().items()}
        grads = {k: p.grad.numpy().copy() for k, p in made.named_parameters()}
        seen.append((result.detach().numpy(), after, grads))
    (mine, after, grads), (expected, state, slopes) = seen
    assert mine == pytest.approx(expected, rel=1e-12)
    for one, other in ((after, state), (grads, slopes)):
        assert one.keys() == other.keys()
        for key in one:
            assert one[key] == pytest.approx(other[key], rel=1e-10, abs=1e-12), key


def test_fills():
    for fill in (
        lambda lib: lib.nn.init.eye_(lib.empty(2, 3)),
        lambda lib: lib.nn.init.dirac_(lib.empty(4, 2, 3), 2),
        lambda lib: lib.nn.init.dirac_(lib.empty(2, 3, 3, 4)),
        lambda lib: lib.nn.init.dirac_(lib.empty(2, 2, 3, 3, 1)),
    ):
        assert fill(microgrest).tolist() == fill(torch).tolist()
    for bad in (
        lambda lib: lib.nn.init.eye_(lib.empty(2)),
        lambda lib: lib.nn.init.dirac_(lib.empty(2)),
        lambda lib: lib.nn.init.dirac_(lib.empty(3, 2, 2), 2),
        lambda lib: lib.nn.init.orthogonal_(lib.empty(2)),
        lambda lib: lib.nn.init.sparse_(lib.empty(2), 0.5),
    ):
        said = []
        for lib in (microgrest, torch):
            with pytest.raises(ValueError) as error:
                bad(lib)
            said.append(str(error.value))
        assert said[0] == said[1]
