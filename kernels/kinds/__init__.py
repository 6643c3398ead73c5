"""Kernel kinds: every kernel that is no Program, each declared in one file. See `kind`."""
