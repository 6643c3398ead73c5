"""What a thread computes, as a Trace."""
