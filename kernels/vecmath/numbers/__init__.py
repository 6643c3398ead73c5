"""Numbers as they are stored: digits, float16's bits, remainders; sums as they are written.

In come scalars. Out comes a scalar, and nothing of it is rounded but float16.
"""
