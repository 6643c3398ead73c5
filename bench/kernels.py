"""What the CUDA kernels are made of: `python bench/kernels.py`. No GPU is needed.

Each kernel of each elementwise row, forward and backward, in the form for large arrays: registers
and spilled bytes of a thread as the assembler says, instructions by the size of the machine code,
and from these the time that 1e8 elements take at least on an H200: the time of their bytes at the
rate of a copy, and of their instructions at the rate at which its schedulers issue them. Loops run
a part of a kernel's instructions once per run of elements, so that bound is generous.

Then every kernel that reductions, scans, products, gathers, sorting and draws launch, found by
running them on the driver of `tests/cuda/fake_cuda.c`, which computes nothing.
Exits with status 1 if a kernel spills or takes more registers than it may.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from struct import unpack_from
from typing import Any

import click
import numpy as np
import peers
import report

sys.path.insert(0, str(peers.ROOT / "tests" / "cuda"))

N = 100_000_000
# An H200: bytes a second of a device-to-device copy (read and written), 132 multiprocessors of 4
# schedulers that issue an instruction for 32 threads each cycle, at 1.98 GHz.
COPY_RATE = 4.3e12
ISSUE_RATE = 132 * 4 * 32 * 1.98e9
INSTRUCTION_BYTES = 16  # from compute capability 7.0 on
COLUMNS = {"kernel": 28, "layout": 7, "regs": 5, "spills": 7, "instr.": 7, "B/elem": 7}
COLUMNS |= {"memory ms": 10, "issue ms": 9, "bound by": 9}
MOST_REGISTERS = 64
MOST_OF_PRODUCTS = 128
ON_FAKE = "FAKE_CUDA" in os.environ


@dataclass(frozen=True)
class Facts:
    """One kernel for one compute capability; seconds are for N elements on an H200."""

    kernel: str
    layout: str
    capability: str
    registers: int
    spills: int
    instructions: int
    bytes_per_element: int
    memory_seconds: float
    issue_seconds: float

    @property
    def bound(self) -> str:
        """What takes longer."""
        return "memory" if self.memory_seconds >= self.issue_seconds else "issue"

    def cells(self) -> tuple[object, ...]:
        """The texts of the table's columns."""
        times = f"{self.memory_seconds * 1e3:.3f}", f"{self.issue_seconds * 1e3:.3f}"
        counts = self.registers, self.spills, self.instructions, self.bytes_per_element
        return self.kernel, self.layout, *counts, *times, self.bound


def instructions(cubin: bytes) -> int:
    """How many instructions the kernel in an ELF file has, alignment included."""
    start, count, names = (unpack_from(f, cubin, at)[0] for f, at in _HEADER)
    headers = [unpack_from("<IIQQQQ", cubin, start + 64 * i) for i in range(count)]
    texts = headers[names][4]
    name = [cubin[texts + h[0] : texts + h[0] + 6] for h in headers]
    sizes = [h[5] for h, n in zip(headers, name, strict=True) if n == b".text."]
    return sum(sizes) // INSTRUCTION_BYTES


# Where an ELF file of 64 bits says where its section headers are, how many, and which has names.
_HEADER = (("<Q", 40), ("<H", 60), ("<H", 62))


def examined(program: Any, layout: str, capability: tuple[int, int]) -> Facts:
    """The facts of one elementwise kernel."""
    from microgrest.kernels.cuda import names
    from microgrest.kernels.cuda.driver import compile as compiler
    from microgrest.kernels.cuda.source import wide

    made = compiler.compiled(wide.flat(program, layout, names), capability, program.name)
    k = len(program.inputs)
    types = [p.stored for p in program.inputs] + [out.dtype for out in program.outputs]
    moved = sum(np.dtype(t).itemsize for t, c in zip(types, layout, strict=True) if c == "v")
    moved += sum(np.dtype(types[k + int(c)]).itemsize for c in layout if c.isdigit())
    count = instructions(made.cubin)
    return Facts(
        program.name,
        layout,
        "sm_{}{}".format(*capability),
        made.registers,
        made.spills,
        count,
        moved,
        N * moved / COPY_RATE,
        N * count / run_length(program, layout) / ISSUE_RATE,
    )


def run_length(program: Any, layout: str) -> int:
    """How many elements a thread takes at once."""
    from microgrest.kernels.cuda import names
    from microgrest.kernels.cuda.source import wide
    from microgrest.kernels.cuda.source.maps import in_memory

    return wide.WideWriter(in_memory(program), layout, names).run


def kernels() -> Iterator[tuple[Any, str]]:
    """Every elementwise program with its layout on contiguous tensors."""
    import catalog

    for row in catalog.ELEMENTWISE:
        yield from catalog.flat_kernels(catalog.form_of(row, catalog.dtype_of(row)))


@dataclass(frozen=True)
class Other:
    """One kernel that is not elementwise."""

    kernel: str
    capability: str
    registers: int
    spills: int
    instructions: int
    doubles: int

    @property
    def fits(self) -> bool:
        """Whether it takes no more than it may."""
        most = MOST_OF_PRODUCTS if "matmul" in self.kernel else MOST_REGISTERS
        return not self.spills and self.registers <= most


def launched(capability: tuple[int, int]) -> list[Other]:
    """The kernels that are not elementwise, as the library launches them."""
    import exercise
    from microgrest.kernels.cuda.driver import compile as compiler, launch

    x, m = exercise.mg.rand(1_000_003, device="cuda"), exercise.mg.rand(3000, 700, device="cuda")
    for work in (*exercise.WORK.values(), *MORE):
        work(x, m)
    elementwise, found = {program.name for program, _ in kernels()}, {}
    for kernel in launch._kernels:
        name = kernel.source.text.splitlines()[0].strip('"').rstrip(".")
        if kernel.label in elementwise:
            continue
        made = compiler.compiled(kernel.source, capability, kernel.label)
        counts = made.registers, made.spills, instructions(made.cubin), made.doubles
        found[name] = Other(f"{kernel.label}: {name}", "sm_{}{}".format(*capability), *counts)
    return sorted(found.values(), key=lambda other: other.kernel)


def _rows(m: Any) -> Any:
    return m[0, :3].long()


MORE = [
    lambda x, m: (m @ m[:700, :], m[:64, :64] @ m[:64, :64], m[:3] @ m.t()),
    lambda x, m: (m.double() @ m[:700, :].double(), m.mean(), m.argmin(1), x.argmax()),
    lambda x, m: (x.cumsum(0), m.cumsum(0), m.cummax(1), m.logcumsumexp(1)),
    lambda x, m: m.index_put_((_rows(m),), m[:3], accumulate=True),
    lambda x, m: m.index_put_((_rows(m),), m[:3]),
    lambda x, m: x.index_put_((x.argmax(0, keepdim=True).expand(5000),), x[:5000]),
    lambda x, m: (x.normal_(), x.uniform_(), x.random_(0, 9), m.bernoulli_()),
]


@click.command(context_settings={"show_default": True})
@click.option("--capability", type=click.Choice(["75", "90"]), default="90", help="To compile for.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the results there.")
def main(capability: str, file: Path | None) -> None:
    """Compile every CUDA kernel and tell what it takes."""
    if not ON_FAKE:
        sys.exit(_on_fake_driver())
    numbers = divmod(int(capability), 10)
    click.echo(report.row(COLUMNS, COLUMNS.values()))
    found = [examined(program, layout, numbers) for program, layout in kernels()]
    for facts in found:
        click.echo(report.row(facts.cells(), COLUMNS.values()))
    limited = sum(f.bound == "memory" for f in found)
    click.echo(f"\n{len(found)} kernels, {limited} of them bound by memory on an H200\n")
    others = launched(numbers)
    click.echo("registers, instructions, mentions of float64 (no kernel spills), and the kernel:")
    for other in others:
        click.echo(f"{other.registers:4} {other.instructions:6} {other.doubles:4}  {other.kernel}")
    if file is not None:
        settings = {"capability": capability, "n": N}
        report.write(file, "kernels", settings, [asdict(f) for f in (*found, *others)])
    fits = all(f.registers <= MOST_REGISTERS and not f.spills for f in found)
    sys.exit(not (fits and all(other.fits for other in others)))


def _on_fake_driver() -> int:
    """Run this script again where the driver is the fake one; its exit status."""
    import fake

    try:
        environment = fake.environment()
    except fake.Unavailable as reason:
        raise click.UsageError(str(reason)) from None
    return subprocess.run([sys.executable, *sys.argv], env=environment).returncode


if __name__ == "__main__":
    main()
