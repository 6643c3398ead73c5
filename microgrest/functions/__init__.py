"""Functions of tensors beyond the rows' own, by subject; the package re-exports each."""

from . import choosing as choosing, kernels as kernels, queries as queries, updates as updates
from .analysis import covariance as covariance, differences as differences, distances as distances
from .indexing import (
    items as items,
    picking as picking,
    placing as placing,
    scattering as scattering,
    slices as slices,
    written as written,
)
from .joining import rearranging as rearranging, stacking as stacking, triangles as triangles
from .matrices import einsum as einsum, products as products
from .pointwise import (
    arithmetic as arithmetic,
    conversion as conversion,
    filling as filling,
    realness as realness,
)
from .ranking import (
    counting as counting,
    distinct as distinct,
    drawing as drawing,
    quantiles as quantiles,
    selecting as selecting,
    sorting as sorting,
)
from .reductions import (
    comparing as comparing,
    folds as folds,
    scans as scans,
    statistics as statistics,
)
from .views import inplace as inplace, shapes as shapes, splitting as splitting
