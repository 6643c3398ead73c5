"""What a function can reach: code, containers, objects, modules, optimizers, tensors.

In comes a callable with the arguments of a call. Out comes a `Found` for each object that the code
of the callable can name, with the place where it stands and a path for people.
"""

from __future__ import annotations

from .array_uses import is_memory_only as is_memory_only
from .attributes import data_of as data_of
from .loaded_names import ASKS as ASKS, Compiled as Compiled, is_lazy as is_lazy
from .places import (
    GONE as GONE,
    AttributesOf as AttributesOf,
    Found as Found,
    leaves as leaves,
    named as named,
)
from .plain_values import PLAIN as PLAIN, label as label
from .standard_library import (
    BUFFERS as BUFFERS,
    ENVIRONMENT as ENVIRONMENT,
    MISSING as MISSING,
    Context as Context,
    Referents as Referents,
    is_mapping as is_mapping,
)
from .walk import (
    Walk as Walk,
    objects_reached as objects_reached,
    tensors_reached as tensors_reached,
)
