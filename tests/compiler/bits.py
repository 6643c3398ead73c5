"""Eager mode to the bits of a step: for tests that compare the two without a tolerance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from microgrest.functions.matrices import products


@pytest.fixture(autouse=True)
def linear_in_parts() -> Iterator[None]:
    """Eager linear layers are a product and a sum, as in steps.

    They are one kernel otherwise, which rounds some sums in another order.
    """
    with pytest.MonkeyPatch.context() as patch:  # of its own: tests undo theirs
        patch.setattr(products, "_at_once", lambda *operands: False)
        yield
