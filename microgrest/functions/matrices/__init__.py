"""Products of matrices, vectors and tensors as users call them.

In come tensors whose shapes fit. Out comes their product: by name, or by an equation (`einsum`).
"""
