"""Whether what a recording rests on is still as it was."""
