"""`python -m pixgen` is `pixgen`."""

from pixgen.cli.main import main

main()
