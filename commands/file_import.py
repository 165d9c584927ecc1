"""What every verb does that takes a file whole or not at all: read it, and tell what was wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import typer

from commands.say import fail, say
from energy.certificates.sheet import Source
from runtime.errors import ServiceError

LARGEST_FILE = 32 * 2**20
"""Bytes; the longest file that is read has 40,000 rows."""


class Taken(Protocol):
    """The answer of an import: remarks on lines, and when and by whom the same file was imported before."""

    @property
    def notes(self) -> Sequence[object]: ...

    @property
    def wrong(self) -> Sequence[object]: ...

    @property
    def known(self) -> tuple[datetime, str] | None: ...


def source_of(file: Path) -> Source:
    """The file to import; ends the program where it cannot be read, or nobody can have meant it."""
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            fail(
                ServiceError(
                    f"{file}: is {size // 2**20} MiB large; at most {LARGEST_FILE // 2**20} MiB are read: "
                    "split it"
                )
            )
        return Source(file.name, file.read_bytes())
    except OSError as error:
        fail(ServiceError(f"{file}: {error.strerror}"))


def settled(file: Path, found: Taken) -> bool:
    """Tell the notes, and whether the file was imported before; ends the program if a line is wrong."""
    for note in found.notes:
        typer.echo(str(note), err=True)
    if found.wrong:
        told = "\n".join(map(str, found.wrong))
        fail(ServiceError(f"{told}\n{file}: nothing of it is taken; mend the lines above"))
    if found.known is None:
        return False
    at, who = found.known
    say(f"{file}: imported before, {at:%Y-%m-%d %H:%M} UTC by {who}; nothing to do")
    return True
