"""The canonical JSON of figures, and its SHA-256: how an auditor sees that no figure was touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from reports.content import MonthFigures
from reports.evidence import Evidence


def canonical(value: Any) -> Iterator[bytes]:
    """JSON of plain values in pieces: keys sorted, no spaces, UTF-8, numbers in their shortest exact form.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    yield from _pieces(value, 2)


def _pieces(value: Any, depth: int) -> Iterator[bytes]:
    # One call of the encoder for all of it would hold the interpreter, and so the event loop, for too long.
    if depth and isinstance(value, dict):
        for i, key in enumerate(sorted(value)):
            yield b"," if i else b"{"
            yield _encode(key) + b":"
            yield from _pieces(value[key], depth - 1)
        yield b"}" if value else b"{}"
    elif depth and isinstance(value, list):
        for i, item in enumerate(value):
            yield b"," if i else b"["
            yield _encode(item)
        yield b"]" if value else b"[]"
    else:
        yield _encode(value)


def _encode(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def plain(figures: MonthFigures) -> MonthFigures:
    """``figures`` as they read back from JSON: floats where floats are declared, None for NaN."""
    return msgspec.json.decode(msgspec.json.encode(figures), type=MonthFigures)


def plain_evidence(evidence: Evidence) -> Evidence:
    """The same for evidence."""
    return msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)


def figures_checksum(figures: MonthFigures) -> str:
    """The hexadecimal SHA-256 of the canonical JSON of ``figures``."""
    return checksum(msgspec.json.decode(msgspec.json.encode(figures)))


def checksum(value: Any) -> str:
    """The hexadecimal SHA-256 of the canonical JSON of plain values."""
    digest = hashlib.sha256()
    for piece in canonical(value):
        digest.update(piece)
    return digest.hexdigest()
