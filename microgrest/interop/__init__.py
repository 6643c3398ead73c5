"""What others see of a tensor: text for readers, arrays and capsules for NumPy and the rest."""

from __future__ import annotations

from . import dlpack, python, ufuncs  # noqa: F401 - they attach the protocols to Tensor
