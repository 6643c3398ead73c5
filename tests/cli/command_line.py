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


def process(
    *arguments: object, code: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python cli.py ARGUMENTS` in the checkout, or `python -c CODE`."""
    command = ["-c", code] if code else ["cli.py", *map(str, arguments)]
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
