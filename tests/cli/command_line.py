"""Running the command line, in this process and in its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]


def command(*arguments: object) -> list[str]:
    """The arguments of Python that run the command line in the checkout."""
    return ["cli.py", *map(str, arguments)]


def process(
    *arguments: object, code: str = "", setup: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python cli.py ARGUMENTS` in the checkout, or `python -c CODE`; it calls `setup` first."""
    return subprocess.run(
        [sys.executable, *(["-c", code] if code else command(*arguments))],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=setup,
    )
