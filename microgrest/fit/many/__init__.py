"""`fit_many`: the data of many curves, their fits, and the arrays that come of them."""
