"""Rows on tensors: `elementwise` and `structured` run and record them, `fast` is the short path."""
