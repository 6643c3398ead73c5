"""Streams, in which a GPU's work is done in order, and events, which mark points in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..types.device import device as Device
from .devices import backend, device as use_device, index_of


class Stream:
    """A queue of work of one GPU, which runs beside what other streams hold.

    A lower `priority` goes first; 0 is the lowest. Streams are dealt from 32 for each GPU and
    priority. RuntimeError for a priority above 0.
    """

    device: Device
    _raw: Any

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        if priority > 0:
            raise RuntimeError(f"a stream's priority must be 0 or less, got {priority}")
        self._attach(index_of(device), None, priority)

    def _attach(self, index: int, raw: Any, priority: int = 0) -> None:
        self.device = Device("cuda", index)
        self._raw = _streams().deal(index, priority) if raw is None else raw

    @property
    def device_index(self) -> int:
        """The number of the stream's GPU."""
        return int(self.device.index or 0)

    @property
    def cuda_stream(self) -> int:
        """The driver's handle of the stream; 1 is the default one."""
        return int(self._raw.handle)

    @property
    def priority(self) -> int:
        """The priority; lower goes first."""
        return int(self._raw.priority)

    def synchronize(self) -> None:
        """Return when all work queued in this stream is done."""
        _streams().finish(self.device_index, self._raw)

    def query(self) -> bool:
        """Whether all work queued in this stream is done."""
        return bool(_streams().is_done(self.device_index, self._raw))

    def wait_event(self, event: Event) -> None:
        """What is queued from now on begins after `event`."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """What is queued from now on begins after all that is in `stream` now."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """Mark the end of the queue with `event`, or a new one, which is returned."""
        event = event or Event()
        event.record(self)
        return event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Device, int]:
        return self.device, self.cuda_stream

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library made, by the driver's handle; it must outlive its use here."""

    def __init__(self, stream_ptr: int, device: Any = None) -> None:
        index = index_of(device)
        self._attach(index, _streams().adopt(index, stream_ptr))


class Event:
    """A mark in a stream. With `enable_timing`, the time between two of them can be told.

    `blocking` lets the processor sleep in `synchronize`, which otherwise waits busily.
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        if interprocess:
            raise NotImplementedError("events are of one process: interprocess must be False")
        self._timing, self._blocking = enable_timing, blocking
        self._raw: Any = None
        self.device: Device | None = None

    @property
    def cuda_event(self) -> int:
        """The driver's handle; 0 before the event is recorded."""
        return int(self._raw.handle) if self._raw is not None else 0

    def record(self, stream: Stream | None = None) -> None:
        """Mark the end of the queue of `stream`, by default the current one, as it is now."""
        stream = stream or current_stream(self.device)
        if self.device not in (None, stream.device):
            raise RuntimeError(
                f"Event device {self.device} does not match recording stream's device "
                f"{stream.device}"
            )
        if self._raw is None:
            self._raw = _streams().event(stream.device_index, self._timing, self._blocking)
        _streams().record(stream.device_index, stream._raw, self._raw)
        self.device = stream.device

    def wait(self, stream: Stream | None = None) -> None:
        """What is queued in `stream`, by default the current one, from now on begins after this."""
        stream = stream or current_stream()
        if self._raw is not None:
            _streams().wait(stream.device_index, stream._raw, self._raw)

    def query(self) -> bool:
        """Whether the work before the mark is done; true before the event is recorded."""
        return self._raw is None or bool(self._raw.is_done)

    def synchronize(self) -> None:
        """Return when the work before the mark is done."""
        if self._raw is not None:
            self._raw.sync()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this mark to `end_event`, which must both have been passed."""
        if not (self._timing and end_event._timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._raw is None or end_event._raw is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        if not (self.query() and end_event.query()):
            raise RuntimeError("CUDA error: device not ready: synchronize() the later event first")
        return float(end_event._raw - self._raw)

    def __repr__(self) -> str:
        return f"<Event {self.cuda_event:#x}>"


def current_stream(device: Any = None) -> Stream:
    """The stream in which this thread's work on the GPU is queued."""
    index = index_of(device)
    return _wrapped(index, _streams().current(index))


def default_stream(device: Any = None) -> Stream:
    """The stream in which work is queued where no other was chosen."""
    index = index_of(device)
    return _wrapped(index, _streams().default(index))


@contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """In a `with` statement, queue this thread's work in `stream`, on its GPU; None: no change."""
    if stream is None:
        yield
        return
    index = stream.device_index
    before = _streams().current(index)
    with use_device(index):
        _streams().use(index, stream._raw)
        try:
            yield
        finally:
            _streams().use(index, before)


def _wrapped(index: int, raw: Any) -> Stream:
    made = object.__new__(Stream)
    made._attach(index, raw)
    return made


def _streams() -> Any:
    backend()
    from ..kernels.cuda.driver import streams

    return streams
