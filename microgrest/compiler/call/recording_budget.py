"""How long a step goes on being recorded anew, and what it warns of.

A recording costs as much as many eager calls, and pays where such calls come again. One that has
served less than there were other calls without a recording, before the next one is made, was a
waste. Where others had to be dropped for 16 of these in a row, calls that fit no recording run
eagerly. Now and then one is recorded, in case they have settled: after 64 of them, then after 128,
256, ... until a recording has paid again.
"""

from __future__ import annotations

REPEATED = 8  # recordings in a row for the same reason, before there is a warning
WORTH = 8  # runs that pay for a recording, at least
WASTED = 16  # recordings in a row that did not pay, before calls run eagerly
PAUSE = 64  # eager calls until the next attempt, the first time


class RecordingBudget:
    """That of one step, which keeps `kept` recordings."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self._reason, self._repeated = "", 0
        self._wasted = self._missed = 0
        self._pause = self._left = 0
        self._warned: set[str] = set()

    def waits(self) -> bool:
        """Whether a call for which there is no recording is to run eagerly."""
        if self._left:
            self._left -= 1
            self._missed += 1
            return True
        return False

    def recorded(self, why: str, after: str, runs: int, full: bool) -> str:
        """What to warn of, once a call was recorded because of `why`; "" if nothing.

        `after` is why the call itself would not fit again, if it would not; `runs`, how often the
        recording before it has served; `full`, whether one had to go for it.
        """
        reason = why.partition(" was ")[0]
        own = bool(reason) and after.partition(" was ")[0] == reason
        shape = reason.endswith(": shape")
        if self._is_wasteful(runs, full):
            remedy = "bring arguments to a few shapes, by padding" if shape else _remedy(own)
            return self._once(
                "wasted",
                f"is recorded for calls that hardly come again, this time because {why}; "
                f"{remedy}. It keeps {self.kept} recordings, and calls that fit none of them run "
                "eagerly for a while",
            )
        repeats = bool(why) and not shape and reason == self._reason
        self._reason, self._repeated = reason, self._repeated + 1 if repeats else 1
        if self._repeated == REPEATED:
            return self._once(
                "repeated",
                f"was recorded anew {REPEATED} times in a row for one reason, this time because "
                f"{why}; {_remedy(own)}",
            )
        return ""

    def _is_wasteful(self, runs: int, full: bool) -> bool:
        """Count a recording after so many runs of that before it; pause where they do not pay."""
        paid, self._missed = runs >= max(WORTH, self._missed), 0
        if paid or not full:
            self._wasted = self._pause = 0
            return False
        self._wasted += 1
        if self._wasted < WASTED:
            return False
        self._pause = self._left = 2 * self._pause or PAUSE
        return True

    def _once(self, kind: str, text: str) -> str:
        if kind in self._warned:
            return ""
        self._warned.add(kind)
        return text


def _remedy(own: bool) -> str:
    if own:
        return "the step itself changes it: count outside of the step"
    return "a number that changes with every call: pass it as a 0-d tensor"
