"""Element by element: the functions of the rows, those with options of their own, conversions."""
