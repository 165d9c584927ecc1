"""Bidding zones: the markets within which power can be delivered."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from runtime.options import shown


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # told as of the wrong type
    if not _ZONE.fullmatch(value.upper()):
        raise ValueError(
            f"{shown(value)} is no bidding zone: write letters, digits and -, such as PL or DE-LU"
        )
    return value.upper()


BiddingZone = Annotated[str, BeforeValidator(_zone)]
"""In capitals, as in telemetry, where it stands in the topic ``dc/v1/grid/{zone}``."""

_ZONE = re.compile(r"[A-Z0-9-]{1,60}")


def bidding_zone(text: str) -> str:
    """``text`` as a bidding zone. Raises ValueError that tells the form."""
    return str(_zone(text))
