"""What a recorded call leaves behind besides its writes to memory that was there before.

In come the places that guards look at, before the call and after it. Out come gradients, results,
replaced tensors and changed Python values, as a run can make them again; or an error that names
what it cannot.
"""

from __future__ import annotations

from .escapes import nothing_escapes as nothing_escapes
from .fresh_tensors import FreshTensors as FreshTensors
from .gradients import Gradients as Gradients
from .python_values import (
    SavedValues as SavedValues,
    ValueChanges as ValueChanges,
    ValuesBefore as ValuesBefore,
)
from .replaced_tensors import ReplacedTensors as ReplacedTensors
from .results import Leaf as Leaf, Results as Results, detached as detached, leaf_of as leaf_of
from .sliding_arguments import SlidingArguments as SlidingArguments
from .tensors_before import Known as Known, TensorsBefore as TensorsBefore
