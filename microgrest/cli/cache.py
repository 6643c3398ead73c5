"""`microgrest cache`: the compiled kernels on disk."""

from __future__ import annotations

import time
from datetime import datetime

import click

from .settings import DTYPES, OPTIMIZERS, Settings
from .terminal.errors import InputError


@click.group()
def cache() -> None:
    """List, clear or fill the cache of compiled kernels."""


@cache.command("list")
def list_() -> None:
    """Show each cached kernel: when it was written, its size, its name, what it computes."""
    from microgrest.kernels import cache as store

    entries = store.entries()
    for entry in entries:
        written = datetime.fromtimestamp(entry.mtime).isoformat(" ", "minutes")
        click.echo(f"{written}  {entry.bytes:9d}  {entry.name}  {entry.summary}")
    total = sum(entry.bytes for entry in entries)
    click.echo(f"{len(entries)} kernels, {total} bytes in {places()}")


def places() -> str:
    """The directories of the cache, as text."""
    from microgrest.kernels.cache.roots import roots

    read, written = roots()
    unwritten = [f"{root} (read-only)" for root in read if root != written]
    nothing = "memory only: no directory can be written, and each process compiles anew"
    return " and ".join([*unwritten, str(written or nothing)])


@cache.command()
def clear() -> None:
    """Delete every cached kernel; they compile again when needed."""
    from microgrest.kernels import cache as store

    files, freed = store.clear()
    click.echo(f"deleted {files} files, {freed} bytes")
    if left := len(store.entries()):
        click.echo(f"{left} kernels cannot be deleted, in {places()}", err=True)


@cache.command()
def warm() -> None:
    """Compile the kernels that `fit` needs, for every dtype and optimizer."""
    from microgrest.kernels import cache as store
    from microgrest.kernels.cache.roots import roots

    from .train.job import prepare

    if roots().written is None:
        raise InputError(f"kernels are kept in {places()}")
    before, started = len(store.entries()), time.perf_counter()
    for dtype in DTYPES:
        for optimizer in OPTIMIZERS:
            prepare(Settings(dtype=dtype, optimizer=optimizer), None, "cpu")
    seconds, after = time.perf_counter() - started, len(store.entries())
    click.echo(f"{after - before} kernels added in {seconds:.1f} s, {after} in {places()}")
