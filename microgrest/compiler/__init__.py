"""The step compiler: eager execution recorded, and run again as one native function.

A call walks through the rooms: `call` asks `guards` whether a recording serves, which `reach` tells
what to look at; a call that is recorded goes through `record` and `effects` to `replay`, which runs
all others. `tell` is for people.
"""

from __future__ import annotations

from .call import Step as Step, compile as compile
