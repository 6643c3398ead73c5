"""`--device`, `--sweep`, and what `fit` and `doctor` say of a GPU; the simulator stands for one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, process

from microgrest import OutOfMemoryError, cuda
from microgrest.cli import gpu, sweep
from microgrest.cli.settings import Settings
from microgrest.cli.show import report
from microgrest.cli.terminal.errors import InputError, memory_guarded
from microgrest.cli.train import timing

needs_simulator = pytest.mark.skipif(
    find_spec("numba_cuda") is None,
    reason="numba-cuda is not installed: pip install 'microgrest[cuda13]'",
)
without_gpu = pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")


def on_simulator(*arguments: object) -> dict[str, Any]:
    """The JSON that a command prints where the simulator takes the GPU's place."""
    done = process(*arguments, "--json", NUMBA_ENABLE_CUDASIM="1")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@needs_simulator
def test_fit_on_a_gpu() -> None:
    found = on_simulator("fit", "--device", "cuda", "--points", 8, "--steps", 2)
    assert found["device"] == "cuda" and found["compare"]["equal"]
    beside = found["gpu"]
    assert beside["name"] == "Numba's CUDA simulator"
    assert beside["speedup"] == beside["cpu_step_seconds"] / beside["step_seconds"]
    assert 0 < beside["host_share"] <= 1
    modes = found["modes"]
    assert 10 < modes["eager"]["launches"] < 40 and modes["compiled"]["launches"] < 10
    assert beside["launches"] == modes["compiled"]["launches"]


@needs_simulator
def test_sweep_on_a_gpu() -> None:
    found = on_simulator("fit", "--sweep", "6,5", "--device", "cuda", "--quiet")
    rows = found["sweep"]
    assert [row["points"] for row in rows] == [5, 6]
    assert found["gpu"] == "Numba's CUDA simulator" and found["mode"] == "compiled"
    assert all(row["eager"]["step_seconds"] > row["eager"]["cpu_step_seconds"] for row in rows)


@needs_simulator
def test_doctor_on_a_gpu() -> None:
    assert on_simulator("doctor")["gpu"] == {
        "devices": ["Numba's CUDA simulator"],
        "usable": True,
        "remedy": "none needed",
    }


def test_a_gpu_that_fails_is_not_usable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrest.cuda.detection.problem", lambda: None)
    monkeypatch.setattr("microgrest.cuda.detection.survey", lambda: {})

    def fails(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("libNVVM cannot be found")

    monkeypatch.setattr("microgrest.ones", fails)
    found = json.loads(run("doctor", "--json").stdout)["gpu"]
    assert not found["usable"] and "compiler libraries are missing" in found["remedy"]


def test_auto_is_the_cpu_where_there_is_no_real_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(reason: str | None, simulated: bool = False) -> None:
        monkeypatch.setattr("microgrest.cuda.problem", lambda: reason)
        monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", str(int(simulated)))

    pretend(None)
    assert [gpu.choose(wanted) for wanted in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    pretend(None, simulated=True)
    assert [gpu.choose(wanted) for wanted in ("auto", "cuda")] == ["cpu", "cuda"]
    pretend("no driver")
    assert gpu.choose("auto") == "cpu"
    with pytest.raises(InputError, match="--device cuda: no driver; or use --device cpu"):
        gpu.choose("cuda")


@without_gpu
def test_sweep_on_the_cpu(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SECONDS", 0.01)
    path = tmp_path / "sweep.json"
    result = run("fit", "--sweep", "100,1e1,100", "--save", path)
    assert result.exit_code == 0
    assert result.stderr == "10 points\n100 points\n"
    assert "speedup" in result.stdout and f"no GPU: {cuda.problem()}" in result.stdout
    found = json.loads(path.read_text())
    assert [row["points"] for row in found["sweep"]] == [10, 100]
    for row in found["sweep"]:
        assert row["cpu_step_seconds"] > 0 and set(row["numpy_step_seconds"]) == {"x**3", "matrix"}
        assert row["eager"]["step_seconds"] > row["cpu_step_seconds"]
    explicit = run("fit", "--sweep", "10", "--device", "cpu", "--quiet", "--mode", "eager")
    assert "no GPU" not in explicit.stdout and explicit.stderr == ""
    headings = (done.stdout.splitlines()[2].split() for done in (result, explicit))
    assert ["eager" in heading for heading in headings] == [True, False]


def test_sweep_without_sizes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(sweep, "run", asked.append)
    for arguments in (["--sweep"], ["--sweep", "--dtype", "float64"]):
        assert run("fit", *arguments).exit_code == 0
    assert [settings.sweep for settings in asked] == [tuple(10**k for k in range(2, 8))] * 2


@pytest.mark.parametrize(
    ("speedups", "points"),
    [
        ([0.1, 0.5, 2.0], 1000 * 10**0.5),
        ([0.25, 4.0, 8.0], 100 * 10**0.5),
        ([0.5, 1.5, 0.5, 2.0], 10**4 * 10**0.5),
        ([0.5, 1.0, 3.0], 1000),
        ([1.5, 2.0], 100),
        ([0.5, 2.0, 0.9], None),
    ],
)
def test_break_even(speedups: list[float], points: float | None) -> None:
    sizes = [10 ** (2 + k) for k in range(len(speedups))]
    assert sweep.break_even(sizes, speedups) == (points and pytest.approx(points))


def row(points: int, cpu: float, gpu: float, eager: bool = False) -> dict[str, Any]:
    facts = timing.OnGpu(cpu_step_seconds=cpu, step_seconds=gpu, host_seconds=3e-5, launches=19)
    return {"points": points, **facts.facts(), "eager": facts.facts() if eager else None}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(100, 2e-5, 4e-5), row(10_000, 8e-5, 4e-5)], "about 1000 points; at fewer, the GPU"),
        ([row(100, 2e-5, 4e-5)], "none up to 100 points, where the GPU is the slower"),
        ([row(100, 8e-5, 4e-5)], "below 100 points; the GPU is the faster at every size"),
    ],
)
def test_sweep_as_text(
    rows: list[dict[str, Any]], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microgrest.cuda.get_device_name", lambda: "Test GPU")
    text = list(sweep.as_text(sweep.build(Settings(), "cuda", rows)))
    assert "on Test GPU and the CPU" in text[0]
    assert text[2].split() == ["points", "CPU", "GPU", "speedup", "launches", "host"]
    assert text[3].split()[-2:] == ["19", "75%"]
    assert expected in text[-1]


def test_sweep_has_columns_for_both_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("microgrest.cuda.get_device_name", lambda: "Test GPU")
    rows = [row(100, 2e-5, 4e-5, eager=True)]
    text = list(sweep.as_text(sweep.build(Settings(), "cuda", rows)))
    assert text[2].split()[-4:] == ["CPU", "eager", "GPU", "eager"]
    assert text[3].split()[-2:] == ["20.0", "40.0"]


@pytest.mark.parametrize(("cpu", "slower"), [(2e-5, True), (8e-5, False)])
def test_fit_says_whether_the_gpu_is_slower(cpu: float, slower: bool) -> None:
    found = timing.OnGpu(cpu, step_seconds=4e-5, host_seconds=3e-5, launches=19).facts()
    text = "\n".join(report._gpu(found))
    assert f"speedup of the GPU {cpu / 4e-5:.2f}" in text
    assert "40.0 us a step, of which 75% host time for 19 launches" in text
    assert ("the GPU is slower at this size: a step takes 2.0 times" in text) == slower


def test_full_memory_is_the_users_to_mend() -> None:
    for error in (MemoryError("5 TiB"), OutOfMemoryError("5 TiB")):
        with pytest.raises(InputError, match="does not fit into memory: 5 TiB"), memory_guarded():
            raise error
    with pytest.raises(RuntimeError, match="a bug"), memory_guarded():
        raise RuntimeError("a bug")
