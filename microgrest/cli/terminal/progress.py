"""A progress bar with the loss, on standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from .streams import tell

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


class Progress:
    """Shows how far `steps` steps are: a bar on a terminal, else ten lines; nothing if quiet.

    Losses are shown in the units of the data, of which one of the fit's is `unit`.
    """

    def __init__(self, steps: int, quiet: bool = False, unit: float = 1.0) -> None:
        self._steps, self._unit = steps, unit
        self._quiet = quiet
        self._shown = 0
        self._loss = ""
        self._bar: ProgressBar[int] | None = None
        if not quiet and sys.stderr.isatty():
            self._bar = click.progressbar(
                length=steps, label="fit", file=sys.stderr, item_show_func=lambda _: self._loss
            )

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def show(self, done: int, loss: float) -> None:
        """Show that `done` steps are done and that the last loss was `loss`."""
        self._loss = f"loss {loss * self._unit:.6g}"
        if self._bar is not None:
            self._bar.update(done - self._shown)
        elif self._quiet or self._shown + self._steps / 10 > done != self._steps:
            return
        else:
            tell(f"step {done} of {self._steps}: {self._loss}")
        self._shown = done
