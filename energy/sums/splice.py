"""One account of a site that had other meters and supplies at other times: each era's own, end to end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np

from energy.configuration.era import Era
from energy.configuration.site import SiteOptions
from energy.sums.balance import NOTHING, Balance, balance
from energy.sums.line import HOUR
from energy.sums.matching import Ladder, Match, match
from energy.sums.sheet import Sheet
from energy.sums.storage import Stored, stored
from energy.tree.dating import DATED
from telemetry.frame import Floats

Account = tuple[Balance, Stored, Match]
"""What a site used, what its batteries kept, and what was green: all over the same quarters."""

Offered = tuple[Mapping[str, Floats], ...]
"""What certificates tell of each quarter, in the order in which :func:`spliced` takes it."""

Part = TypeVar("Part", Balance, Match)

_Piece = tuple[Part, slice, slice]
"""A part of an account, where it goes, and which of its quarters go there."""

CERTIFICATES = "certificates"
"""What time-stamped certificates are called among supplies, followed by ``:`` and their registry."""

_ABSENT = {"available": np.nan, "apart": np.nan}
"""What a supply or hall that was not there has in a mapping of the account; 0 in the others."""


def spliced(
    eras: Sequence[Era], sheet: Sheet, timed: Mapping[str, Floats], gone: Mapping[str, Floats] = NOTHING
) -> Account:
    """Balance, storage and matching over ``sheet``, each quarter by the devices that its site had then.

    ``timed`` are time-stamped certificates by registry, Wh per quarter of the sheet; ``gone`` is by plant
    what share of its own can be claimed no more.
    """
    until = sheet.first + sheet.quarters
    meeting = _alike([era for era in eras if era.meets(sheet.first, until)])
    if len(meeting) == 1:
        found = _balanced(meeting[0], sheet, gone)
        store = stored(found, sheet.first)
        return found, store, _matched(found, store, timed, slice(None))
    balances = _balances(meeting, sheet, sheet.first, gone)
    whole: Balance = _joined(balances, sheet.quarters)
    store = stored(whole, sheet.first)
    return whole, store, _joined(_matches(balances, store, timed), sheet.quarters)


def continued(
    eras: Sequence[Era], sheet: Sheet, offered: Offered, known: Account, start: int
) -> Account | None:
    """:func:`spliced`, of whose quarters before index ``start`` (a whole hour) everything is ``known``.

    None where what comes later says otherwise of what the batteries held before.
    """
    before, until = slice(0, start), sheet.first + sheet.quarters
    meeting = _alike([era for era in eras if era.meets(sheet.first + start, until)])
    balances = _balances(meeting, sheet, sheet.first + start, offered[1])
    whole: Balance = _joined([(known[0], before, before), *balances], sheet.quarters)
    store = stored(whole, sheet.first)
    if not _as_before(known[1], store, before):
        return None
    matches = [(known[2], before, before), *_matches(balances, store, offered[0])]
    return whole, store, _joined(matches, sheet.quarters)


def since(found: Account, start: int) -> Account:
    """What ``found`` tells of the quarters from index ``start`` on."""
    quarters = len(found[0].load)
    where, own = slice(0, quarters - start), slice(start, quarters)
    return cast("Account", tuple(_record([(one, where, own)], quarters - start) for one in found))


def _balances(
    eras: Sequence[Era], sheet: Sheet, first: int, gone: Mapping[str, Floats]
) -> list[_Piece[Balance]]:
    """The balance of ``sheet`` from quarter ``first`` on, in pieces."""
    found: list[_Piece[Balance]] = []
    for low, high in _stretches(eras, first, sheet.first + sheet.quarters):
        where, every = slice(low - sheet.first, high - sheet.first), slice(0, high - low)
        found.append((_stretch(eras, sheet, (low, high), gone), where, every))
    return found


def _matches(
    balances: Sequence[_Piece[Balance]], store: Stored, timed: Mapping[str, Floats]
) -> list[_Piece[Match]]:
    return [(_matched(found, store, timed, where), where, own) for found, where, own in balances]


def _as_before(one: Stored, other: Stored, where: slice) -> bool:
    """Whether both tell the same ``where``."""
    named = ((one.kept, other.kept), (one.offers, other.offers), ({"": one.doubt}, {"": other.doubt}))
    return all(
        a.keys() == b.keys() and all(np.array_equal(a[name][where], b[name][where]) for name in a)
        for a, b in named
    )


def _alike(eras: Sequence[Era]) -> list[Era]:
    """``eras`` with those joined that follow on one another and balance the same: only other rules differ."""
    found: list[Era] = []
    for era in eras:
        if found and found[-1].absent == era.absent and _same(found[-1].site, era.site):
            found[-1] = replace(found[-1], until=era.until)
        else:
            found.append(era)
    return found


def _same(one: SiteOptions, other: SiteOptions) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in (*DATED, "grid", "pue_category", "contracted_kw")
    )


def _balanced(era: Era, sheet: Sheet, gone: Mapping[str, Floats]) -> Balance:
    found = balance(era.site, sheet, gone)
    return replace(found, there=np.zeros(sheet.quarters, dtype=np.bool_)) if era.absent else found


def _matched(found: Balance, store: Stored, timed: Mapping[str, Floats], where: slice) -> Match:
    """``found`` matched with its supplies, and with what of store and certificates lies ``where``."""
    ladder: Ladder = {
        "onsite": found.onsite,
        "storage": {name: offer[where] for name, offer in store.offers.items()},
        "ppa": found.ppa,
        "timed": {f"{CERTIFICATES}:{registry}": offer[where] for registry, offer in timed.items()},
    }
    return match(found.load, found.loose, ladder, store.doubt[where])


def _stretches(eras: Sequence[Era], first: int, until: int) -> Iterable[tuple[int, int]]:
    """Whole hours of one era each, and the hours in which one follows on another."""
    edges = {first, until}
    for era in eras:
        hour = era.first // HOUR * HOUR
        edges |= {edge for edge in (hour, -(-era.first // HOUR) * HOUR) if first < edge < until}
    ordered = sorted(edges)
    return pairwise(ordered)


def _stretch(
    eras: Sequence[Era], sheet: Sheet, hours: tuple[int, int], gone: Mapping[str, Floats]
) -> Balance:
    """The balance of ``hours``; one more on both sides tells of gaps that lead out of them."""
    low, high = hours
    first, until = max(sheet.first, low - HOUR), min(sheet.first + sheet.quarters, high + HOUR)
    part = sheet.part(first, until)
    gone = {name: share[first - sheet.first : until - sheet.first] for name, share in gone.items()}
    pieces: list[_Piece[Balance]] = []
    for era in eras:
        if era.meets(low, high):
            begin, end = max(era.first, low), min(era.until, high)
            where, own = slice(begin - low, end - low), slice(begin - first, end - first)
            pieces.append((_balanced(era, part, gone), where, own))
    return _joined(pieces, high - low)


def _joined(pieces: Sequence[_Piece[Part]], quarters: int) -> Part:
    return cast("Part", _record(list(pieces), quarters))


def _record(pieces: Sequence[tuple[Any, slice, slice]], quarters: int) -> Any:
    """Records of one kind as one, field by field."""
    kind = type(pieces[0][0])
    joined = {
        field.name: _field(field.name, [(getattr(a, field.name), *at) for a, *at in pieces], quarters)
        for field in fields(kind)
    }
    return kind(**joined)


def _field(name: str, pieces: Sequence[tuple[Any, slice, slice]], quarters: int) -> Any:
    values = [value for value, _, _ in pieces]
    if is_dataclass(values[0]):
        return _record(pieces, quarters)
    if isinstance(values[0], Mapping):
        supplies = dict.fromkeys(supply for value in values for supply in value)
        absent = _ABSENT.get(name, 0.0)
        return {
            supply: _column([(v.get(supply), *at) for v, *at in pieces], quarters, absent)
            for supply in supplies
        }
    if all(value is None for value in values) or isinstance(values[0], str):
        return values[-1]
    return _column(pieces, quarters, np.nan)


def _column(pieces: Sequence[Sequence[Any]], quarters: int, absent: float) -> np.ndarray[Any, Any]:
    told = [value.dtype for value, _, _ in pieces if value is not None]
    column = np.full(quarters, absent) if len(told) < len(pieces) else np.zeros(quarters, dtype=told[0])
    for value, where, own in pieces:
        if value is not None:
            column[where] = value[own]
    return cast("np.ndarray[Any, Any]", column)
