"""Module itself: its members, state and hooks."""
