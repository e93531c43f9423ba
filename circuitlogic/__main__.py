"""`python -m circuitlogic`: the command line."""

import sys

from circuitlogic.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
