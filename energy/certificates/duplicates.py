"""Numbers of certificates that are held already, at whatever registry: no energy may count twice."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.certificates.bundle import Bundle, numbers
from energy.certificates.pool import free_numbers
from energy.certificates.sheet import Remark
from energy.certificates.tables import BUNDLE, FILE, PART

_AT_ONCE = 500
"""Series or bundles asked for by one query."""

Runs = Sequence[tuple[int, int]]


async def duplicates(connection: AsyncConnection, bundles: Sequence[Bundle]) -> list[Remark]:
    """Every line of ``bundles`` with a number that the table has, wherever it came from.

    A certificate keeps its number when it moves to another registry, so the accounts of all are searched.
    What was sold from another account has left it, and may be held here.
    """
    held = await _of_series(connection, sorted({bundle.series for bundle in bundles}))
    found = [(bundle, row) for bundle in bundles for row in _overlapping(bundle, held)]
    abroad = sorted({row["id"] for bundle, row in found if row["registry"] != bundle.registry})
    sold = await _sold(connection, abroad)
    told: dict[int, Remark] = {}
    for bundle, row in found:
        at_home = row["registry"] == bundle.registry
        if at_home or not _gone(bundle, row, sold.get(row["id"], [])):
            told.setdefault(bundle.line, Remark(bundle.line, _told(bundle, row)))
    return list(told.values())


def _overlapping(
    bundle: Bundle, held: Mapping[str, Mapping[str, Sequence[RowMapping]]]
) -> Iterator[RowMapping]:
    """The rows of its series, at each registry, that share a number with ``bundle``."""
    for rows in held.get(bundle.series, {}).values():
        # Those of one registry never overlap one another, so that they end in the order in which they begin.
        place = bisect_right(rows, bundle.last, key=lambda row: row["first"])
        while place and rows[place - 1]["last"] >= bundle.first:
            place -= 1
            yield rows[place]


def _gone(bundle: Bundle, row: RowMapping, sold: Runs) -> bool:
    """Whether every number that both have was sold from the account of ``row``."""
    first, last = max(bundle.first, row["first"]), min(bundle.last, row["last"])
    within = [run for run in sold if run[0] <= last and run[1] >= first]
    return next(free_numbers((first, last), within), None) is None


def _told(bundle: Bundle, row: RowMapping) -> str:
    both = numbers(row["series"], row["digits"], row["first"], row["last"])
    told = (
        f"{bundle.numbers}: duplicate of {both}, imported before from {row['file_name']!r}, line {row['row']}"
    )
    if row["registry"] == bundle.registry:
        return told
    return (
        f"{told}, at registry {row['registry']}; if they were transferred, sell them there first, by the "
        "document of the transfer"
    )


async def _of_series(
    connection: AsyncConnection, series: Sequence[str]
) -> Mapping[str, Mapping[str, Sequence[RowMapping]]]:
    """By series and registry, in the order of their numbers."""
    columns = (BUNDLE.c.id, BUNDLE.c.registry, BUNDLE.c.series, BUNDLE.c.first, BUNDLE.c.last,
               BUNDLE.c.digits, BUNDLE.c.row)  # fmt: skip
    found: dict[str, dict[str, list[RowMapping]]] = defaultdict(lambda: defaultdict(list))
    for low in range(0, len(series), _AT_ONCE):
        wanted = (
            select(*columns, FILE.c.name.label("file_name"))
            .join(FILE, FILE.c.id == BUNDLE.c.file)
            .where(BUNDLE.c.series.in_(series[low : low + _AT_ONCE]))
            .order_by(BUNDLE.c.series, BUNDLE.c.first)
        )
        for row in (await connection.execute(wanted)).mappings():
            found[row["series"]][row["registry"]].append(row)
    return found


async def _sold(connection: AsyncConnection, bundles: Sequence[int]) -> Mapping[int, Runs]:
    """The numbers of each of ``bundles`` that have left our account."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for low in range(0, len(bundles), _AT_ONCE):
        wanted = select(PART.c.bundle, PART.c.first, PART.c.last).where(
            PART.c.bundle.in_(bundles[low : low + _AT_ONCE]), PART.c.site.is_(None), PART.c.ended_at.is_(None)
        )
        for row in await connection.execute(wanted):
            found[row.bundle].append((row.first, row.last))
    return found
