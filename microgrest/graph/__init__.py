"""The graph of recorded operations, and the engine that runs it, over values they do not know."""
