"""Files: those that a configuration names, whether they can be used; and how one is replaced whole."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def replace_text(path: Path, text: str) -> None:
    """Let ``path`` hold ``text``: after a crash or a power cut it has the old or the new content, whole.

    On disk when this returns. One writer at a time. Raises OSError.
    """
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # without it a power cut may leave the new name on an empty file
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring to disk which files ``folder`` holds under which names. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_problems(value: Any, where: str = "") -> Iterator[str]:
    """Every ``*_file`` below ``value`` that is not there, or is a certificate or key that cannot be used."""
    if isinstance(value, dict):
        for key, inner in value.items():
            place = f"{where}.{key}".removeprefix(".")
            if key.endswith("_file") and isinstance(inner, str) and not Path(inner).is_file():
                yield f"{place}: there is no file {inner}"
            yield from file_problems(inner, place)
        yield from _certificate_problems(value, where)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from file_problems(inner, f"{where}[{number}]")


def _certificate_problems(table: Mapping[str, Any], where: str) -> Iterator[str]:
    authority, certificate, key = (_there(table.get(f"{name}_file")) for name in ("ca", "cert", "key"))
    if authority is not None:
        try:
            ssl.create_default_context(cafile=authority)
        except (OSError, ValueError) as error:
            yield f"{where}.ca_file: {authority} holds no certificate in PEM ({_why(error)})"
    if certificate is not None and key is not None:
        try:
            ssl.create_default_context().load_cert_chain(certificate, key)
        except (OSError, ValueError) as error:
            yield f"{where}.cert_file: {certificate} is no certificate of the key in {key} ({_why(error)})"


def _there(file: Any) -> Path | None:
    return Path(file) if isinstance(file, str) and Path(file).is_file() else None


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return str(reason).lower().replace("_", " ")
