"""Whether a plan leaves in memory what its trace says.

In come a trace and its plan. Both are run on tokens instead of numbers, over some elements of each
buffer. Out come the places where they differ.
"""
