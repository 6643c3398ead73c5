"""Where random streams start: the default one anew in each process, others where they are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import microgrest as mg

ROOT = Path(__file__).parents[1]
DRAW = "import microgrest as mg; print(mg.initial_seed(), *mg.rand(4, dtype=mg.float64).tolist())"


def drawn(code: str = DRAW) -> list[str]:
    """What a new process prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


def test_processes_draw_different_numbers_and_say_from_which_seed() -> None:
    first, second = drawn(), drawn()
    assert first[0] != second[0] and not set(first[1:]) & set(second[1:])
    for seed, *numbers in (first, second):
        mg.manual_seed(int(seed))
        assert mg.initial_seed() == int(seed)
        assert mg.rand(4, dtype=mg.float64).tolist() == list(map(float, numbers))


def test_processes_of_one_seed_draw_the_same() -> None:
    seeded = DRAW.replace("; print", "; mg.manual_seed(7); print")
    first, second = drawn(seeded), drawn(seeded)
    assert first == second and first[0] == "7"


def test_a_generator_starts_at_pytorchs_seed() -> None:
    one, two = mg.Generator(), mg.Generator()
    assert one.initial_seed() == two.initial_seed() == 67280421310721
    assert mg.rand(3, generator=one).tolist() == mg.rand(3, generator=two).tolist()


def test_seed_starts_a_stream_that_it_tells() -> None:
    generator = mg.Generator()
    seed = generator.seed()
    assert seed == generator.initial_seed() != mg.Generator().seed()
