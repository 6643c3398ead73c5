"""`microgrest.kernels` in a checkout: the folder `kernels/` beside this package.

Installed, the kernels lie inside the package and nothing happens here. In a checkout, which shadows
what is installed, Python would not find them; so the package is imported from where it lies.
`microgrest/__init__.py` imports this module before any other of ours.
"""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location


def find_kernels() -> None:
    """Make `microgrest.kernels` importable where it is not a folder of this package."""
    here = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(os.path.dirname(here), "kernels")
    name = f"{__package__}.kernels"
    if name in sys.modules or os.path.isdir(os.path.join(here, "kernels")):
        return
    spec = spec_from_file_location(
        name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    kernels = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(kernels)
    vars(sys.modules[__package__])["kernels"] = kernels


find_kernels()
