"""Windows over images laid out as columns, and columns added up where they came from.

x is images of three extents, one after the other; fewer dimensions have extents of 1 in front. A
window is `taps` elements, those of its kernel, and the columns of image i are

    unfold   columns[i, tap, o] = x[i, o * step + tap * spread - pad], 0 outside of the image
    fold     x[i, p] = the sum of columns[i, tap, o] over all that unfold takes of p

in each of the three dimensions; what is added by the taps of the first axes first. They are each
other's adjoints.
`params` are the type of the elements; `sizes` are those of `SIZES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from math import prod
from string import Template
from typing import Any

import numpy as np

from ...source.kind import Cost, Kind, Launches, Metas, Room, Run, Sizes, Stage, elements, fixed
from ...source.writer import Source

Array = np.ndarray[Any, Any]

SIZES = (
    *("d", "h", "w"),  # the extents of an image
    *("kd", "kh", "kw"),  # of a kernel
    *("od", "oh", "ow"),  # windows along each
    *("sd", "sh", "sw"),  # the step from window to window
    *("pd", "ph", "pw"),  # what is added in front
    *("ld", "lh", "lw"),  # the distance of taps
)
NAMES = ", ".join(SIZES)

# The CPU. Places are unsigned, so that no test of signs stands in the loops.

IMPORTS = "import numpy as np\nfrom numba import njit, prange"
_PART = '@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)'

# Along an axis: the windows `first` to `last` in which a tap lies in the image, which in the window
# that begins at 0 is at `at`.
SEEN = f"""{_PART}
def seen(at, step, count, extent):
    first = min(max(-(at // step), 0), count)
    return first, max(min((extent - 1 - at) // step + 1, count), first)
"""

# An image is first laid out by the taps of its last axis, as rows[kw, d, h, ow]. Then what a tap of
# the other axes sees lies side by side, where these have steps of 1, and long runs take less time.
TAKEN = f'''{_PART}
def sliced(x, image, rows, start, {NAMES}):
    """Lay out the image that begins at `image` as rows, from `start` on."""
    put, by = np.uint64(start), np.uint64(sw)
    for tap in range(kw):
        at = tap * lw - pw
        first, last = seen(at, sw, ow, w)
        for line in range(d * h):
            for j in range(first):
                rows[put + np.uint64(j)] = 0
            for j in range(last, ow):
                rows[put + np.uint64(j)] = 0
            if first < last:
                take = np.uint64(image + line * w + at + first * sw)
                here = put + np.uint64(first)
                if sw == 1:
                    for j in range(last - first):
                        rows[here + np.uint64(j)] = x[take + np.uint64(j)]
                else:
                    for j in range(last - first):
                        rows[here + np.uint64(j)] = x[take + np.uint64(j) * by]
            put += np.uint64(ow)


{_PART}
def taken(x, image, rows, columns, start, {NAMES}):
    """Lay out the windows of the image that begins at `image` as columns from `start` on."""
    if kd * kh == 1 and pd == 0 and ph == 0 and sd * sh == 1 and od == d and oh == h:
        sliced(x, image, columns, start, {NAMES})
        return
    sliced(x, image, rows, 0, {NAMES})
    plane, lines = d * h * ow, oh * ow
    for tap in range(kd * kh * kw):
        iz, iy = tap // (kh * kw) * ld - pd, tap // kw % kh * lh - ph
        first, last = seen(iy, sh, oh, h)
        for o in range(od):
            z = o * sd + iz
            put = np.uint64(start + (tap * od + o) * lines)
            before, after = first, last
            if z < 0 or z >= d:
                before, after = oh, oh
            for j in range(before * ow):
                columns[put + np.uint64(j)] = 0
            for j in range(after * ow, lines):
                columns[put + np.uint64(j)] = 0
            if before < after:
                take = np.uint64(tap % kw * plane + (z * h + iy + before * sh) * ow)
                there = put + np.uint64(before * ow)
                if sh == 1:
                    for j in range((after - before) * ow):
                        columns[there + np.uint64(j)] = rows[take + np.uint64(j)]
                else:
                    for _ in range(before, after):
                        for j in range(ow):
                            columns[there + np.uint64(j)] = rows[take + np.uint64(j)]
                        there += np.uint64(ow)
                        take += np.uint64(sh * ow)

'''

ADDED = f'''{_PART}
def gathered(rows, start, x, image, value, {NAMES}):
    """The image that begins at `image`: `value`, and rows from `start` on added up."""
    take, by = np.uint64(start), np.uint64(sw)
    for j in range(image, image + d * h * w):
        x[np.uint64(j)] = value
    for tap in range(kw):
        at = tap * lw - pw
        first, last = seen(at, sw, ow, w)
        for line in range(d * h):
            if first < last:
                put = np.uint64(image + line * w + at + first * sw)
                here = take + np.uint64(first)
                if sw == 1:
                    for j in range(last - first):
                        x[put + np.uint64(j)] += rows[here + np.uint64(j)]
                else:
                    for j in range(last - first):
                        x[put + np.uint64(j) * by] += rows[here + np.uint64(j)]
            take += np.uint64(ow)


{_PART}
def added(columns, start, rows, x, image, value, {NAMES}):
    """The image that begins at `image`: `value`, and the columns from `start` on added up."""
    if kd * kh == 1 and pd == 0 and ph == 0 and sd * sh == 1 and od == d and oh == h:
        gathered(columns, start, x, image, value, {NAMES})
        return
    plane, lines = d * h * ow, oh * ow
    for j in range(kw * plane):
        rows[np.uint64(j)] = 0
    for tap in range(kd * kh * kw):
        iz, iy = tap // (kh * kw) * ld - pd, tap // kw % kh * lh - ph
        first, last = seen(iy, sh, oh, h)
        for o in range(od):
            z = o * sd + iz
            if z >= 0 and z < d and first < last:
                there = np.uint64(start + (tap * od + o) * lines + first * ow)
                put = np.uint64(tap % kw * plane + (z * h + iy + first * sh) * ow)
                if sh == 1:
                    for j in range((last - first) * ow):
                        rows[put + np.uint64(j)] += columns[there + np.uint64(j)]
                else:
                    for _ in range(first, last):
                        for j in range(ow):
                            rows[put + np.uint64(j)] += columns[there + np.uint64(j)]
                        there += np.uint64(ow)
                        put += np.uint64(sh * ow)
    gathered(rows, 0, x, image, value, {NAMES})
'''

_CPU = '''"""$name windows: $dtype."""

from __future__ import annotations

$imports


$seen

$part

@njit(error_model="numpy"$parallel)
def kernel($arrays, $sizes):
    image = d * h * w
    column = kd * kh * kw * od * oh * ow
    for i in $loop($count):
        rows = np.empty(kw * d * h * ow, x.dtype)
        $call
'''
_CALLS = {
    "unfold": ("taken(x, i * image, rows, columns, i * column, $sizes)", "columns.size // column"),
    "fold": ("added(columns, i * column, rows, x, i * image, 0, $sizes)", "x.size // image"),
}
_ARRAYS = {"unfold": "x, columns", "fold": "columns, x"}


def loops(threads: bool) -> dict[str, str]:
    """How the loop that threads may share is written, for a template."""
    return {
        "seen": SEEN,
        "parallel": ", parallel=True" if threads else "",
        "loop": "prange" if threads else "range",
        "imports": IMPORTS,
        "sizes": NAMES,
    }


def _cpu(params: str, names: Any, threads: bool, name: str) -> str:
    call, count = _CALLS[name]
    text = _CPU.replace("$call", call).replace("$count", count.replace(" // ", " // max(1, ") + ")")
    return Template(text).substitute(
        loops(threads),
        name=name,
        dtype=params,
        part=TAKEN if name == "unfold" else ADDED,
        arrays=_ARRAYS[name],
    )


# CUDA, a thread for each element of the result

CUDA = '''"""$name: $dtype, CUDA."""

import numpy as np
from numba import cuda


@cuda.jit
def kernel($arrays, size, $sizes):
    place = np.int64(cuda.grid(1))
    while place < size:
$body
        place += np.int64(cuda.gridsize(1))
'''

_UNFOLDED = """
        tap = place // (ow * oh * od) % (kd * kh * kw)
        i = place // (ow * oh * od) // (kd * kh * kw)
        z = place // (ow * oh) % od * sd + tap // (kh * kw) * ld - pd
        y = place // ow % oh * sh + tap // kw % kh * lh - ph
        p = place % ow * sw + tap % kw * lw - pw
        if z < 0 or z >= d or y < 0 or y >= h or p < 0 or p >= w:
            columns[place] = 0
        else:
            columns[place] = x[((i * d + z) * h + y) * w + p]
"""

_FOLDED = """
        total = np.$dtype(0)
        for tap in range(kd * kh * kw):
            z = place // (w * h) % d + pd - tap // (kh * kw) * ld
            y = place // w % h + ph - tap // kw % kh * lh
            p = place % w + pw - tap % kw * lw
            if z >= 0 and y >= 0 and p >= 0 and z % sd == 0 and y % sh == 0 and p % sw == 0:
                z, y, p = z // sd, y // sh, p // sw
                if z < od and y < oh and p < ow:
                    line = place // (w * h * d) * kd * kh * kw + tap
                    total += columns[((line * od + z) * oh + y) * ow + p]
        x[place] = total
"""


def cuda_stage(
    name: str,
    dtype: str,
    body: str,
    arrays: tuple[str, ...],
    size: int,
    sizes: dict[str, int],
    room: Room,
) -> Stage:
    """A launch of `body`, for each of `size` places, with arrays of one type and numbers."""
    from ...cuda.source.maps import memory_type, pointer

    facts = {"arrays": ", ".join(arrays), "sizes": ", ".join(sizes), "name": name, "dtype": dtype}
    text = Template(CUDA.replace("$body", body.strip("\n"))).substitute(facts)
    types = [pointer(memory_type(dtype))] * len(arrays) + ["int64"] * (len(sizes) + 1)
    source = Source(text, f"void({', '.join(types)})")
    return Stage(source, room.blocks_for(size), room.threads, (*arrays, size, *sizes.values()))


def _cuda(params: str, metas: Metas, sizes: Sizes, room: Room, name: str) -> Launches:
    size, body = elements(metas[1]), _UNFOLDED if name == "unfold" else _FOLDED
    arrays = tuple(_ARRAYS[name].split(", "))
    named = dict(zip(SIZES, sizes, strict=True))
    stage = cuda_stage(f"{name} windows", params, body, arrays, size, named, room)
    return Launches((stage,) if size else ())


# What they mean


def triples(sizes: Sizes) -> list[Sizes]:
    """Extents, kernel, windows, steps, pads and spread, three numbers each."""
    return [sizes[j : j + 3] for j in range(0, 18, 3)]


def seen(sizes: Sizes) -> Iterator[tuple[int, Any, Any]]:
    """For each tap: its number, the windows in which it lies in the image, and where there."""
    extents, kernel, count, step, pad, spread = triples(sizes)
    for number, tap in enumerate(product(*map(range, kernel))):
        windows, places = [], []
        for a in range(3):
            at = np.arange(count[a]) * step[a] + tap[a] * spread[a] - pad[a]
            (inside,) = np.nonzero((at >= 0) & (at < extents[a]))
            windows.append(inside)
            places.append(at[inside])
        yield number, np.ix_(*windows), np.ix_(*places)


def unfolded(images: Array, sizes: Sizes) -> Array:
    """Columns (n, taps, *windows) of images (n, *extents)."""
    _, kernel, count, *_ = triples(sizes)
    columns = np.zeros((len(images), prod(kernel), *count), images.dtype)
    for tap, windows, places in seen(sizes):
        columns[:, tap][(slice(None), *windows)] = images[(slice(None), *places)]
    return columns


def folded(columns: Array, sizes: Sizes) -> Array:
    """Images (n, *extents) of columns (n, taps, *windows)."""
    images = np.zeros((len(columns), *sizes[:3]), columns.dtype)
    for tap, windows, places in seen(sizes):
        images[(slice(None), *places)] += columns[:, tap][(slice(None), *windows)]
    return images


def _unfold(params: str, x: Array, columns: Array, *sizes: int) -> None:
    n = x.size // prod(sizes[:3]) if x.size else 0
    columns[:] = unfolded(x.reshape(n, *sizes[:3]), sizes).ravel()


def _fold(params: str, columns: Array, x: Array, *sizes: int) -> None:
    n = x.size // prod(sizes[:3]) if x.size else 0
    x[:] = folded(columns.reshape(n, prod(sizes[3:6]), *sizes[6:9]), sizes).ravel()


def _taken(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    """One element of the image, or none."""
    extents, kernel, count, step, pad, spread = triples(sizes)
    place, tap = at // prod(count), at // prod(count) % prod(kernel)
    place, inside = place // prod(kernel), np.ones(at.shape, bool)
    for a in range(3):
        o = at // prod(count[a + 1 :]) % count[a]
        p = o * step[a] + tap // prod(kernel[a + 1 :]) % kernel[a] * spread[a] - pad[a]
        inside &= (p >= 0) & (p < extents[a])
        place = place * extents[a] + p
    return (Run(np.where(inside, place, 0), 1, inside.astype(np.int64)),)


def _added(params: str, metas: Metas, sizes: Sizes, k: int, at: Array) -> tuple[Run | None, ...]:
    """The columns of an image."""
    n = prod(sizes[3:9])
    return (Run(at // prod(sizes[:3]) * n, 1, n),)


UNFOLD = Kind(
    name="unfold",
    operands=fixed(x="r", columns="w"),
    oracle=_unfold,
    cpu=partial(_cpu, name="unfold"),
    tasks=lambda x, columns, *sizes: columns.size // max(prod(sizes[3:9]), 1),
    grid=partial(_cuda, name="unfold"),
    block=partial(_cuda, name="unfold"),
    needs=_taken,
)
FOLD = Kind(
    name="fold",
    operands=fixed(columns="r", x="w"),
    oracle=_fold,
    exact=lambda params: False,
    cpu=partial(_cpu, name="fold"),
    tasks=lambda columns, x, *sizes: x.size // max(prod(sizes[:3]), 1),
    grid=partial(_cuda, name="fold"),
    block=partial(_cuda, name="fold"),
    needs=_added,
    cost=lambda params, metas, sizes: Cost(elements(metas[0]), elements(metas[0])),
)
