"""What is shown of a fit: its report, its formula, a plot."""
