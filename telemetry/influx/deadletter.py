"""Lines that the server will never take, kept in a file with the reason: counted, never dropped silently."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from runtime.errors import StoreError

log = structlog.get_logger(__name__)

LIMIT_BYTES = 64 * 1024 * 1024
"""Size at which the file is full: the store then keeps its place in the journal until a person saw to it."""


class DeadLetters:
    """The file ``path``: one JSON object ``{"reason": …, "line": …}`` a line.

    ``count`` is the number of lines in it when it was last opened, and of those added since.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.count = 0
        self._limit = limit_bytes

    async def open(self) -> None:
        """Count what is in the file. Raises StoreError when it cannot be read."""
        self.count = await asyncio.to_thread(self._lines)

    async def bury(self, lines: Sequence[str], reason: str) -> None:
        """Keep ``lines``: they are on disk when this returns. Raises StoreError, and then none was kept."""
        await asyncio.to_thread(self._append, lines, reason)
        self.count += len(lines)
        log.warning("lines_refused", lines=len(lines), reason=reason, kept_in=str(self.path))

    def _lines(self) -> int:
        try:
            with self.path.open("rb") as file:
                return sum(1 for _ in file)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error

    def _append(self, lines: Sequence[str], reason: str) -> None:
        text = "".join(json.dumps({"reason": reason, "line": line}) + "\n" for line in lines)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                if size >= self._limit:
                    raise StoreError(
                        f"{self.path} is full ({size} bytes) of lines that the server refuses ({reason}): "
                        "mend what makes it refuse them, keep the file if its rows matter, and move it away"
                    )
                try:
                    _write(file.fileno(), text.encode())
                except OSError:
                    file.truncate(size)  # half a line would spoil the next one
                    raise
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error}") from error


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)
