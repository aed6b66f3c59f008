"""`pixgen`, and `python -m pixgen`."""

import sys


def main() -> None:
    """The command line; Ctrl-C while its parts are still being imported is no failure either."""
    try:
        from pixgen.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        from pixgen.io import terminal

        terminal.write("pixgen: interrupted", sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
