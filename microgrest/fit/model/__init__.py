"""`Model`: a function whose parameters have names, starts, bounds and ties, and what a fit says."""
