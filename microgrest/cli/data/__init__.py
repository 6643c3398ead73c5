"""What is fitted: the polynomial, its points, made or read of a table."""
