"""`python -m portal.cli`, where the console script is not on the PATH."""

from portal.cli.main import main

main()
