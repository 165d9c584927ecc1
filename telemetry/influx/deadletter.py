"""Lines that the server will never take, kept in a file with the reason: counted, never dropped silently."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

LIMIT_BYTES = 64 * 1024 * 1024
"""Size at which the file is full: from then on lines are only counted."""


class DeadLetters:
    """The file ``path``: one JSON object ``{"reason": …, "line": …}`` a line; ``count`` since the start."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.count = 0
        self._limit = limit_bytes

    async def bury(self, lines: Sequence[str], reason: str) -> None:
        """Keep ``lines``."""
        self.count += len(lines)
        kept = await asyncio.to_thread(self._append, lines, reason)
        log.warning("lines_refused", lines=len(lines), reason=reason, kept_in=str(self.path), kept=kept)

    def _append(self, lines: Sequence[str], reason: str) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size >= self._limit:
            return False
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps({"reason": reason, "line": line}) + "\n" for line in lines)
        return True
