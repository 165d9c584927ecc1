"""The bidding zones whose documents can be read, by the name that telemetry and sites use."""

from __future__ import annotations

from collections.abc import Mapping

EIC = {
    "PL": "10YPL-AREA-----S",
    "LT": "10YLT-1001A0008Q",
    "LV": "10YLV-1001A00074",
    "EE": "10Y1001A1001A39I",
    "CZ": "10YCZ-CEPS-----N",
    "DE-LU": "10Y1001A1001A82H",
    "SE-3": "10Y1001A1001A46L",
    "SE-4": "10Y1001A1001A47J",
    "FI": "10YFI-1--------U",
    "SK": "10YSK-SEPS-----K",
    "UA": "10Y1001C--00003F",
}
"""Energy identification code of each zone."""

BORDERS: Mapping[str, tuple[str, ...]] = {
    "PL": ("CZ", "DE-LU", "LT", "SE-4", "SK", "UA"),
    "LT": ("LV", "PL", "SE-4"),
    "LV": ("EE", "LT"),
    "EE": ("FI", "LV"),
}
"""Zones of which all borders with physical flows are known, and their neighbours."""

_ALIASES = {"SE3": "SE-3", "SE4": "SE-4"}

_ZONES = {code: zone for zone, code in EIC.items()}


def eic(zone: str) -> str | None:
    """The code of ``zone``; None for a zone that is not known."""
    return EIC.get(_ALIASES.get(zone, zone))


def reach(zone: str) -> list[str]:
    """``zone`` and every zone that its imports are traced through or to, in the order of names."""
    found, ahead = {zone}, [zone]
    while ahead:
        further = set(BORDERS.get(ahead.pop(), ())) - found
        found |= further
        ahead += further
    return sorted(found)


def zone_of(code: str) -> str | None:
    """The zone with an EIC ``code``; None if it is none of :data:`EIC`."""
    return _ZONES.get(code.strip())
