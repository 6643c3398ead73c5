"""A call of a compiled step.

In comes a function, then the arguments of each call. A recording that serves the call runs; if none
does, the function runs eagerly, the second time for its kind of arguments to be recorded.
"""

from __future__ import annotations

from .step import Step as Step, compile as compile
