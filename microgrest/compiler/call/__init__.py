"""A call of a compiled step: which recording serves it, or that it is recorded."""
