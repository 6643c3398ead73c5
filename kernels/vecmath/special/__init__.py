"""Special functions: of the gamma function, the error function, Bessel's, Hurwitz's and the normal.

In come scalars. Out comes a scalar of the same type, by series and fractions over `elementary`.
"""
