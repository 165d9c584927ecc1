"""The newest position of the journal, kept beside it: tells when that ends before what was acknowledged."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_RECORD = struct.Struct("<qI")


class JournalMark:
    """SQLite takes the first bad page of its write-ahead log for the end of it. This file knows better.

    Written without waiting for the disk: after a power cut it may be behind, so it may miss a loss that came
    with one, and never tells of one that was none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def open(self, fresh: bool) -> int:
        """The newest position marked, 0 if none is known or the journal is ``fresh``. Raises OSError."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if fresh:
            os.ftruncate(self._file, 0)
        data = os.pread(self._file, _RECORD.size, 0)
        if len(data) < _RECORD.size:
            return 0
        position, crc = _RECORD.unpack(data)
        if zlib.crc32(data[:8]) != crc:
            log.error("journal_mark_damaged", path=str(self.path), meaning="no loss could be noticed by it")
            return 0
        return int(position)

    def put(self, position: int) -> None:
        """``position`` is on disk. What hinders it is no reason to take in nothing."""
        record = struct.pack("<q", position)
        with suppress(OSError):
            if self._file is not None:
                os.pwrite(self._file, record + struct.pack("<I", zlib.crc32(record)), 0)

    def sync(self) -> None:
        """Wait until what was put is on disk."""
        with suppress(OSError):
            if self._file is not None:
                os.fdatasync(self._file)

    def close(self) -> None:
        """Release the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
