"""Elementary functions: exponentials, logarithms, powers, circular functions and their inverses.

In come one scalar or two. Out comes a scalar of the same type; `_f32` and `_f64` say which.
"""
