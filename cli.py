"""The command line in a checkout: `python cli.py fit`. Installed, it is called `microgrest`."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def load() -> click.Command:
    """The command line, without the library: `--help` need not wait for that.

    Importing `microgrest.cli` would run `microgrest/__init__.py` first. So a stand-in takes the
    package's place meanwhile; the first command that imports the library gets the real one.
    """
    package = ModuleType("microgrest")
    package.__path__ = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "microgrest")]
    sys.modules["microgrest"] = package
    from microgrest.cli import main

    del sys.modules["microgrest"]
    return main


if __name__ == "__main__":
    try:
        command = load()
    except KeyboardInterrupt:  # the command itself answers to it later
        sys.exit(130)
    command()
