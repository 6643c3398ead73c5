"""The command line in a checkout: `python cli.py fit`. Installed, it is called `microgrest`."""

from microgrest.cli import main

if __name__ == "__main__":
    main()
