"""Files of reports on disk: written whole or not at all, and known by their SHA-256."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256 of ``content``."""
    return hashlib.sha256(content).hexdigest()


def place_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``folder`` hold exactly ``files``, durably; a half-written folder never bears its name.

    A folder of that name that no index knows is what a crash left behind: it is replaced.
    """
    growing = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(parents=True)
    for name, content in files.items():
        _write_durably(growing / name, content)
    _sync_folder(growing)
    if folder.exists():
        shutil.rmtree(folder)
    growing.rename(folder)
    _sync_folder(folder.parent)


def place_file(path: Path, content: bytes) -> None:
    """Write one file into a folder that stands; it appears whole or not at all."""
    growing = path.with_name(f".{path.name}.part")
    _write_durably(growing, content)
    growing.replace(path)
    _sync_folder(path.parent)


def read_checked(path: Path, expected: str) -> bytes | None:
    """The content of ``path``, or None if it is gone or is not what was archived."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if sha256(content) == expected else None


def remove_folder(folder: Path) -> None:
    """Remove ``folder`` and all that it holds, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
