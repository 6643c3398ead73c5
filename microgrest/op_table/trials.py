"""Small arguments for every op, of which some call suits it (see page)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import microgrest as mg

# Arguments, of what makes a tensor of rows of numbers.
Make = Callable[[Callable[[Any], mg.Tensor]], tuple[Any, ...]]

# 0 and 1 are in every domain, and the matrix is positive definite.
EYE = [[1, 0], [0, 1]]
ONES = [[1, 1], [1, 1]]
V = [1, 0, 1]
IMAGE = [[[[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]]]]
LINES = [[[1, 0, 1, 0, 1, 1]]]
VOLUME = [[[[[1, 0], [0, 1]], [[1, 1], [0, 0]]]]]


def index(rows: Any) -> mg.Tensor:
    """An index tensor, whatever the dtype of the others."""
    return mg.tensor(rows, dtype=mg.int64)


MASK = mg.tensor([[True, False], [False, True]])
COMMON: list[Make] = [
    lambda t: (t(EYE),),
    lambda t: (t(EYE), t(EYE)),
    lambda t: (t(EYE), 0),
    lambda t: (t(EYE), 1),
    lambda t: (t(EYE), t(EYE), t(EYE)),
    lambda t: ([t(EYE), t(EYE)],),
    lambda t: (t(V),),
    lambda t: (t(V), t(V)),
    lambda t: (t(EYE), t([1, 0])),
    lambda t: (t([1, 0]), t(EYE)),
    lambda t: (t(EYE), 0, 1),
    lambda t: (t(EYE), 0, index([[0, 1]])),
    lambda t: (t(EYE), 0, index([0, 1])),
    lambda t: (t(EYE), 0, index([[0, 1]]), t(EYE)),
    lambda t: (t(EYE), 0, index([0, 1]), t(EYE)),
    lambda t: (t(LINES),),
    lambda t: (t(LINES), 2),
    lambda t: (t(LINES), t(LINES)),
    lambda t: (t(IMAGE),),
    lambda t: (t(IMAGE), 2),
    lambda t: (t(IMAGE), t(IMAGE)),
    lambda t: (t(VOLUME),),
    lambda t: (t(VOLUME), 2),
    lambda t: (t(VOLUME), t(VOLUME)),
]
# Ops that a common call misses, or that mean something else by it.
OWN: dict[str, Make] = {
    "addbmm": lambda t: (t(EYE), t([EYE]), t([EYE])),
    "addmv": lambda t: (t([1, 0]), t(EYE), t([1, 1])),
    "addr": lambda t: (t(EYE), t([1, 0]), t([1, 1])),
    "as_strided": lambda t: (t(EYE), (2,), (1,)),
    "as_strided_scatter": lambda t: (t(EYE), t([1, 1]), (2,), (1,)),
    "baddbmm": lambda t: (t([EYE]), t([EYE]), t([EYE])),
    "bilinear": lambda t: (t(EYE), t(EYE), t([EYE, EYE])),
    "bmm": lambda t: (t([EYE]), t([EYE])),
    "broadcast_to": lambda t: (t(EYE), (2, 2, 2)),
    "channel_shuffle": lambda t: (t([[[1], [0]]]), 2),
    "einsum": lambda t: ("ij,jk", t(EYE), t(EYE)),
    "floor_divide": lambda t: (t(EYE), t(ONES)),
    "fmod": lambda t: (t(EYE), t(ONES)),
    "remainder": lambda t: (t(EYE), t(ONES)),
    "index_fill": lambda t: (t(EYE), 0, index([0]), 1),
    "index_put": lambda t: (t(EYE), (index([0]),), t([[1, 1]])),
    "index_reduce": lambda t: (t(EYE), 0, index([0]), t([[1, 1]]), "amax"),
    "layer_norm": lambda t: (t(EYE), (2,)),
    "rms_norm": lambda t: (t(EYE), (2,)),
    "masked_fill": lambda t: (t(EYE), MASK, 1),
    "masked_scatter": lambda t: (t(EYE), MASK, t(EYE)),
    "masked_select": lambda t: (t(EYE), MASK),
    "matrix_power": lambda t: (t(EYE), 2),
    "linalg.matrix_power": lambda t: (t(EYE), 2),
    "narrow": lambda t: (t(EYE), 0, 0, 1),
    "narrow_copy": lambda t: (t(EYE), 0, 0, 1),
    "pixel_shuffle": lambda t: (t([[[1]], [[0]], [[1]], [[1]]]), 2),
    "polygamma": lambda t: (1, t(EYE)),
    "put": lambda t: (t(EYE), index([0]), t([1])),
    "take": lambda t: (t(EYE), index([0])),
    "take_along_dim": lambda t: (t(EYE), index([[0, 1]]), 0),
    "renorm": lambda t: (t(EYE), 2, 0, 1),
    "reshape": lambda t: (t(EYE), (4,)),
    "scatter_reduce": lambda t: (t(EYE), 0, index([[0, 1]]), t(EYE), "sum"),
    "select_scatter": lambda t: (t(EYE), t([1, 1]), 0, 0),
    "split_with_sizes": lambda t: (t(EYE), (1, 1)),
    "unflatten": lambda t: (t(EYE), 0, (1, 2)),
    "where": lambda t: (MASK, t(EYE), t(EYE)),
    "lu_solve": lambda t: (t(EYE), t(EYE), mg.tensor([1, 2], dtype=mg.int32)),
    "lu_unpack": lambda t: (t(EYE), mg.tensor([1, 2], dtype=mg.int32)),
    "linalg.lu_solve": lambda t: (t(EYE), mg.tensor([1, 2], dtype=mg.int32), t(EYE)),
    "linalg.solve_triangular": lambda t: (t(EYE), t(EYE)),
    "nn.functional.affine_grid": lambda t: (t([[[1, 0, 0], [0, 1, 0]]]), (1, 1, 2, 2)),
    "nn.functional.batch_norm": lambda t: (t(EYE), None, None, None, None, True),
    "nn.functional.cosine_embedding_loss": lambda t: (t(EYE), t(EYE), index([1, 1])),
    "nn.functional.cross_entropy": lambda t: (t(EYE), index([0, 1])),
    "nn.functional.embedding": lambda t: (index([0, 1]), t(EYE)),
    "nn.functional.embedding_bag": lambda t: (index([[0, 1]]), t(EYE)),
    "nn.functional.fold": lambda t: (t([[[1], [0], [1], [1]]]), (2, 2), (2, 2)),
    "nn.functional.grid_sample": lambda t: (t(IMAGE), t([[[[0, 0], [1, 1]]]])),
    "nn.functional.lp_pool1d": lambda t: (t(LINES), 2, 2),
    "nn.functional.lp_pool2d": lambda t: (t(IMAGE), 2, 2),
    "nn.functional.lp_pool3d": lambda t: (t(VOLUME), 2, 2),
    "nn.functional.max_unpool1d": lambda t: (t([[[1, 0]]]), index([[[0, 2]]]), 2),
    "nn.functional.max_unpool2d": lambda t: (t([[[[1]]]]), index([[[[0]]]]), 2),
    "nn.functional.max_unpool3d": lambda t: (t([[[[[1]]]]]), index([[[[[0]]]]]), 2),
    "nn.functional.multi_margin_loss": lambda t: (t(EYE), index([0, 1])),
    "nn.functional.multilabel_margin_loss": lambda t: (t(EYE), index([[0, -1], [1, -1]])),
    "nn.functional.nll_loss": lambda t: (t(EYE), index([0, 1])),
    "nn.functional.one_hot": lambda t: (t([0, 1]), 2),
    "nn.functional.pad": lambda t: (t(EYE), (1, 1)),
}  # fmt: skip
# What has to be said beside.
OPTIONS: dict[str, dict[str, Any]] = {"linalg.solve_triangular": {"upper": True}}


def trials(name: str) -> Iterator[Make]:
    """Ways of making arguments, those first that are more likely to be meant."""
    if name in OWN:
        yield OWN[name]
    else:
        yield from COMMON
