"""The version; packaging, the command line and `microgrest.__version__` read it here."""

__version__ = "0.1.0"
