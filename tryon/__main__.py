"""`python -m tryon` is the command line."""

from tryon.cli import main

main()
