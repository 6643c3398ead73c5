"""`python -m microgrest.cli`."""

from . import main

main()
