"""Functions of tensors beyond the rows' own, by subject; each is re-exported by the package."""

from . import arithmetic, filling, indexing, products, reductions, shapes

__all__ = ["arithmetic", "filling", "indexing", "products", "reductions", "shapes"]
