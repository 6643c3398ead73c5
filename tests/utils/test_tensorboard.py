"""SummaryWriter: TensorBoard's own reader finds what was written; and bars of repeated steps."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest

import microgrest as torch

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def writer(tmp_path):
    from microgrest.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        yield writer


def read(writer):
    """What TensorBoard reads of the files: by kind and tag."""
    writer.close()  # twice does no harm
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(writer.get_logdir(), {"scalars": 0, "images": 0, "tensors": 0})
    return found.Reload()


def test_scalars(writer):
    for step, loss in enumerate([torch.tensor(0.5), torch.tensor([2.0], requires_grad=True), 3]):
        writer.add_scalar("loss", loss, step, walltime=100.0 + step)
    writer.add_scalars("of", {"a": 1.0, "b": np.float32(2)}, 7)
    found = read(writer)
    events = [(e.wall_time, e.step, e.value) for e in found.Scalars("loss")]
    assert events == [(100.0, 0, 0.5), (101.0, 1, 2.0), (102.0, 2, 3.0)]
    assert [found.Scalars(f"of/{k}")[0].value for k in "ab"] == [1.0, 2.0]
    with pytest.raises(ValueError, match="'x' has 2 values"):
        writer.add_scalar("x", torch.zeros(2))


def test_a_compiled_repetition_goes_there(writer):
    w = torch.tensor([4.0, -8.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.25)

    @torch.compile
    def step():
        optimizer.zero_grad()
        loss = w.square().sum()
        loss.backward()
        optimizer.step()
        return loss, w.abs().max()

    result = step.repeat(10, history=writer.history("loss", "w", every=3, first_step=100))
    assert isinstance(result, tuple) and result[0].item() == 80 / 4**9
    found = read(writer)
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [
        (100 + k, 80 / 4 ** (k - 1)) for k in (3, 6, 9)
    ]
    assert [e.value for e in found.Scalars("w")] == [8 / 2**k for k in (3, 6, 9)]
    with pytest.raises(ValueError, match=r"the step returns 2 numbers, and there are 1 tags"):
        step.repeat(1, history=writer.history("loss"))
    with pytest.raises(ValueError, match=r"history.every must be at least 1, got 0"):
        step.repeat(1, history=writer.history("loss", "w", every=0))


def test_histograms(writer):
    values = torch.tensor([-1.0, 0.5, 0.5, 2.0])
    writer.add_histogram("w", values, 3)
    writer.add_histogram("by three", values, bins=3)
    found = read(writer)
    histogram = found.Histograms("w")[0].histogram_value
    assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (-1.0, 2.0, 4.0, 2.0)
    assert histogram.sum_squares == 5.5 and sum(histogram.bucket) == 4
    limits, counts = np.array(histogram.bucket_limit), np.array(histogram.bucket)
    for value, count in ((-1.0, 1), (0.5, 2), (2.0, 1)):
        assert counts[np.searchsorted(limits, value)] == count
    histogram = found.Histograms("by three")[0].histogram_value
    assert list(histogram.bucket_limit) == [-1.0, 0.0, 1.0, 2.0]
    assert list(histogram.bucket) == [0, 1, 2, 1]
    for bad in ([], [float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match="no values, or some that are not finite"):
            writer.add_histogram("bad", torch.tensor(bad))


def test_text(writer):
    writer.add_text("note", "*better*", 2)
    (event,) = read(writer).Tensors("note/text_summary")
    assert event.step == 2 and event.tensor_proto.string_val[0] == b"*better*"


@pytest.mark.parametrize(
    ("shape", "dataformats"),
    [((3, 2, 5), "CHW"), ((2, 5, 4), "HWC"), ((2, 5), "HW"), ((1, 2, 5), "CHW")],
)
def test_images(writer, shape, dataformats):
    image = pytest.importorskip("PIL.Image")
    values = torch.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    writer.add_image("picture", values, dataformats=dataformats)
    (event,) = read(writer).Images("picture")
    assert (event.height, event.width) == (2, 5)
    pixels = np.asarray(image.open(io.BytesIO(event.encoded_image_string)))
    expected = (values.numpy().astype("f8") * 255).astype(np.uint8)
    expected = expected.transpose(1, 2, 0) if dataformats == "CHW" else expected
    assert (pixels == (expected[:, :, 0] if expected.shape[2:] == (1,) else expected)).all()


def test_images_that_do_not_fit(writer):
    with pytest.raises(ValueError, match=r"has the shape \(2, 3\), and the dimensions CHW"):
        writer.add_image("picture", torch.zeros(2, 3))
    with pytest.raises(ValueError, match="has 2 channels, not 1, 3 or 4"):
        writer.add_image("picture", torch.zeros(2, 3, 3))


def test_figures(writer):
    figures = pytest.importorskip("matplotlib.figure")
    writer.add_figure("figure", figures.Figure(figsize=(2, 1), dpi=50))
    (event,) = read(writer).Images("figure")
    assert (event.height, event.width) == (50, 100)


def test_purged(tmp_path):
    """A mark says from which step on what earlier runs wrote is dropped."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    from microgrest.utils.tensorboard import SummaryWriter

    SummaryWriter(tmp_path, purge_step=3, filename_suffix=".again").close()
    (path,) = tmp_path.glob("*.again")
    events = list(EventFileLoader(str(path)).Load())
    assert [(e.step, e.session_log.status) for e in events if e.HasField("session_log")] == [(3, 1)]


def test_nothing_of_it_is_imported_before():
    program = "import sys, microgrest, microgrest.utils; print('tensorboard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_a_bar_of_tqdm():
    tqdm = pytest.importorskip("tqdm")
    x = torch.ones(3)
    step = torch.compile(lambda: x.mul_(1.5).sum())
    with tqdm.tqdm(total=30, file=io.StringIO()) as bar:
        for _ in range(3):
            step.repeat(10, progress=bar)
        assert bar.n == 30
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=2)
    assert len(list(tqdm.tqdm(loader, file=io.StringIO()))) == 2
