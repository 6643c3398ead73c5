"""How the places of a loop, and the results of folds in part, are shared out among threads."""

from __future__ import annotations

from ....source.writer import indent

LANES = 32  # threads at most that share one result of a fold in part


def row_and_column(inner: int) -> list[str]:
    """Where in (outer, inner) a result is."""
    if inner == 1:
        return ["row, column = output, 0"]
    return [f"row, column = output // {inner}, output % {inner}"]


def strided(
    lines: list[str],
    count: int,
    threads: int,
    start: str = "thread",
    stop: str = "",
    ahead: int = 1,
) -> list[str]:
    """`lines` for `count` places from `start` on, `threads` apart, or for those before `stop`.

    `ahead` of them are done at a time, so that their loads overlap.
    """
    beyond = (ahead - 1) * threads
    several = ahead > 1 and count > beyond
    bound = f"{stop} - {beyond}" if stop else f"{count - beyond}"
    head = [f"while i < {bound}:", f"    for _ in range({ahead}):"]
    step = f"i += {threads}"
    return [
        f"i = {start}",
        *([*head, *indent([*lines, step], 2)] if several else []),
        f"while i < {stop or count}:",
        *indent([*lines, step]),
    ]


def shared_out(outputs: int, n: int, threads: int) -> tuple[int, int]:
    """(lanes, width): how many threads fold a result, and how many results are folded at once."""
    width = 1 << max(outputs - 1, 0).bit_length()
    if width >= threads or n < 4:
        return 1, threads
    lanes = min(threads // width, LANES, 1 << (n // 2).bit_length() - 1)
    return lanes, threads // lanes


def place_of(lanes: int, width: int, inner: int) -> str:
    """Which lane of which result a thread is: neighbors are neighbors in memory."""
    if inner == 1:
        return f"lane, output = thread % {lanes}, thread // {lanes}"
    return f"lane, output = thread // {width}, thread % {width}"
