"""The SQL of the DuckDB store: tables, merging of late rows, and the three questions that it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.clock import MILLISECOND, to_ms
from telemetry.catalogue import Measurement
from telemetry.store import Aggregate, SeriesQuery, WindowQuery
from telemetry.stored import STORED
from telemetry.stores.duckdb_sealed import quoted

LABELS: tuple[str, ...] = tuple(dict.fromkeys(label for m in STORED.values() for label in m.labels))
"""Every label of the catalogue, once: the columns of the ``series`` table."""

STATE = """
CREATE TABLE IF NOT EXISTS followed (position BIGINT, stored BIGINT, duplicates BIGINT);
INSERT INTO followed SELECT 0, 0, 0 WHERE NOT EXISTS (FROM followed);
CREATE TABLE IF NOT EXISTS newest (measurement VARCHAR PRIMARY KEY, at_ms BIGINT);
CREATE TABLE IF NOT EXISTS series (id INTEGER, measurement VARCHAR);
CREATE TABLE IF NOT EXISTS repeats (series INTEGER, at_ms BIGINT, count BIGINT);
"""

FOLD_REPEATS = """
BEGIN;
CREATE TABLE IF NOT EXISTS repeated (series INTEGER, at_ms BIGINT, count BIGINT);
INSERT INTO repeats SELECT series, at_ms, sum(count) FROM repeated GROUP BY ALL;
DROP TABLE repeated;
COMMIT;
"""
"""Files of before have a row in ``repeated`` for each batch that repeated something."""

REPEATS = (
    "SELECT series, at_ms, CAST(count AS DOUBLE) AS rows FROM repeats WHERE at_ms >= ? AND at_ms < ? "
    "ORDER BY ALL"
)
"""How many rows of each series were stored before, by the hour of their time; hours between ? and ?."""

FORGET_REPEATS = (
    "DELETE FROM repeats AS r USING again AS a WHERE r.at_ms BETWEEN ? AND ? "
    "AND r.series = a.series AND r.at_ms = a.at_ms RETURNING r.series, r.at_ms, r.count"
)
"""Take out, and tell, what was counted for the series and hours of the view ``again``; hours from ? to ?."""

_IN_TIME: dict[Aggregate, str] = {
    "mean": "avg({0})",
    "min": "min({0})",
    "max": "max({0})",
    "first": "arg_min({0}, at_ms)",
    "last": "arg_max({0}, at_ms)",
    "sum": "sum({0})",
    "count": "CAST(nullif(count({0}), 0) AS DOUBLE)",
}


@dataclass(frozen=True)
class Source:
    """What holds ``rows`` that are asked for, to stand after FROM; ids from the first to before the last."""

    rows: str
    series: tuple[int, int]


@dataclass(frozen=True)
class Question:
    """A SELECT with its parameters, and the label columns that its answer starts with."""

    sql: str
    values: list[object]
    labels: tuple[str, ...]
    fields: tuple[str, ...]


COLUMNS = "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal"
"""What :func:`tables` must know of the file."""


def tables(known: Iterable[tuple[str, str, str]]) -> list[str]:
    """Statements that make the tables of the catalogue, or add what a newer catalogue has more.

    ``known`` are the columns that are there: schema, table, name.
    """
    there: dict[str, set[str]] = {}
    for schema, name, column in known:
        there.setdefault(aside(name) if schema == "aside" else quoted(name), set()).add(column)
    statements = ["CREATE SCHEMA IF NOT EXISTS aside"]
    statements += [f"ALTER TABLE series ADD COLUMN IF NOT EXISTS {quoted(x)} VARCHAR" for x in LABELS]
    for measurement in STORED.values():
        for place in (quoted(measurement.name), aside(measurement.name)):
            columns = there.get(place, set())
            fields = [name for name in measurement.field_names if name not in columns]
            if not columns:
                all_fields = "".join(f", {quoted(name)} DOUBLE" for name in fields)
                statements.append(f"CREATE TABLE {place} (series INTEGER, at_ms BIGINT{all_fields})")
                continue
            statements += [f"ALTER TABLE {place} ADD COLUMN {quoted(name)} DOUBLE" for name in fields]
    return statements


def aside(name: str) -> str:
    """The table of late rows of the measurement ``name`` whose place is still to be found."""
    return f"aside.{quoted(name)}"


def insert(measurement: Measurement) -> str:
    """Append the rows of the view ``fresh``."""
    return f"INSERT INTO {quoted(measurement.name)} BY NAME FROM fresh"


def insert_unknown(place: str, known: bool = False) -> str:
    """Append to the table ``place``, and tell, rows of the view ``late`` whose series and time it lacks.

    Times from ? to ?. ``known``: neither those that the view of that name has.
    """
    unknown = "late ANTI JOIN known USING (series, at_ms)" if known else "late"
    return (
        f"INSERT INTO {place} BY NAME SELECT late.* FROM {unknown} ANTI JOIN "
        f"(SELECT series, at_ms FROM {place} WHERE at_ms BETWEEN ? AND ?) AS t "
        "ON t.series = late.series AND t.at_ms = late.at_ms RETURNING series, at_ms"
    )


def merge_known(measurement: Measurement, place: str) -> str:
    """Overwrite, field by field, rows of the table ``place`` that ``late`` contradicts; times from ? to ?."""
    names = [quoted(field) for field in measurement.field_names]
    values = ", ".join(f"{n} = coalesce(late.{n}, t.{n})" for n in names)
    return (
        f"UPDATE {place} AS t SET {values} FROM late WHERE t.at_ms BETWEEN ? AND ? "
        f"AND t.series = late.series AND t.at_ms = late.at_ms AND ({_differs(names)})"
    )


def known(measurement: Measurement, files: str, keys: str) -> str:
    """Rows of the SELECT ``files`` whose series and time stand in ``keys``, with the ``id`` of their file."""
    names = [quoted(field) for field in measurement.field_names]
    columns = _list(f"t.{n}" for n in ("series", "at_ms", *names))
    nothing = _list(f"CAST(NULL AS DOUBLE) AS {n}" for n in names)
    whole = f"{files} UNION ALL BY NAME SELECT {nothing} WHERE false"
    return (
        f"SELECT {columns}, t.id FROM ({whole}) AS t "
        f"JOIN {keys} AS k ON t.series = k.series AND t.at_ms = k.at_ms"
    )


def contradicted(measurement: Measurement) -> str:
    """Rows of the view ``known`` that the view ``late`` contradicts."""
    names = [quoted(field) for field in measurement.field_names]
    return (
        "SELECT t.* FROM known AS t JOIN late ON t.series = late.series AND t.at_ms = late.at_ms "
        f"WHERE {_differs(names)}"
    )


def over(measurement: Measurement, base: str, aside: str, near: str) -> str:
    """The rows of ``base`` with those of ``aside`` over them, field by field, to stand after FROM.

    ``near`` is a condition that all rows aside meet.
    """
    names = [quoted(field) for field in measurement.field_names]
    columns = _list(("series", "at_ms", *names))
    merged = _list(f"coalesce(a.{n}, b.{n}) AS {n}" for n in names)
    return (
        f"(SELECT {columns} FROM {base} ANTI JOIN {aside} USING (series, at_ms) UNION ALL BY NAME "
        f"SELECT a.series, a.at_ms, {merged} FROM {aside} AS a "
        f"LEFT JOIN (SELECT {columns} FROM {base} WHERE {near}) AS b USING (series, at_ms))"
    )


def _differs(names: Sequence[str]) -> str:
    return " OR ".join(f"(late.{n} IS NOT NULL AND t.{n} IS DISTINCT FROM late.{n})" for n in names)


def reach(query: SeriesQuery) -> tuple[str, list[object]]:
    """A SELECT of the first and the last id of the series that ``query`` names, and its parameters."""
    wanted, values = _labelled(query)
    return f"SELECT min(id), max(id) FROM series WHERE {wanted}", values


def latest(query: SeriesQuery, source: Source) -> Question:
    """The newest row of each series: its time, and its fields even where some are null."""
    condition, values = _condition(query, source)
    fields, labels = _fields(query), query.measurement.labels
    newest = _list(f"arg_max_null({f}, at_ms) AS {f}" for f in map(quoted, fields))
    if query.fields:  # a row that tells none of all fields is never stored
        condition += f" AND coalesce({_list(map(quoted, fields))}) IS NOT NULL"
    sql = (
        f"WITH row AS (SELECT series, max(at_ms) AS at_ms, {newest} FROM {source.rows} "
        f"WHERE {condition} GROUP BY series) "
        f"SELECT {_columns(labels, 'at_ms', fields)} FROM row JOIN series ON series.id = row.series "
        f"ORDER BY {_list(map(quoted, (*labels, 'at_ms')))}"
    )
    return Question(sql, values, labels, fields)


def raw(query: SeriesQuery, source: Source) -> Question:
    """All rows."""
    condition, values = _condition(query, source)
    fields, labels = _fields(query), query.measurement.labels
    sql = (
        f"WITH row AS (FROM {source.rows} WHERE {condition}) "
        f"SELECT {_columns(labels, 'at_ms', fields)} FROM row JOIN series ON series.id = row.series "
        f"ORDER BY {_list(map(quoted, (*labels, 'at_ms')))}"
    )
    return Question(sql, values, labels, fields)


def window(query: WindowQuery, source: Source) -> Question:
    """Aggregates per series and step, then over the series of each group."""
    select, step = query.select, query.step // MILLISECOND
    condition, values = _condition(select, source)
    fields = _fields(select)
    labels = select.measurement.labels if query.group_by is None else query.group_by
    for label in labels:
        select.measurement.labels.index(label)  # ValueError for one that the measurement lacks
    in_time = _list(f"{_over_time(query, f)} AS {quoted(f)}" for f in fields)
    across = {f: "sum" if query.adds_up(f) else "avg" for f in fields}
    combined = _list(f"{across[f]}(cell.{quoted(f)}) AS {quoted(f)}" for f in fields)
    keys = _list((*(f"series.{quoted(label)}" for label in labels), "cell.start"))
    named = _list((*(f"series.{quoted(label)}" for label in labels), "cell.start AS at_ms"))
    sql = (
        f"WITH cell AS (SELECT series, at_ms - at_ms % {step} AS start, {in_time} "
        f"FROM {source.rows} WHERE {condition} GROUP BY ALL) "
        f"SELECT {named}, {combined} FROM cell JOIN series ON series.id = cell.series "
        f"GROUP BY {keys} ORDER BY {keys}"
    )
    return Question(sql, values, tuple(labels), fields)


def _over_time(query: WindowQuery, field: str) -> str:
    weight = query.select.measurement.field(field).weight
    if query.aggregate != "mean" or weight is None:
        return _IN_TIME[query.aggregate].format(quoted(field))
    value, count = quoted(field), quoted(weight)
    return f"sum({value} * {count}) / sum({count})"


def _condition(query: SeriesQuery, source: Source) -> tuple[str, list[object]]:
    first, last = source.series
    parts: list[str] = ["at_ms >= ? AND at_ms < ?"]
    values: list[object] = [to_ms(query.start), to_ms(query.end)]
    if query.where and last - first <= 1:
        _labelled(query)  # ValueError, as below
        parts.append(f"series = {first}" if last > first else "false")
    elif query.where:
        wanted, labels = _labelled(query)
        parts.append(f"series IN (SELECT id FROM series WHERE {wanted})")
        values += labels
    return " AND ".join(parts), values


def _labelled(query: SeriesQuery) -> tuple[str, list[object]]:
    accepted = ["measurement = ?"]
    for label in query.where:
        query.measurement.labels.index(label)  # ValueError for one that the measurement lacks
        accepted.append(f"list_contains(?, {quoted(label)})")
    return " AND ".join(accepted), [query.measurement.named, *(list(w) for w in query.where.values())]


def _fields(query: SeriesQuery) -> tuple[str, ...]:
    for name in query.fields:
        query.measurement.field(name)  # KeyError for one that the measurement lacks
    return query.fields or query.measurement.field_names


def _columns(labels: Sequence[str], time: str, fields: Sequence[str]) -> str:
    return _list(
        (*(f"series.{quoted(x)}" for x in labels), f"row.{time}", *(f"row.{quoted(f)}" for f in fields))
    )


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
