"""Text as a PDF for archives may hold it: what has no meaning to every reader is left out."""

from __future__ import annotations

import re
from typing import Any

_MEANINGLESS = re.compile(
    "[\x00\ufeff\ue000-\uf8ff\ufdd0-\ufdef\ud800-\udfff"  # none, byte order mark, private, none, surrogates
    + "".join(chr(plane << 16 | last) for plane in range(15) for last in (0xFFFE, 0xFFFF))  # no characters
    + "\U000f0000-\U0010ffff]"  # private
)
"""Code points that PDF/A-2a forbids: one in a site's name or an alert's title would cost the whole report."""


def printable(value: Any) -> Any:
    """``value`` with every text in its lists and tables printable."""
    if isinstance(value, str):
        return _MEANINGLESS.sub("", value)
    if isinstance(value, dict):
        return {key: printable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [printable(inner) for inner in value]
    return value
