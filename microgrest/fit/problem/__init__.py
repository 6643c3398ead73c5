"""What is fitted where Python computes it: residuals and Jacobians, exact or by differences; their
bounds, and SciPy's words for how it ended."""
