"""Your own ops: scalar functions and Numba loops become ops of the library.

`source` finds the text of a function, `reader` reads a scalar one as an expression over rows, in
which `meanings` says what the functions of `math`, NumPy and this library stand for. `traced` is
that as a whole, with derivatives and as a Program; `elementwise` makes an op of it.
"""
