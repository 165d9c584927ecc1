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
CREATE TABLE IF NOT EXISTS repeated (series INTEGER, at_ms BIGINT, count BIGINT);
"""

REPEATS = (
    "SELECT series, at_ms, CAST(sum(count) AS DOUBLE) AS rows FROM repeated WHERE at_ms >= ? AND at_ms < ? "
    "GROUP BY ALL ORDER BY ALL"
)
"""How many rows of each series were stored before, by the hour of their time; hours between ? and ?."""

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
class Question:
    """A SELECT with its parameters, and the label columns that its answer starts with."""

    sql: str
    values: list[object]
    labels: tuple[str, ...]
    fields: tuple[str, ...]


def tables() -> list[str]:
    """Statements that make the tables of the catalogue, or add what a newer catalogue has more."""
    statements = [f"ALTER TABLE series ADD COLUMN IF NOT EXISTS {quoted(x)} VARCHAR" for x in LABELS]
    for measurement in STORED.values():
        name = quoted(measurement.name)
        statements.append(f"CREATE TABLE IF NOT EXISTS {name} (series INTEGER, at_ms BIGINT)")
        statements += [
            f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {quoted(field)} DOUBLE"
            for field in measurement.field_names
        ]
    return statements


def insert(measurement: Measurement) -> str:
    """Append the rows of the view ``fresh``."""
    return f"INSERT INTO {quoted(measurement.name)} BY NAME FROM fresh"


def insert_unknown(measurement: Measurement, sealed: bool) -> str:
    """Append, and tell, rows of the view ``late`` whose series and time are not stored; times from ? to ?.

    ``sealed``: neither those that the view ``known`` names.
    """
    unknown = "late ANTI JOIN known USING (series, at_ms)" if sealed else "late"
    return (
        f"INSERT INTO {quoted(measurement.name)} BY NAME SELECT late.* FROM {unknown} ANTI JOIN "
        f"(SELECT series, at_ms FROM {quoted(measurement.name)} WHERE at_ms BETWEEN ? AND ?) AS t "
        "ON t.series = late.series AND t.at_ms = late.at_ms RETURNING series, at_ms"
    )


def merge_known(measurement: Measurement) -> str:
    """Overwrite, field by field, rows of the table that the view ``late`` contradicts; times from ? to ?."""
    names = [quoted(field) for field in measurement.field_names]
    values = ", ".join(f"{n} = coalesce(late.{n}, t.{n})" for n in names)
    return (
        f"UPDATE {quoted(measurement.name)} AS t SET {values} FROM late WHERE t.at_ms BETWEEN ? AND ? "
        f"AND t.series = late.series AND t.at_ms = late.at_ms AND ({_differs(names)})"
    )


def known(measurement: Measurement, files: str) -> str:
    """Rows of the SELECT ``files`` that the view ``late`` tells again, and whether it ``differs``."""
    names = [quoted(field) for field in measurement.field_names]
    columns = _list(f"t.{n}" for n in ("series", "at_ms", *names))
    nothing = _list(f"CAST(NULL AS DOUBLE) AS {n}" for n in names)
    whole = f"{files} UNION ALL BY NAME SELECT {nothing} WHERE false"
    return (
        f"SELECT {columns}, t.id, ({_differs(names)}) AS differs FROM ({whole}) AS t "
        "JOIN late ON t.series = late.series AND t.at_ms = late.at_ms"
    )


def unseal(measurement: Measurement) -> str:
    """Append the rows of the view ``known`` that differ."""
    rows = "SELECT * EXCLUDE (id, differs) FROM known WHERE differs"
    return f"INSERT INTO {quoted(measurement.name)} BY NAME {rows}"


def _differs(names: Sequence[str]) -> str:
    return " OR ".join(f"(late.{n} IS NOT NULL AND t.{n} IS DISTINCT FROM late.{n})" for n in names)


def latest(query: SeriesQuery, source: str) -> Question:
    """The newest row of each series: its time, and its fields even where some are null.

    ``source``, here and below, is what holds the rows, to stand after FROM.
    """
    condition, values = _condition(query)
    fields, labels = _fields(query), query.measurement.labels
    newest = _list(f"arg_max_null({f}, at_ms) AS {f}" for f in map(quoted, fields))
    if query.fields:  # a row that tells none of all fields is never stored
        condition += f" AND coalesce({_list(map(quoted, fields))}) IS NOT NULL"
    sql = (
        f"WITH row AS (SELECT series, max(at_ms) AS at_ms, {newest} FROM {source} "
        f"WHERE {condition} GROUP BY series) "
        f"SELECT {_columns(labels, 'at_ms', fields)} FROM row JOIN series ON series.id = row.series "
        f"ORDER BY {_list(map(quoted, (*labels, 'at_ms')))}"
    )
    return Question(sql, values, labels, fields)


def raw(query: SeriesQuery, source: str) -> Question:
    """All rows."""
    condition, values = _condition(query)
    fields, labels = _fields(query), query.measurement.labels
    sql = (
        f"WITH row AS (FROM {source} WHERE {condition}) "
        f"SELECT {_columns(labels, 'at_ms', fields)} FROM row JOIN series ON series.id = row.series "
        f"ORDER BY {_list(map(quoted, (*labels, 'at_ms')))}"
    )
    return Question(sql, values, labels, fields)


def window(query: WindowQuery, source: str) -> Question:
    """Aggregates per series and step, then over the series of each group."""
    select, step = query.select, query.step // MILLISECOND
    condition, values = _condition(select)
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
        f"FROM {source} WHERE {condition} GROUP BY ALL) "
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


def _condition(query: SeriesQuery) -> tuple[str, list[object]]:
    parts: list[str] = ["at_ms >= ? AND at_ms < ?"]
    values: list[object] = [to_ms(query.start), to_ms(query.end)]
    if query.where:
        accepted = []
        for label in query.where:
            query.measurement.labels.index(label)  # ValueError for one that the measurement lacks
            accepted.append(f"list_contains(?, {quoted(label)})")
        parts.append(f"series IN (SELECT id FROM series WHERE measurement = ? AND {' AND '.join(accepted)})")
        values += [query.measurement.named, *(list(wanted) for wanted in query.where.values())]
    return " AND ".join(parts), values


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
