"""Functions of tensors beyond the rows' own, by subject; each is re-exported by the package."""

from . import (
    arithmetic,
    comparing,
    conversion,
    filling,
    indexing,
    inplace_views,
    joining,
    picking,
    products,
    rearranging,
    reductions,
    scans,
    shapes,
    splitting,
    statistics,
    triangles,
)

__all__ = [
    "arithmetic",
    "comparing",
    "conversion",
    "filling",
    "indexing",
    "inplace_views",
    "joining",
    "picking",
    "products",
    "rearranging",
    "reductions",
    "scans",
    "shapes",
    "splitting",
    "statistics",
    "triangles",
]
