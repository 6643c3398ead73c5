"""The command line: `microgrest fit`, `microgrest doctor`, `microgrest cache`.

This package imports click and nothing heavier; each command imports what it needs when it runs, so
that `--help` answers at once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ..version import __version__
from . import start  # noqa: F401 - the clock starts at once
from .cache import cache
from .doctor import doctor
from .fit import fit
from .terminal import streams
from .terminal.errors import FAULT, INTERRUPTED, InputError


class _Commands(click.Group):
    """Ends every command with a status that docs/cli.md has; 1 stays for what `fit` means by it."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        main: Callable[..., Any] = partial(super().main, *args, standalone_mode=False, **options)
        if not standalone_mode:
            return main()
        gc.set_threshold(100_000)  # a command makes little garbage; a tenth of its start went here
        with streams.guarded():
            sys.exit(_status(main))


def _status(run: Callable[[], int | None]) -> int:
    """Run a command that raises what it cannot do; its exit status."""
    try:
        return run() or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        streams.tell(f"Error: {error}")
        return InputError.exit_code
    except (KeyboardInterrupt, click.Abort):
        streams.tell("interrupted")
        return INTERRUPTED
    except Exception:
        import traceback

        traceback.print_exc()
        return FAULT


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
