"""Amberwatt: the command line. What runs in a process is put together in the room ``roles``."""

from __future__ import annotations

from runtime import interrupt  # first: what follows takes a second

# isort: split
import sys
from contextlib import AbstractAsyncContextManager
from typing import cast

from commands.cli import cli
from commands.demo import Build
from commands.serve import Builders
from roles.ingest import ingest
from roles.jobs import jobs
from roles.process import RoleProcess
from roles.station import Station
from roles.web import web
from roles.whole import Service as Service
from roles.whole import whole as build
from runtime.clock import Clock
from settings import Configuration


def build_role(
    configuration: Configuration, clock: Clock | None, station: Station
) -> AbstractAsyncContextManager[Service | RoleProcess]:
    """The process at ``station``, opened for the block.

    Raises ConfigError, StoreError or ServiceError when something cannot be opened.
    """
    if station.role == "all":
        return build(configuration, clock)
    return {"ingest": ingest, "web": web, "jobs": jobs}[station.role](configuration, clock, station)


def main() -> None:
    """The command line; see ``service.py --help``."""
    try:
        interrupt.heed()
        cli(obj=Builders(cast(Build, build), build_role))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
