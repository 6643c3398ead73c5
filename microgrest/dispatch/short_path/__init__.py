"""Elementwise calls with as little Python as it takes: a look-up, a launch.

In come operands as the user gave them. Out comes the result, with a node where a gradient is
wanted. What a table does not know goes to `dispatch.elementwise`.
"""
