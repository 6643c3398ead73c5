"""Whether what a recording rests on is still as it was.

In come a function and the arguments of a call, first of the recorded one, then of every other. Out
comes whether the recording serves that call; and, where somebody asks, why not.
"""

from __future__ import annotations

from .facts import contents as contents, plain as plain
from .guards import Guards as Guards, Sight as Sight
