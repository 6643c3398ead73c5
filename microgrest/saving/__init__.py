"""Tensors and what holds them, to files and back: `save` and `load`. Nothing here runs a pickle."""

from __future__ import annotations

from .files import load as load, save as save
