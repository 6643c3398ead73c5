"""CUDA kernels for matrix products.

In come element types and what follows the product. Out comes source: of thin products, a thread or
a block for each result (`products`), and of all others, by tiles in shared memory (`tiles`).
"""
