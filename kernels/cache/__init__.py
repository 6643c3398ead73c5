"""What is compiled once per machine and kept on disk: source in, module out; binaries beside."""

from __future__ import annotations

from .elsewhere import Pending as Pending
from .store import (
    Entry as Entry,
    ahead as ahead,
    clear as clear,
    compiled as compiled,
    digest as digest,
    entries as entries,
    fetch_bytes as fetch_bytes,
    load as load,
    size as size,
    store_bytes as store_bytes,
)
