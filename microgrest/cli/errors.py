"""Errors that the user can mend: one line on standard error and exit status 2, no traceback."""

from __future__ import annotations

import click


class InputError(click.ClickException):
    """Something given on the command line, or in a file named there, cannot be used."""

    exit_code = 2
