"""Amberwatt: the command line. What runs is put together in the room ``roles``."""

from __future__ import annotations

from runtime import interrupt  # first: what follows takes a second

# isort: split
import sys

from commands.cli import cli
from roles.whole import Service as Service
from roles.whole import whole as build


def main() -> None:
    """The command line; see ``service.py --help``."""
    try:
        interrupt.heed()
        cli(obj=build)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
