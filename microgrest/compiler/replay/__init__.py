"""A recording: what a call of it runs, binds and leaves behind."""
