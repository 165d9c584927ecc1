"""What every verb of the command line takes and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.say import fail
from runtime.errors import ServiceError
from settings import Configuration, read

DEFAULT_FILE = Path("amberwatt.toml")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="default: amberwatt.toml if it exists")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object a line, for programs")]


def configuration_of(path: Path | None) -> Configuration:
    """The configuration in ``path``, or in :data:`DEFAULT_FILE` if it is there. Raises ConfigError."""
    return read(path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None))


def finish(work: Callable[[], Any]) -> Any:
    """What ``work`` gives; its failure is told, and the process ends."""
    try:
        return work()
    except (ServiceError, ValueError) as error:
        fail(error)
