"""SummaryWriter: what a training comes to, in files that TensorBoard shows.

The files are written by the package tensorboard (`pip install 'microgrest[tensorboard]'`), which is
imported when a writer is made.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["SummaryWriter"]

Array = np.ndarray[Any, Any]


class SummaryWriter:
    """Writes to files in `log_dir`, by default "runs/" and the time, the host and the `comment`.

    Tags are names, of which those with a common "part/" stand together. `global_step` is where a
    value stands, `walltime` when it was, in seconds since 1970. Values may be tensors, arrays and
    numbers. At most `max_queue` entries wait to be written, for `flush_secs` at most. A writer is a
    context, which closes it.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                "SummaryWriter needs tensorboard: pip install 'microgrest[tensorboard]'"
            ) from error
        if log_dir is None:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self._event, self._summary, self._tensor = event_pb2, summary_pb2, tensor_pb2
        self._file = EventFileWriter(self.log_dir, max_queue, flush_secs, filename_suffix)
        if purge_step is not None:  # what earlier runs wrote of this step and later ones is dropped
            log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._file.add_event(
                event_pb2.Event(wall_time=time.time(), step=purge_step, session_log=log)
            )

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """One number; ValueError for several."""
        values = _array(scalar_value)
        if values.size != 1:
            raise ValueError(f"add_scalar: {tag!r} has {values.size} values, and a scalar is one")
        self._add(tag, global_step, walltime, simple_value=float(values.reshape(())))

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Several numbers in one picture, `main_tag` before the tag of each."""
        for tag, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", value, global_step, walltime)

    def history(self, *tags: str, every: int = 1, first_step: int = 0) -> History:
        """For `step.repeat(n, history=...)`: the numbers of every `every`-th step, as they come.

        There is a tag for each number that the step returns; steps count from `first_step`.
        """
        return History(self, tags, every, first_step)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
    ) -> None:
        """How often values lie where.

        `bins` are limits that grow by a tenth from 1e-12 on, on both sides of 0, or what
        `numpy.histogram` takes. ValueError for no values, NaN and infinities.
        """
        x = _array(values).astype(np.float64).ravel()
        if not x.size or not np.isfinite(x).all():
            raise ValueError(f"add_histogram: {tag!r} has no values, or some that are not finite")
        limits = _limits() if isinstance(bins, str) and bins == "tensorflow" else bins
        counts, edges = np.histogram(x, limits)
        (full,) = counts.nonzero()
        shown = slice(full[0], full[-1] + 1) if len(full) else slice(0, 1)
        histogram = self._summary.HistogramProto(
            min=x.min(), max=x.max(), num=x.size, sum=x.sum(), sum_squares=x @ x
        )
        # A bucket ends at its limit; the first one, which is empty, says where the next begins.
        histogram.bucket_limit.extend([edges[shown.start], *edges[1:][shown]])
        histogram.bucket.extend([0, *counts[shown]])
        self._add(tag, global_step, walltime, histo=histogram)

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Text, which is shown as Markdown."""
        metadata = self._summary.SummaryMetadata(
            plugin_data=self._summary.SummaryMetadata.PluginData(plugin_name="text")
        )
        one = {"dim": [{"size": 1}]}
        text = self._tensor.TensorProto(
            dtype="DT_STRING", string_val=[text_string.encode()], tensor_shape=one
        )
        self._add(f"{tag}/text_summary", global_step, walltime, metadata=metadata, tensor=text)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture of 1, 3 or 4 channels, or none ("HW"): bytes, or floats in [0, 1].

        `dataformats` names the dimensions. ValueError where they do not fit.
        """
        image = _array(img_tensor)
        if sorted(dataformats.upper()) not in (["C", "H", "W"], ["H", "W"]) or image.ndim != len(
            dataformats
        ):
            raise ValueError(
                f"add_image: {tag!r} has the shape {image.shape}, and the dimensions {dataformats}"
            )
        order = [dataformats.upper().index(name) for name in "HWC" if name in dataformats.upper()]
        pixels = image.transpose(order)
        pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
        if pixels.shape[2] not in (1, 3, 4):
            raise ValueError(f"add_image: {tag!r} has {pixels.shape[2]} channels, not 1, 3 or 4")
        if pixels.dtype != np.uint8:
            pixels = (pixels.astype(np.float64) * 255).clip(0, 255).astype(np.uint8)
        height, width, channels = pixels.shape
        picture = self._summary.Summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=_png(pixels)
        )
        self._add(tag, global_step, walltime, image=picture)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: Any = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of matplotlib, which is closed."""
        from matplotlib import pyplot
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
        if close:
            pyplot.close(figure)
        self.add_image(tag, pixels, global_step, walltime, dataformats="HWC")

    def _add(self, tag: str, step: Any, walltime: float | None, **content: Any) -> None:
        value = self._summary.Summary.Value(tag=tag, **content)
        event = self._event.Event(
            wall_time=time.time() if walltime is None else walltime,
            step=0 if step is None else int(step),
            summary=self._summary.Summary(value=[value]),
        )
        self._file.add_event(event)

    def get_logdir(self) -> str:
        """The folder of the files."""
        return self.log_dir

    def flush(self) -> None:
        """Have all that was added written."""
        self._file.flush()

    def close(self) -> None:
        """Write what is left, and close the file."""
        self._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class History:
    """What takes the numbers of a repetition to a writer."""

    def __init__(
        self, writer: SummaryWriter, tags: Sequence[str], every: int, first_step: int
    ) -> None:
        self.writer, self.tags, self.every, self.first_step = writer, tags, every, first_step

    def add(self, steps: Array, numbers: Array) -> None:
        """A row of numbers for each of the steps; ValueError unless there is a tag for each."""
        if numbers.shape[1] != len(self.tags):
            raise ValueError(
                f"history: the step returns {numbers.shape[1]} numbers, and there are "
                f"{len(self.tags)} tags: {list(self.tags)}"
            )
        for step, row in zip(steps, numbers, strict=True):
            for tag, value in zip(self.tags, row, strict=True):
                self.writer.add_scalar(tag, value, self.first_step + step)


def _array(value: Any) -> Array:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _limits() -> Array:
    up = 1e-12 * 1.1 ** np.arange(775)  # to 1e20
    return np.concatenate(
        [[-np.finfo(np.float64).max], -up[::-1], [0.0], up, [np.finfo(float).max]]
    )


def _png(pixels: Array) -> bytes:
    """A picture of bytes (height, width, channels) as a file."""
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each begins with its filter, none
    lines[:, 1:] = pixels.reshape(height, -1)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes())),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunks(parts))


def _chunks(parts: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for name, data in parts:
        yield struct.pack(">I", len(data)) + name + data
        yield struct.pack(">I", zlib.crc32(name + data))
