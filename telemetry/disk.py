"""How much of the disk the telemetry takes, and how much is left beside it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from runtime.clock import Clock

EVERY = timedelta(seconds=10)
"""How long a look at the files is good for: a year of sealed hours is thousands of them."""


@dataclass(frozen=True)
class Kept:
    """``what`` is kept in ``paths``: files, or folders with all that is in them."""

    what: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class DiskPart:
    """``bytes`` that ``what`` takes."""

    what: str
    bytes: int


@dataclass(frozen=True)
class DiskRoom:
    """The file system of ``path``: ``free`` of ``total`` bytes are ours to use, and ``parts`` lie on it."""

    path: str
    free: int
    total: int
    parts: tuple[DiskPart, ...]


class Disks:
    """Looks at the files that ``kept`` names, which may be more later, no more often than :data:`EVERY`."""

    def __init__(self, kept: Callable[[], Sequence[Kept]], clock: Clock) -> None:
        self._kept, self._clock = kept, clock
        self._found: tuple[DiskRoom, ...] = ()
        self._looked: datetime | None = None

    async def rooms(self) -> tuple[DiskRoom, ...]:
        """Each file system that anything is kept on; empty while nothing is there."""
        now = self._clock.now()
        if self._looked is None or not timedelta(0) <= now - self._looked < EVERY:
            self._looked = now
            self._found = await asyncio.to_thread(measured, tuple(self._kept()))
        return self._found


def measured(kept: Sequence[Kept]) -> tuple[DiskRoom, ...]:
    """What ``kept`` takes now, by file system; blocks while it looks. What cannot be seen is left out."""
    parts: dict[int, list[DiskPart]] = {}
    folders: dict[int, Path] = {}
    for one in kept:
        folder = one.paths[0].parent
        try:
            device = folder.stat().st_dev
        except OSError:
            continue
        folders.setdefault(device, folder)
        parts.setdefault(device, []).append(DiskPart(one.what, sum(_sizes(one.paths))))
    found = []
    for device, folder in folders.items():
        usage = shutil.disk_usage(folder)
        found.append(DiskRoom(str(folder), usage.free, usage.total, tuple(parts[device])))
    return tuple(found)


def _sizes(paths: Sequence[Path]) -> Iterator[int]:
    for path in paths:
        if path.is_dir():
            for parent, _folders, names in os.walk(path):
                yield from filter(None, (_size(os.path.join(parent, name)) for name in names))
        else:
            yield _size(path)


def _size(path: str | Path) -> int:
    """Bytes on the disk: a sparse or compressed file takes less than its length."""
    try:
        return 512 * os.stat(path, follow_symlinks=False).st_blocks
    except OSError:
        return 0  # a sealed hour was moved, or the log folded, meanwhile
