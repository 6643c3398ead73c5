"""The scripts that measure the GPU run where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake import ROOT, Unavailable, built

try:
    built()
except Unavailable as reason:
    pytest.skip(str(reason), allow_module_level=True)


def bench(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the scripts in bench/."""
    command = [sys.executable, str(ROOT / "bench" / name), *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)


def test_host_times_on_the_fake_driver(tmp_path: Path) -> None:
    file = tmp_path / "launches.json"
    done = bench("launches.py", "--rounds", "1", "--json", str(file))
    assert done.returncode in (0, 1) and not done.stderr, done.stderr  # 1: slower than a bound
    results = json.loads(file.read_text())["results"]
    assert {"x + y", "backward, a node"} <= {result["name"] for result in results}
    assert all(0 < result["median_seconds"] < 1e-2 for result in results)


@pytest.mark.slow
def test_everything_for_a_gpu_under_the_simulator(tmp_path: Path) -> None:
    done = bench("gpu.py", "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("gpu-*.json")
    found = json.loads(file.read_text())
    assert found["settings"] == {"failed": []}
    sections = {result["section"] for result in found["results"]}
    assert {"eager step", "host time", "bandwidth", "product", "transfer"} <= sections
    assert {"steps", "break-even"} <= sections
    assert file.with_suffix(".txt").read_text().startswith("machine: ")
