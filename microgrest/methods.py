"""The base of Tensor that the rows' methods are attached to; `methods.pyi` lists them."""

from __future__ import annotations


class Methods:
    """Methods and operators made from the rows by `dispatch.api`."""

    __slots__ = ()
