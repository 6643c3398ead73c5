"""Elementary functions that vectorize: branch-free formulas of scalars, in plain Python.

Numba calls the platform's library for these, element by element. Written as arithmetic and selects,
they run in SIMD lanes wherever LLVM has them. `names` copies the text of the functions that a
kernel needs into its generated file; they run under the plain interpreter too, on NumPy scalars.

Accuracy: within 2 ulp of the true value, pow and tan within 4, fmod exact, with or without fused
multiply-adds; NaN, infinities, signed zeros, subnormals, overflow and underflow as in C. The
functions that are combined below keep that only under the fastmath flag {contract}: re-association
would cancel the low parts of pi and ln 2. Polynomials are minimax (Remez exchange), rounded to the
type term by term; a docstring gives the error of the polynomial alone.

`if` statements and short-circuit operators are avoided: both sides of a conditional expression are
values that exist already, which LLVM turns into a select. What cannot do without a loop or a call
has a form named near_* besides, which vectorizes and is right for the usual arguments; but powers
of integers (ipow) have loops only.
"""
