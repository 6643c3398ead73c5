"""What a function and its arguments hold."""
