"""`curve_fit`: what SciPy's function checks and gives back, the data of one curve, its fit."""
