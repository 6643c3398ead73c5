"""`microgrest doctor`: what is installed here, what it will use, and what to install."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

PACKAGES = ("numpy", "numba", "llvmlite", "click", "numba-cuda", "matplotlib")
# Of a CPU's features, those that decide how wide its loops run.
SIMD = ("sse4.2", "avx", "avx2", "fma", "avx512f", "neon", "sve", "sve2")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(as_json: bool) -> None:
    """Show what is here, and what to install."""
    facts = examine()
    click.echo(json.dumps(facts, indent=2) if as_json else _text(facts))


def examine() -> dict[str, dict[str, Any]]:
    """Everything `doctor` knows, in sections."""
    return {
        "versions": _versions(),
        "cpu": _cpu(),
        "threads": _threads(),
        "products": _products(),
        "cache": _cache(),
        "gpu": _gpu(),
    }


def _versions() -> dict[str, Any]:
    import microgrest

    found = {"microgrest": f"{microgrest.__version__} in {Path(microgrest.__file__).parent}"}
    found["python"] = f"{platform.python_version()} ({sys.executable})"
    found["platform"] = platform.platform()
    return found | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> dict[str, Any]:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return {
        "name": os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name(),
        "simd": [name for name in SIMD if features.get(name)],
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
    }


def _threads() -> dict[str, Any]:
    from microgrest.kernels.cpu import parallel

    return {
        "layer": parallel.layer(),
        "threads": parallel.get_num_threads(),
        "parallel kernels": "yes" if parallel.usable() else "no: kernels run serially",
    }


def _products() -> dict[str, Any]:
    from llvmlite import binding

    from microgrest.kernels.libraries import blas, openblas

    remedy = openblas.remedy(bool(binding.get_host_cpu_features().get("avx512f")))
    return {
        "by": blas.described(),
        "kernels for": openblas.core() or "unknown",
        "remedy": remedy or "none needed",
    }


def _cache() -> dict[str, Any]:
    from microgrest.kernels import cache

    from .cache import places

    entries = cache.entries()
    return {
        "path": places(),
        "kernels": len(entries),
        "bytes": sum(entry.bytes for entry in entries),
    }


def _gpu() -> dict[str, Any]:
    from microgrest.cuda import detection

    reason = detection.problem() or _failure()
    return detection.survey() | {"usable": reason is None, "remedy": reason or "none needed"}


def _failure() -> str | None:
    """What to do if a kernel cannot be made or run, whatever the packages look like."""
    import microgrest as torch
    from microgrest.cuda import detection

    try:
        result = (torch.ones(1, device="cuda") + 1).item()
    except Exception as error:  # CUDA's packages raise types of their own, and ImportError
        return detection.explain(error)
    return None if result == 2 else f"the GPU computes 1 + 1 = {result}: see what nvidia-smi says"


def _text(facts: dict[str, dict[str, Any]]) -> str:
    lines = []
    for section, entries in facts.items():
        lines += ["", section]
        lines += [f"  {name:18s}{_plain(value)}" for name, value in entries.items()]
    return "\n".join(lines[1:])


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(value) if any(" " in v for v in value) else " ".join(value) or "none"
    return str(value)
