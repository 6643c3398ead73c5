"""The step compiler: eager execution recorded, and run again as one native function."""

from __future__ import annotations

from .call.step import Step as Step, compile as compile
