"""export: a recording as a Python module of its own, which needs NumPy and Numba only.

It has the generated functions, and after them what prepares their arguments, in Python that is made
to be read: `numbers_of` with the optimizers' formulas, `fit`, and `values`, the arrays as they are
at the time of the export.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import cuda
from ...kernels.steps import trace as t
from ...kernels.steps.cpu.entrance import parameters
from ...version import __version__
from ..replay import Recording, native, stored
from .export_numbers import Rules
from .export_text import Array, body, call, function, head, literal, wrapped

LITERALS = 16  # elements of an array that the text itself may hold
VALUES = 1 << 20  # elements of all arrays that are saved, at most
STEPS = 10_000  # rows of a table of numbers that Python has to compute
# What `fit` has besides the arrays.
TAKEN = {"done", "flat", "made", "numbers_of", "run", "seed", "state", "streams"}


def export(
    recording: Recording,
    path: str | os.PathLike[str],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Write the module; and a file beside it, ".npz", for arrays that are no few numbers.

    With the arguments of a call that the recording serves, `values` has what that call would use.
    A step that was recorded on a GPU is written for the CPU.
    """
    target = Path(path)
    if target.suffix != ".py" or not target.stem.isidentifier():
        raise ValueError(f"export writes a Python module, NAME.py, not {target.name!r}")
    if recording.changes is not None:
        raise RuntimeError(
            f"{recording.trace.name} changes Python values that it depends on, such as a counter, "
            "and a module of its own would repeat one of its steps: change them outside of the step"
        )
    module = _Module(recording, args, kwargs or {}, target.stem)
    target.write_text(module.text(), encoding="utf-8")
    if module.saved:
        arrays: dict[str, Any] = module.saved
        np.savez_compressed(target.with_suffix(".npz"), **arrays)


class _Module:
    """The text of a module; `saved` are the arrays that go beside it, once the text is made."""

    def __init__(
        self, recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any], name: str
    ) -> None:
        self.recording, self.name = recording, name
        self.trace = recording.trace
        self.native = _on_cpu(recording)
        self.rules = Rules(recording, STEPS)
        self.saved: dict[str, np.ndarray[Any, Any]] = {}
        self.inputs: list[Array] = []
        self.outputs: dict[str, Array] = {}
        self._name_arrays(_values(recording, args, kwargs))
        total = sum(a.value.size for a in self.inputs if a.value is not None)
        self.complete = total <= VALUES and all(a.value is not None for a in self.inputs)

    def _name_arrays(self, values: Sequence[Any]) -> None:
        """The arrays that `run` takes, by the names that they have there."""
        wrote = {buffer for op in self.trace.ops for buffer in stored(op)}
        names = parameters(self.native.source)[len(HEAD) :]
        binding = self.recording.binding
        places = dict((*binding.inputs, *binding.copied))
        taken = TAKEN | {_defined(routine.finder) for routine in self.native.routines}
        self.run_takes: list[str] = []
        for i, index in enumerate(self.trace.arguments):
            buffer = self.trace.buffers[index]
            name = names[i] + "_" * (names[i] in taken)
            begins, order = self.rules.begin(index), places.get(i, -1)
            array = Array(name, buffer, index in wrote, values[i], begins, order)
            if buffer.role == t.INPUT:
                self.inputs.append(array)
                self.run_takes.append(array.flat())
            else:
                self.outputs[name] = array
                self.run_takes.append(f'made["{name}"]')
        # Data first, then what is trained.
        self.inputs.sort(key=lambda a: (a.written, a.order))
        self.given = [a for a in self.inputs if a.begins is None]
        self.state = [a for a in self.inputs if a.begins is not None]

    def text(self) -> str:
        """The whole module; `saved` is complete after it."""
        imports = ["from pathlib import Path"]
        if self.native.routines:
            imports = ["import ctypes", "import importlib", *imports]
        sections = [*self._finders(), *self.rules.text(), *self._fresh(), self._fit()]
        sections += [*self._values(), self._main()]
        if self.rules.table is not None:
            self.saved["numbers"] = self.rules.table
        if self.saved:
            sections.insert(0, 'STORED = dict(np.load(Path(__file__).with_suffix(".npz")))')
        sections.insert(0, body(self.native.source, imports))
        return "\n\n".join([self._head(), "\n\n\n".join(map(str.strip, sections))]) + "\n"

    def _head(self) -> str:
        arrays = [a.describe() for a in (*self.given, *self.state)]
        made = [f"{a.describe()}, made by each step" for a in self.outputs.values()]
        return head(
            f"{self.trace.name}: a step and the loop over it, written by microgrest {__version__}.",
            "It needs NumPy and Numba. Begin to read at `fit`, at the end; `run` is the loop.",
            [*arrays, *made],
        )

    # Functions of libraries

    def _finders(self) -> Iterator[str]:
        """How to find the same functions of libraries as run here."""
        yield from dict.fromkeys(routine.finder for routine in self.native.routines)

    # fit

    def _fresh(self) -> Iterator[str]:
        """What optimizers remember, before a first step."""
        if self.state:
            entries = [f"{a.name}={a.new()}" for a in self.state]
            title = "What the optimizers remember, as before a first step."
            yield function("def fresh()", [title], [call("return dict", entries)])

    def _fit(self) -> str:
        takes = ["steps", *(a.name for a in self.given), *["state=None"] * bool(self.state)]
        takes += ["numbers=None"] * bool(self.trace.slots) + ["done=0"] * self.rules.counts
        takes += ["seed=None"] * bool(self.trace.counters)
        made = [f"{name}={array.new()}" for name, array in self.outputs.items()]
        lines = [
            *["state = fresh() if state is None else state"] * bool(self.state),
            *[call("made = dict", made)] * bool(made),
            f"history = np.empty((steps, {len(self.trace.scalars)}))",
            *self._rest(),
            "return " + ", ".join(["history", *self._results()]),
        ]
        return function(call("def fit", takes), self._documentation(), lines)

    def _rest(self) -> Iterator[str]:
        """The other arguments of `run`, and the call."""
        if self.trace.slots:
            at = "steps, done" if self.rules.counts else "steps"
            yield f"numbers = numbers_of({at}) if numbers is None else numbers"
            yield f"numbers = np.broadcast_to(numbers, (steps, {self.trace.slots})).astype(float)"
        else:
            yield "numbers = np.empty((steps, 0))"
        streams = [[g._seed, g._offset] for g in self.recording.generators]
        if streams:
            yield f"streams = {streams} if seed is None else [[seed, 0]] * {len(streams)}"
            yield "seeds = np.array(streams, np.uint64)"
        else:
            yield "seeds = np.empty((0, 2), np.uint64)"
        passed = [*self.run_takes, *self._constants(), *self._scratch()]
        first = ["steps", "numbers", "seeds", "history", self._routines()]
        yield call("failed = run", [*first, *passed])
        failures = list(self.trace.failures)
        if failures == [t.INDEX]:
            yield "if failed:"
            yield f'    raise IndexError(f"{t.INDEX} in step {{failed}}")'
        elif failures:
            yield "if failed:"
            yield f"    step, what = divmod(failed - {t.FAILED}, {len(failures)})"
            yield f'    raise RuntimeError(f"{{{failures!r}[what]}} in step {{step + 1}}")'

    def _routines(self) -> str:
        """Where the libraries' functions are."""
        found = [f"{_defined(r.finder)}({r.argument!r})" for r in self.native.routines]
        return f"({', '.join(found or ['0'])},)"

    def _documentation(self) -> list[str]:
        columns = [self.trace.buffers[p.buffer].name for p in self.trace.scalars]
        what = f"float64 of shape (steps, {len(columns)})"
        lines = [f"Run `steps` steps; what they returned, {what}: {', '.join(columns)}."]
        written = ", ".join(a.name for a in self.given if a.written)
        lines += wrapped(f"Written in place: {written or 'nothing'}{', state' * bool(self.state)}.")
        if self.trace.slots:
            lines += wrapped(
                f"`numbers`, of shape (steps, {self.trace.slots}) or of one row, stands for those "
                "of `numbers_of`."
            )
        if self.rules.counts:
            lines += wrapped("`done`: steps taken before, which bias corrections ask for.")
        if self.trace.counters:
            lines += wrapped("`seed`: of the random numbers, which else go on as at the export.")
        if self._results():
            lines += wrapped(f"Then what the last returned besides: {', '.join(self._results())}.")
        return lines

    def _results(self) -> list[str]:
        """Results that are no numbers: expressions of the arrays that were made."""
        found = []
        names = dict(zip(self.trace.arguments, self.run_takes, strict=True))
        for m in self.recording.made[self.recording.gradients :]:
            leaf = m.leaf
            if leaf is not None and leaf.buffer is not None and np.prod(leaf.shape) != 1:
                array = names[leaf.buffer]
                half = self.trace.buffers[leaf.buffer].dtype == "uint16"
                array += '.view("float16")' if half else ""
                found.append(f"{array}.reshape({leaf.shape})" if _is_whole(m) else array)
        return found

    def _constants(self) -> list[str]:
        found = []
        for i, buffer in enumerate(self.trace.buffers):
            if buffer.role == t.CONSTANT:
                data = np.ascontiguousarray(buffer.data)
                found.append(self._array(f"constant{i}", data))
        return found

    def _scratch(self) -> list[str]:
        """Memory for what a step keeps for itself."""
        return [f'np.empty({size}, "{dtype}")' for dtype, size in self.native.plan.arrays]

    def _array(self, name: str, data: np.ndarray[Any, Any]) -> str:
        """An expression of an array: its numbers where they are few, else from the file."""
        if data.size <= LITERALS and (data.dtype.kind != "f" or np.isfinite(data).all()):
            return f'np.array([{", ".join(map(literal, data))}], "{data.dtype.name}")'
        self.saved[name] = data
        return f'STORED["{name}"]'

    # values and an example

    def _values(self) -> Iterator[str]:
        if not self.complete:
            return
        entries = [f"{a.name}={self._array(a.name, a.shown())}" for a in self.given]
        if self.state:
            state = [f"{a.name}={self._array(a.name, a.shown())}" for a in self.state]
            entries.append(call("state=dict", state))
        entries += [f"done={self.rules.done}"] * self.rules.counts
        title = "What `fit` takes, as it was when this file was written."
        yield function("def values()", [title], [call("return dict", entries)])

    def _main(self) -> str:
        if not self.complete:
            return 'if __name__ == "__main__":\n    print(fit.__doc__)'
        few = [a.name for a in self.given if a.written and a.buffer.size <= LITERALS]
        steps = 1000 if self.rules.table is None else min(1000, STEPS)
        lines = ['if __name__ == "__main__":', "arrays = values()"]
        lines += [f"history = fit({steps}, **arrays)" + "[0]" * bool(self._results())]
        lines += ['print("returned by the first step and the last:", history[0], history[-1])']
        lines += [f'print("{name} =", arrays["{name}"])' for name in few]
        return "\n    ".join(lines)


HEAD = ("steps", "numbers", "seeds", "history", "routines")


def _defined(text: str) -> str:
    """The function that a text defines."""
    return text.partition("def ")[2].partition("(")[0]


def _on_cpu(recording: Recording) -> Any:
    if recording.trace.device == "cpu":
        return recording.native
    return native(replace(recording.trace, device="cpu"))


def _is_whole(made: Any) -> bool:
    """Whether a result is all of its memory, in order."""
    leaf, n = made.leaf, int(np.prod(made.leaf.shape))
    steps = np.cumprod([1, *leaf.shape[:0:-1]])[::-1].tolist()
    return n == made.size and not leaf.offset and list(leaf.strides) == steps


def _values(
    recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[np.ndarray[Any, Any] | None]:
    """The arrays that a call would use, in host memory; None where it cannot be served."""
    if not recording.fits(args, kwargs):
        return [None] * len(recording.trace.arguments)
    binding = recording.binding
    arrays = binding.arrays(binding.tensors(args, kwargs))
    return [None if a is None else np.array(_host(a)) for a in arrays]


def _host(array: Any) -> Any:
    return array if isinstance(array, np.ndarray) else cuda.kernels().memory.to_host(array)
