"""What people are told of a recording. It is loaded when somebody asks.

In comes a recording, with the arguments of a call. Out come its costs (`explain`), a module of its
own (`export`), where it differs from eager mode (`verified`), where a NaN came from.
"""

from __future__ import annotations

from .explanation import Explanation as Explanation, explain as explain
from .exported_module import export as export
from .nan_origin import origin_of_nan as origin_of_nan
from .verification import verified as verified
