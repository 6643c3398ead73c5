"""The table of ops in docs/ops.md, which `python -m microgrest.op_table` writes."""
