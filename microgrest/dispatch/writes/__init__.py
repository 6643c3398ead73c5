"""Writes to tensors that are there: whether they may be, how, and what the graph has to know.

In come a tensor and what shall stand in it. Out comes the tensor, changed: as a user asked for
(`target`, `graph`), or unasked, for the library's own new tensors (`memory`).
"""
