"""Documents of the ENTSO-E transparency platform: generation per type, load, flows, or that there is none.

What comes from outside is not trusted: a document type declaration, and with it every entity, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np

from energy.carbon.technology import CODES
from runtime.clock import to_ms
from runtime.errors import BadDocument
from runtime.options import shown
from telemetry.frame import Floats

LONGEST = 64 << 20
"""Bytes of a document; a year of a zone has ten times fewer."""

HOUR_MS = 3_600_000

NO_DATA = "999"
"""The reason code of an answer that there is no matching data."""

_MOST_POINTS = 200_000
_GENERATION, _LOAD, _FLOW = "A75", "A65", "A11"
_RESOLUTION = re.compile(r"PT(\d{1,3})(M|H)")

Kind = Literal["generation", "storing", "load", "flow"]
"""``storing`` is what a storage took in (outBiddingZone), ``load`` what a zone used, ``flow`` its import."""


@dataclass(frozen=True)
class TimeSeries:
    """Means of power in MW from ``start_ms`` on, one every ``step_ms``; NaN where the document tells none.

    ``zone`` is the EIC code, ``code`` the psrType; a load has none. A flow comes from the zone ``origin``.
    """

    kind: Kind
    zone: str
    code: str | None
    start_ms: int
    step_ms: int
    mw: Floats
    origin: str = ""


@dataclass(frozen=True)
class Document:
    """What a document tells; without ``series`` the ``reason`` says why there is no data."""

    series: tuple[TimeSeries, ...] = ()
    reason: str | None = None


@dataclass
class HourlyEnergy:
    """MWh of one zone by hour (since 1970) and psrType, storing as ``B10-``; ``incomplete`` lack some."""

    hours: dict[int, dict[str, float]] = field(default_factory=dict)
    incomplete: set[int] = field(default_factory=set)


def parse(body: bytes) -> Document:
    """The document in ``body``. Raises BadDocument that names what is wrong with it."""
    root = _tree(body)
    if root.tag.startswith("Acknowledgement"):
        return _refusal(root)
    kind = _text(root, "type")
    if kind not in (_GENERATION, _LOAD, _FLOW):
        raise BadDocument(
            f"documents of type {shown(kind)} are not read; take A75 (generation), A65 (load) or A11 "
            "(physical flows)"
        )
    series = [one for table in root.iter("TimeSeries") for one in _series(table, kind)]
    if not series:
        return Document(reason="the document holds no time series")
    return Document(tuple(series))


def hourly_energy(document: Document, zone: str) -> HourlyEnergy:
    """What was generated and stored in the zone with the EIC code ``zone``, hour by hour.

    An hour in which a type lacks a part that it has elsewhere in the document is incomplete and not told:
    without it the mix would be another. Raises BadDocument where two series contradict each other.
    """
    told: dict[str, dict[int, Floats]] = {}
    for one in document.series:
        if one.kind in ("generation", "storing") and one.zone == zone:
            name = f"{one.code}{'-' if one.kind == 'storing' else ''}"
            _lay(told.setdefault(name, {}), one, name)
    found = HourlyEnergy()
    for hour in sorted({hour for parts in told.values() for hour in parts}):
        means = {name: parts[hour] for name, parts in told.items() if hour in parts}
        made = {name for name in told if not name.endswith("-")}
        if made <= means.keys() and not any(np.isnan(mean).any() for mean in means.values()):
            found.hours[hour] = {name: float(mean.mean()) for name, mean in means.items()}
        else:
            found.incomplete.add(hour)
    return found


def hourly_load(document: Document, zone: str) -> dict[int, float]:
    """MWh that the zone with the EIC code ``zone`` used in each hour that is told whole."""
    return _hourly([one for one in document.series if one.kind == "load" and one.zone == zone])


def hourly_flow(document: Document, zone: str, origin: str) -> dict[int, float]:
    """MWh that flowed into ``zone`` from ``origin`` in each hour that is told whole."""
    return _hourly(
        [one for one in document.series if (one.kind, one.zone, one.origin) == ("flow", zone, origin)]
    )


def _hourly(series: Iterable[TimeSeries]) -> dict[int, float]:
    parts: dict[int, Floats] = {}
    for one in series:
        _lay(parts, one, one.kind)
    return {hour: float(mean.mean()) for hour, mean in sorted(parts.items()) if not np.isnan(mean).any()}


def _tree(body: bytes) -> Element:
    if len(body) > LONGEST:
        raise BadDocument(f"the document has {len(body):,} bytes; ask for a shorter period")
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda tag, _: builder.start(tag.rpartition("}")[2], {})
    parser.EndElementHandler = lambda tag: builder.end(tag.rpartition("}")[2])
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
        return builder.close()
    except (expat.ExpatError, AssertionError) as error:
        raise BadDocument(f"the document is not XML: {error}") from None


def _refuse(*_: object) -> None:
    raise BadDocument("the document declares a type of its own (DOCTYPE), which none of ENTSO-E does")


def _refusal(root: Element) -> Document:
    """An acknowledgement: the platform has nothing, or could not be asked so. Both come with HTTP 200 too."""
    code, text = _text(root, "Reason/code"), _text(root, "Reason/text")
    if code == NO_DATA and not re.search(r"not valid|invalid|unauthori|exceed", text, re.IGNORECASE):
        return Document(reason=text or "no matching data")
    raise BadDocument(f"the platform refuses the question: {text or 'without a reason'} (code {code or '–'})")


def _series(table: Element, document: str) -> Iterator[TimeSeries]:
    kind, zone, code, origin = _meant(table, document)
    unit = _text(table, "quantity_Measure_Unit.name") or _text(table, "quantity_Measurement_Unit.name")
    curve = _text(table, "curveType")
    if unit not in ("", "MAW"):
        raise BadDocument(f"the unit is {shown(unit)}; documents of power are in MAW")
    if curve not in ("", "A01", "A03"):
        raise BadDocument(f"curve type {shown(curve)} is not read; A01 and A03 are")
    for period in table.iter("Period"):
        start, end = (_moment(_text(period, f"timeInterval/{side}")) for side in ("start", "end"))
        step = _step(_text(period, "resolution"))
        count, rest = divmod(end - start, step)
        if rest or start % step or not 0 < count <= _MOST_POINTS:
            raise BadDocument("a period is no whole number of its steps, or does not begin on one")
        yield TimeSeries(kind, zone, code, start, step, _points(period, count, curve == "A03"), origin)


def _meant(table: Element, document: str) -> tuple[Kind, str, str | None, str]:
    into, out = _text(table, "inBiddingZone_Domain.mRID"), _text(table, "outBiddingZone_Domain.mRID")
    if document == _FLOW:
        into, out = _text(table, "in_Domain.mRID"), _text(table, "out_Domain.mRID")
        if not into or not out:
            raise BadDocument("a flow names no zone that it leads into, or none that it comes from")
        return "flow", into, None, out
    if document == _LOAD:
        return "load", out or into, None, ""
    code = _text(table, "MktPSRType/psrType")
    if code not in CODES:
        raise BadDocument(f"production type {shown(code)} is none; a mix without it would be another")
    if not into and not out:
        raise BadDocument(f"the series of {code} names no bidding zone")
    return ("generation", into, code, "") if into else ("storing", out, code, "")


def _points(period: Element, count: int, steps: bool) -> Floats:
    """One mean a position; where A03 (``steps``) leaves one out, it is as the one before."""
    mw = np.full(count, np.nan)
    for point in period.iter("Point"):
        try:
            position, quantity = int(_text(point, "position")), float(_text(point, "quantity"))
        except ValueError:
            raise BadDocument("a point has no position or no quantity") from None
        if not 1 <= position <= count:
            raise BadDocument(f"position {position} lies beyond the {count} of its period")
        if not (np.isfinite(quantity) and quantity >= 0):
            raise BadDocument(f"a quantity is {quantity:g}; generation, load and flows are 0 or more")
        mw[position - 1] = quantity
    if steps:
        told = np.where(np.isnan(mw), 0, np.arange(count))
        mw = mw[np.maximum.accumulate(told)]
    return mw


def _lay(hours: dict[int, Floats], one: TimeSeries, name: str) -> None:
    """Put a series into quarter-hours by hour. Raises BadDocument if they hold something else already."""
    step = 900_000
    if one.step_ms < step:
        raise BadDocument(f"a resolution of {one.step_ms // 60_000} minutes is not read; 15 and 60 are")
    quarters = np.repeat(one.mw, one.step_ms // step)
    for number, mw in enumerate(quarters.tolist()):
        at = one.start_ms + number * step
        hour, place = at // HOUR_MS, at % HOUR_MS // step
        parts = hours.setdefault(hour, np.full(4, np.nan))
        if np.isnan(mw):
            continue
        if not np.isnan(parts[place]) and parts[place] != mw:
            raise BadDocument(f"two series of {name} tell different values of one time")
        parts[place] = mw


def _step(text: str) -> int:
    found = _RESOLUTION.fullmatch(text)
    minutes = int(found[1]) * (60 if found[2] == "H" else 1) if found else 0
    if minutes not in (15, 30, 60):
        raise BadDocument(f"resolution {shown(text)} is not read; PT15M, PT30M and PT60M are")
    return minutes * 60_000


def _moment(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadDocument(f"{shown(text)} is no time") from None
    if at.tzinfo is None:
        raise BadDocument(f"{shown(text)} names no time zone; documents are in UTC")
    return to_ms(at)


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
