"""Modules: what all of them are (`module`, and what it consists of), and those that there are."""
