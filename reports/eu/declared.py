"""What people declare: standing values of the configuration, and an officer's for one year."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.proof.turn import take_turn
from reports.eu.data_set import Told, implausible
from reports.eu.item import Value
from reports.eu.items import BY_KEY, ITEMS
from reports.eu.tables import DECLARATION
from runtime.database import Database


def checked(values: Mapping[str, object]) -> tuple[dict[str, Value], list[str]]:
    """The ``values`` as they are kept, and everything that is wrong with them, named by key."""
    kept: dict[str, Value] = {}
    problems = []
    for key, value in values.items():
        item = BY_KEY.get(key)
        if item is None:
            names = ", ".join(one.key for one in ITEMS if one.source != "derived")
            problems.append(f"{key[:60]}: there is no such item; there are: {names}")
            continue
        try:
            kept[key] = item.entered(value)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    return kept, problems


def standing(options: Mapping[str, Any], year: int | None = None) -> dict[str, object]:
    """What ``[sites.X.eu]`` says for ``year``: a table named by the year overrules the rest."""
    general = {key: value for key, value in options.items() if not _is_year(key)}
    particular = {} if year is None else options.get(str(year), {})
    return {**general, **particular}


def option_problems(site: str, options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in ``[sites.X.eu]``, each named with its place."""
    for key, table in options.items():
        if _is_year(key):
            if not isinstance(table, Mapping):
                yield f"sites.{site}.eu.{key}: is a table of what holds for that year alone"
                continue
            yield from (f"sites.{site}.eu.{key}.{problem}" for problem in checked(table)[1])
    kept, problems = checked(standing(options))
    yield from (f"sites.{site}.eu.{problem}" for problem in problems)
    told = {key: Told(value, "declared") for key, value in kept.items()}
    yield from (f"sites.{site}.eu.{problem}" for problem in implausible(told, 9999))


def read_csv(text: str) -> dict[str, object]:
    """``key,value`` lines as a declaration; other columns are left alone. Raises ValueError.

    Lines without a value declare nothing, so the file that was exported can be filled in.
    """
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if not {"key", "value"} <= set(lines.fieldnames or ()):
        raise ValueError("the file has no columns named key and value; take the exported one and fill it in")
    found: dict[str, object] = {}
    for line in lines:
        key, value = (line.get("key") or "").strip(), _plain(line.get("value"))
        if key in found:
            raise ValueError(f"{key[:60]}: stands in the file twice")
        if key and value and (line.get("source") or "declared") == "declared":
            found[key] = value
    return found


class Declarations:
    """What officers declared, as the database has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, site: str, year: int, as_of: datetime | None = None) -> dict[str, tuple[Value, str]]:
        """The values that count, each with who declared it and when, in words."""
        query = select(DECLARATION).where(DECLARATION.c.site == site, DECLARATION.c.year == year)
        if as_of is not None:
            query = query.where(DECLARATION.c.at <= as_of)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(DECLARATION.c.revision))).all()
        newest = {row.key: row for row in rows}
        return {
            key: (json.loads(row.value), f"by {row.who} on {row.at:%Y-%m-%d}")
            for key, row in newest.items()
            if row.value is not None
        }

    async def declare(
        self, site: str, year: int, values: Mapping[str, Value | None], act: tuple[str, datetime]
    ) -> int:
        """Keep what ``act`` (who, when) declares; None takes back. How many items changed.

        The values are those that :func:`checked` gave.
        """
        async with self._database.begin() as connection:
            return await _write(connection, (site, year), values, act)


async def _write(
    connection: AsyncConnection,
    which: tuple[str, int],
    values: Mapping[str, Value | None],
    act: tuple[str, datetime],
) -> int:
    (site, year), (who, at) = which, act
    at = await take_turn(connection, site, at)
    mine = select(DECLARATION).where(DECLARATION.c.site == site, DECLARATION.c.year == year)
    rows = await connection.execute(mine.order_by(DECLARATION.c.revision))
    newest = {row.key: row for row in rows}
    fresh = []
    for key, value in values.items():
        before = newest.get(key)
        text = None if value is None else json.dumps(value, ensure_ascii=False)
        if (None if before is None else before.value) != text:
            revision = 1 if before is None else before.revision + 1
            fresh.append({"key": key, "revision": revision, "value": text})
    for line in fresh:
        await connection.execute(insert(DECLARATION).values(site=site, year=year, who=who, at=at, **line))
    return len(fresh)


def _plain(value: str | None) -> str:
    """What stood in the field before an apostrophe kept spreadsheets from running it."""
    text = (value or "").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in "=+-@" else text


def _is_year(key: str) -> bool:
    return len(key) == 4 and key.isdecimal()
