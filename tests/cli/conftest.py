"""Fixtures for the command line: run it in this process, and the measured series."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from command_line import ROOT, Run

from microgrest.cli import main


@pytest.fixture
def run() -> Run:
    """`run("fit", "--quiet")`: the result, with `exit_code`, `stdout` and `stderr`."""

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def load_cell() -> Path:
    """The measured series that ships with the examples."""
    return ROOT / "examples" / "data" / "load_cell.csv"
