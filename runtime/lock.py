"""One service per data directory: a file lock that the kernel releases even after kill -9."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import ConfigError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for the block. Raises ConfigError when another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError([f"service.data_dir: {folder} cannot be used: {error.strerror}"]) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        problem = f"service.data_dir: {folder} is in use by another Amberwatt; stop that one or name another"
        raise ConfigError([problem]) from None
    try:
        yield
    finally:
        os.close(handle)
