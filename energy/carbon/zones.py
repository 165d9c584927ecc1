"""The bidding zones whose documents can be read, by the name that telemetry and sites use."""

from __future__ import annotations

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
}
"""Energy identification code of each zone."""

_ALIASES = {"SE3": "SE-3", "SE4": "SE-4"}

_ZONES = {code: zone for zone, code in EIC.items()}


def eic(zone: str) -> str | None:
    """The code of ``zone``; None for a zone that is not known."""
    return EIC.get(_ALIASES.get(zone, zone))


def zone_of(code: str) -> str | None:
    """The zone with an EIC ``code``; None if it is none of :data:`EIC`."""
    return _ZONES.get(code.strip())
