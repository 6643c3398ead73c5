"""What keeps a GPU from being used, and the remedy, without one: the driver is made up."""

from __future__ import annotations

import ctypes
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace
from typing import Any

import pytest
from microgrest.kernels.cuda.driver.environment import FORKED

from microgrest import cuda
from microgrest.cuda import detection


class Library:
    """A driver library with equal GPUs, of a compute capability, and an interface version."""

    def __init__(
        self,
        gpus: int = 1,
        version: int = 13000,
        capability: tuple[int, int] = (9, 0),
        status: int = 0,
    ) -> None:
        self.gpus, self.version, self.capability, self.status = gpus, version, capability, status

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDeviceGetCount(self, out: Any) -> int:
        return store(out, self.gpus)

    def cuDriverGetVersion(self, out: Any) -> int:
        return store(out, self.version)

    def cuDeviceGetAttribute(self, out: Any, attribute: int, gpu: int) -> int:
        return store(out, self.capability[attribute - detection.CAPABILITY_MAJOR])

    def cuDeviceGetName(self, out: Any, size: int, gpu: int) -> int:
        out.value = b"Test GPU"
        return 0


def store(out: Any, value: int) -> int:
    out._obj.value = value
    return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A Linux machine on which a GPU can be used; tests take away what it has."""
    for name in ("NUMBA_ENABLE_CUDASIM", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name in ("_usable", "_started", "_forked"):
        monkeypatch.setattr(detection, name, False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    monkeypatch.setattr(detection, "find_spec", lambda name: name)
    monkeypatch.setattr(detection, "toolkit_version", lambda: "13.5.0")
    monkeypatch.setattr(detection, "_missing_library", lambda: None)
    monkeypatch.setitem(sys.modules, "_numba_cuda_redirector", sys)
    monkeypatch.delitem(sys.modules, "numba.cuda", raising=False)
    return monkeypatch


def reason() -> str:
    found = cuda.problem()
    assert found is not None and "\n" not in found
    assert not cuda.is_available() and cuda.device_count() == 0
    return found


def test_nothing_is_wrong(machine: pytest.MonkeyPatch) -> None:
    assert cuda.problem() is None
    machine.setattr(ctypes, "CDLL", None)  # it is not asked again
    assert cuda.is_available()


def test_macos(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(sys, "platform", "darwin")
    assert "no CUDA for macOS" in reason()


def test_no_driver(machine: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    machine.setattr(ctypes, "CDLL", missing)
    assert "no NVIDIA driver" in reason() and "--gpus all" in reason()
    assert "pip install 'microgrest[cuda13]'" in reason()


def test_no_gpu(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(ctypes, "CDLL", lambda name: Library(status=100))
    assert "sees no GPU (cuInit returned 100): see what nvidia-smi says" in reason()
    machine.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "unset CUDA_VISIBLE_DEVICES, which is ''" in reason()


@pytest.mark.parametrize(
    ("library", "installed", "expected"),
    [
        (Library(version=11080), "", "too old, CUDA 11.8: update it to 525 or newer"),
        (Library(), "", "not installed: pip install 'microgrest[cuda13]'"),
        (Library(version=12040), "", "not installed: pip install 'microgrest[cuda12]'"),
        (Library(capability=(7, 0)), "", "not installed: pip install 'microgrest[cuda12]'"),
        (
            Library(version=12040),
            "13.5.0",
            "supports CUDA 12.4: pip install 'microgrest[cuda12]', or update the driver to 580",
        ),
        (
            Library(capability=(7, 0)),
            "13.5.0",
            "Test GPU has compute capability 7.0, and CUDA 13, which is installed, begins at 7.5: "
            "pip install 'microgrest[cuda12]'",
        ),
    ],
)
def test_driver_gpu_and_extra(
    machine: pytest.MonkeyPatch, library: Library, installed: str, expected: str
) -> None:
    machine.setattr(ctypes, "CDLL", lambda name: library)
    machine.setattr(detection, "find_spec", lambda name: installed or None)
    machine.setattr(detection, "toolkit_version", lambda: installed)
    assert expected in reason()


def test_cuda12_runs_on_new_drivers_and_old_gpus(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(ctypes, "CDLL", lambda name: Library(capability=(7, 0)))
    machine.setattr(detection, "toolkit_version", lambda: "12.9.4")
    assert cuda.problem() is None


def test_no_compiler(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(detection, "_missing_library", lambda: "nvvm")
    assert "nvvm is missing (numba-cuda without an extra brings no compiler): pip" in reason()
    machine.setattr(detection, "toolkit_version", lambda: "")
    assert "cuda-bindings is missing" in reason()


def test_libraries_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pathfinder = pytest.importorskip("cuda.pathfinder", reason="numba-cuda is not installed")

    def load(name: str) -> None:
        if name == "nvvm":
            raise pathfinder.DynamicLibNotFoundError(name)

    assert detection._missing_library() is None
    monkeypatch.setattr(pathfinder, "load_nvidia_dynamic_lib", load)
    assert detection._missing_library() == "nvvm"


def test_version_of_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    assert detection.toolkit_version() == ""


def test_builtin_target(machine: pytest.MonkeyPatch) -> None:
    machine.setitem(sys.modules, "numba.cuda", SimpleNamespace(implementation="Built-in"))
    assert "built-in CUDA target is in use" in reason()
    machine.setitem(sys.modules, "numba.cuda", SimpleNamespace(implementation="NVIDIA"))
    assert cuda.problem() is None


def test_redirection_that_did_not_happen(machine: pytest.MonkeyPatch) -> None:
    machine.delitem(sys.modules, "_numba_cuda_redirector")
    assert ".pth file was not read" in reason()


def test_forked_child(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(ctypes, "CDLL", lambda name: Library(status=100))
    assert "sees no GPU" in reason()
    machine.setattr(ctypes, "CDLL", lambda name: Library())
    detection._after_fork()  # of a parent in which the driver did not start
    assert cuda.problem() is None
    detection._after_fork()
    assert reason() == FORKED


def test_simulator(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(sys, "platform", "darwin")
    machine.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert cuda.problem() is None
    assert detection.survey() == {"devices": ["Numba's CUDA simulator"]}


def test_survey(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(ctypes, "CDLL", lambda name: Library(gpus=2, version=12040))
    assert detection.survey() == {
        "devices": ["Test GPU, compute capability 9.0"] * 2,
        "driver": "for CUDA 12.4 and older",
        "toolkit": "cuda-bindings 13.5.0",
        "extra": "cuda13",
        "extra that suits": "cuda12",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CudaSupportError: CUDA driver library cannot be found", "no NVIDIA driver"),
        ("libNVVM cannot be found", "compiler libraries are missing: pip install"),
        ("Failure finding libnvrtc.so", "pip install 'microgrest[cuda13]'"),
        ("No supported GPU compute capabilities found", "compiler libraries are missing"),
        ("CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "newer than the NVIDIA driver"),
        ("CUDA_ERROR_NO_BINARY_FOR_GPU", "pip install --upgrade 'microgrest[cuda13]'"),
        ("CUDA out of memory. Tried to allocate", "see nvidia-smi"),
        ("something new\nand more", "a kernel fails: RuntimeError: something new"),
    ],
)
def test_known_failures(machine: pytest.MonkeyPatch, text: str, expected: str) -> None:
    assert expected in detection.explain(RuntimeError(text))
    assert "\n" not in detection.explain(RuntimeError(text))
