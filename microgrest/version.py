"""The version, in the one place that packaging, the command line and `microgrest.__version__` read."""

__version__ = "0.1.0"
