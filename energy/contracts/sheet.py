"""A file of delivered volumes as quarter-hours: every line that is wrong is named, and then none is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from energy.certificates.cell import WH, amount_wh, moment
from energy.certificates.sheet import Remark, Source, lines_of
from energy.contracts.form import QUARTERS, VolumeForm
from energy.contracts.plant import Plant
from energy.interval import QUARTER_MS
from runtime.clock import from_ms, to_ms

LONGEST = 40_000
"""Lines; the quarter-hours of a year and some weeks."""

_HAS_OFFSET = re.compile(r"([zZ]|[+-]\d\d:?\d\d)$")
_NAMED_UNIT = re.compile(r"(?<![a-z])(mwh|kwh|wh)(?![a-z])")
_UNITS = {unit.lower(): unit for unit in WH}
_MINUTE_MS = 60_000
_GAPS_TOLD = 5


@dataclass(frozen=True)
class Volume:
    """What the plant delivered in one quarter-hour, in whole Wh, as ``line`` of a file tells."""

    quarter: int
    wh: int
    line: int


@dataclass(frozen=True)
class VolumeSheet:
    """What a file holds: ``volumes`` in time order, what is ``wrong``, and ``notes``."""

    volumes: tuple[Volume, ...]
    wrong: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class _Row:
    """One line: when it begins (or ends, where that alone is told), how long it is, and how much it tells."""

    line: int
    at_ms: int
    minutes: int | None
    wh: int


def read_volumes(source: Source, form: VolumeForm, plant: Plant, at: datetime) -> VolumeSheet:
    """Read ``source`` by ``form``; what ``plant`` cannot have delivered by ``at`` is wrong."""
    lines = lines_of(source, form.delimiter, LONGEST)
    if isinstance(lines, Remark):
        return VolumeSheet((), (lines,))
    (number, headers), *cells = lines
    try:
        columns = _columns(headers, form)
        form = replace(form, told_unit=_unit(headers[columns["volume"]], form))
    except ValueError as error:
        return VolumeSheet((), (Remark(number, str(error)),))
    rows, wrong = [], []
    for line, row in cells:
        told = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
        try:
            rows.append(_row(line, told, form, plant))
        except ValueError as error:
            wrong.append(Remark(line, str(error)))
    if wrong:
        return VolumeSheet((), tuple(wrong))
    try:
        minutes = _minutes(rows, form)
    except ValueError as error:
        return VolumeSheet((), (Remark(0, str(error)),))
    return _sheet(rows, minutes, ("start" not in columns, plant, at))


def _columns(headers: Sequence[str], form: VolumeForm) -> dict[str, int]:
    """The place of each field. Raises ValueError for what is missing or told twice."""
    plain = [" ".join(header.lower().split()) for header in headers]
    found: dict[str, int] = {}
    for name in ("start", "end", "volume", "zone"):
        places = [place for place, header in enumerate(plain) if header in form.headers(name)]
        if len(places) > 1:
            raise ValueError(f"{len(places)} columns tell {name}; say which by --column {name}=HEADER")
        if not places and name in form.columns:
            raise ValueError(f"no column is called {form.columns[name]!r}; there are: {', '.join(headers)}")
        if places:
            found[name] = places[0]
    if "volume" not in found or not {"start", "end"} & set(found):
        lacking = "volume" if "volume" not in found else "start"
        raise ValueError(f"no column tells {lacking}: name it by --column {lacking}=HEADER")
    return found


def _unit(header: str, form: VolumeForm) -> str:
    """The unit, which the header or the options must name. Raises ValueError where they do not, or differ."""
    named = {_UNITS[unit] for unit in _NAMED_UNIT.findall(header.lower().replace("_", " "))}
    if len(named) > 1 or (form.told_unit is not None and named - {form.told_unit}):
        raise ValueError(f"{header!r} names {' and '.join(sorted(named))}; --unit {form.told_unit}: which?")
    if not named and form.told_unit is None:
        raise ValueError(f"nothing names the unit of {header!r}: add --unit MWh, kWh or Wh")
    return form.told_unit or named.pop()


def _row(line: int, told: Mapping[str, str], form: VolumeForm, plant: Plant) -> _Row:
    """One line. Raises ValueError with its fix."""
    ends = {name: _moment_ms(told[name], form) for name in ("start", "end") if name in told}
    minutes = form.minutes
    if len(ends) == 2:
        length, rest = divmod(ends["end"] - ends["start"], _MINUTE_MS)
        if rest or length not in QUARTERS or minutes not in (None, length):
            raise ValueError(
                f"{told['start']!r} to {told['end']!r} is {length} minutes long; "
                f"a row tells of {'15 or 60' if minutes is None else minutes}"
            )
        minutes = length
    if "zone" in told and told["zone"].upper() != plant.zone:
        raise ValueError(
            f"zone {told['zone'][:20]!r}: {plant.supply!r} delivers in {plant.zone}; is it another plant's?"
        )
    return _Row(line, ends.get("start", ends.get("end", 0)), minutes, amount_wh(told["volume"], form, 0))


def _moment_ms(text: str, form: VolumeForm) -> int:
    if form.told_zone is None and not _HAS_OFFSET.search(text.strip()):
        raise ValueError(
            f"{text.strip()[:40]!r} tells no offset from UTC: write 2026-10-01T00:00Z or name --time-zone"
        )
    return to_ms(moment(text, form))


def _minutes(rows: Sequence[_Row], form: VolumeForm) -> int:
    """How long every row is. Raises ValueError where nothing tells."""
    told = {row.minutes for row in rows}
    if told == {None}:
        times = sorted({row.at_ms for row in rows})
        least = min((after - before for before, after in pairwise(times)), default=0)
        told = {least // _MINUTE_MS if least % _MINUTE_MS == 0 else None}
    (minutes,) = told if len(told) == 1 else (None,)
    if minutes not in QUARTERS:
        raise ValueError("rows of 15 minutes or of an hour are read: say by --minutes which these are")
    return int(minutes)


def _sheet(rows: Sequence[_Row], minutes: int, what: tuple[bool, Plant, datetime]) -> VolumeSheet:
    ending, plant, at = what
    length = QUARTERS[minutes]
    found: dict[int, Volume] = {}
    wrong: list[Remark] = []
    for row in rows:
        first_ms = row.at_ms - (length * QUARTER_MS if ending else 0)
        first = first_ms // QUARTER_MS
        problem = _problem(row, first_ms, (length, plant, at))
        known = next((found[q] for q in range(first, first + length) if q in found), None)
        if problem is None and known is not None:
            problem = f"duplicate: line {known.line} tells of {_shown(known.quarter)} already"
        if problem is not None:
            wrong.append(Remark(row.line, problem))
            continue
        whole, rest = divmod(row.wh, length)
        for place in range(length):
            found[first + place] = Volume(first + place, whole + (place < rest), row.line)
    volumes = tuple(found[quarter] for quarter in sorted(found))
    if wrong:
        return VolumeSheet((), tuple(wrong))
    return VolumeSheet(volumes, (), tuple(_notes(volumes, plant)))


def _problem(row: _Row, first_ms: int, what: tuple[int, Plant, datetime]) -> str | None:
    """Why the row cannot be right."""
    length, plant, at = what
    if first_ms % (length * QUARTER_MS):
        return f"{from_ms(first_ms).isoformat()} is no full {'hour' if length > 1 else 'quarter-hour'} of UTC"
    if first_ms + length * QUARTER_MS > to_ms(at):
        return f"{_shown(first_ms // QUARTER_MS)} has not ended: a forecast is no delivery"
    most = plant.most_wh(length)
    if row.wh > most:
        return (
            f"{row.wh:,} Wh in {15 * length} minutes is more than max_power_kw allows ({most:,.0f} Wh): "
            "is the unit right?"
        )
    return None


def _notes(volumes: Sequence[Volume], plant: Plant) -> Iterator[Remark]:
    gaps = [(a, b) for a, b in pairwise(volumes) if b.quarter > a.quarter + 1]
    for before, after in gaps[:_GAPS_TOLD]:
        yield Remark(
            after.line,
            f"no row for {_shown(before.quarter + 1)} to {_shown(after.quarter)}: not known, as long as no "
            "file tells",
        )
    if len(gaps) > _GAPS_TOLD:
        yield Remark(0, f"and {len(gaps) - _GAPS_TOLD} more gaps")
    outside = sum(not plant.there(volume.quarter) for volume in volumes)
    if outside:
        yield Remark(
            0, f"{outside} quarter-hours lie outside of the dates of the contract: they count nowhere"
        )


def _shown(quarter: int) -> str:
    return from_ms(quarter * QUARTER_MS).strftime("%Y-%m-%d %H:%MZ")
