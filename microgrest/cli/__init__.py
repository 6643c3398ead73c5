"""The command line: `microgrest fit`, `microgrest doctor`, `microgrest cache`.

This package imports click and nothing heavier; each command imports what it needs when it runs, so
that `--help` answers at once.
"""

from __future__ import annotations

import errno
import time
from typing import Any

import click

from ..version import __version__
from .cache import cache
from .doctor import doctor
from .fit import fit

# When this process began, on perf_counter's clock: what passed before this line is taken to be the
# CPU time spent until here, the one measure of it that every platform has.
PROCESS_START = time.perf_counter() - time.process_time()


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a full disk under the output is a message, as a closed pipe is click's."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="microgrest")
def main() -> None:
    """A PyTorch-compatible micro-autograd on Numba-compiled kernels."""


main.add_command(fit)
main.add_command(doctor)
main.add_command(cache)
