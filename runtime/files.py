"""Files that a configuration names: whether they are there, and whether certificates are any."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


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
