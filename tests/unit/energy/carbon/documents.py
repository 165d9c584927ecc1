"""Documents as the transparency platform sends them, written by hand: small, and of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

EIC_OF = {"PL": "10YPL-AREA-----S", "LT": "10YLT-1001A0008Q"}
PL, LT = EIC_OF["PL"], EIC_OF["LT"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_GENERATION = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"


def series(  # noqa: PLR0913 - one argument per part of a series
    code: str | None,
    start: datetime,
    mw: Sequence[float | None],
    minutes: int = 60,
    curve: str = "A01",
    zone: str = PL,
    out: bool = False,
    length: int | None = None,
) -> str:
    """One TimeSeries; None leaves a position out, ``length`` tells more positions than there are values."""
    end = start + timedelta(minutes=minutes * (length or len(mw)))
    side = "outBiddingZone_Domain" if out else "inBiddingZone_Domain"
    points = "".join(
        f"<Point><position>{n}</position><quantity>{value}</quantity></Point>"
        for n, value in enumerate(mw, start=1)
        if value is not None
    )
    kind = "" if code is None else f"<MktPSRType><psrType>{code}</psrType></MktPSRType>"
    return (
        "<TimeSeries><mRID>1</mRID><businessType>A01</businessType>"
        f'<{side}.mRID codingScheme="A01">{zone}</{side}.mRID>'
        f"<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>{curve}</curveType>{kind}"
        f"<Period><timeInterval><start>{_time(start)}</start><end>{_time(end)}</end></timeInterval>"
        f"<resolution>PT{minutes}M</resolution>{points}</Period></TimeSeries>"
    )


def flow(into: str, origin: str, start: datetime, mw: Sequence[float]) -> str:
    """One TimeSeries of hourly physical flows into the zone ``into`` from ``origin`` (A11)."""
    whole = series(None, start, mw, zone=into)
    side = f'<out_Domain.mRID codingScheme="A01">{origin}</out_Domain.mRID>'
    return whole.replace("inBiddingZone_Domain", "in_Domain").replace("<quantity", f"{side}<quantity", 1)


def document(*parts: str, kind: str = "A75") -> bytes:
    """A whole document of generation (A75), load (A65) or flows (A11)."""
    name = "GL_MarketDocument"
    body = f"<type>{kind}</type><process.processType>A16</process.processType>{''.join(parts)}"
    return f'{_HEAD}<{name} xmlns="{_GENERATION}"><mRID>x</mRID>{body}</{name}>'.encode()


def acknowledgement(
    code: str = "999", text: str = "No matching data found for Data item Actual Generation"
) -> bytes:
    """What comes, with HTTP 200, when there is nothing, or the question was wrong."""
    name, space = (
        "Acknowledgement_MarketDocument",
        "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0",
    )
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return f'{_HEAD}<{name} xmlns="{space}">{reason}</{name}>'.encode()


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%MZ")
