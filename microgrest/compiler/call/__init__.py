"""A call of a compiled step.

In comes a function, then the arguments of each call. Out comes the function's result: by a
recording that serves such a call or, where none does, by the function itself, which runs eagerly
and is recorded the second time.
"""

from __future__ import annotations

from .step import Step as Step, compile as compile
