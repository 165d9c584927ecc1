"""Questions in InfluxQL, the one language that InfluxDB 1.x, 2.x and 3.x all read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runtime.clock import MILLISECOND, to_ms
from telemetry.catalogue import Measurement
from telemetry.influx.line import plain
from telemetry.store import SeriesQuery, WindowQuery


def name(text: str) -> str:
    """``text`` as an identifier."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def value(text: str) -> str:
    """A label's value as a string, in the form in which it was stored."""
    return "'" + plain(text).replace("'", r"\'") + "'"


def fields(query: SeriesQuery) -> tuple[str, ...]:
    """The fields that ``query`` wants. Raises KeyError for one that the measurement lacks."""
    for one in query.fields:
        query.measurement.field(one)
    return query.fields or query.measurement.field_names


def latest(query: SeriesQuery) -> str:
    """The newest row of each series."""
    return f"{_select(query)} GROUP BY {_names(query.measurement.labels)} ORDER BY time DESC LIMIT 1"


def rows(query: SeriesQuery, series: Sequence[tuple[str, ...]]) -> str:
    """All rows of each of ``series`` (label values), one statement each, in this order."""
    labels = query.measurement.labels
    chosen = [dict(zip(labels, ((v,) for v in values), strict=True)) for values in series]
    return ";".join(f"{_select(query, where)} GROUP BY {_names(labels)}" for where in chosen)


def window(query: WindowQuery) -> str:
    """Each series on its own in steps; series are put together afterwards."""
    select = query.select
    wanted = ",".join(f"{query.aggregate}({name(f)}) AS {name(f)}" for f in fields(select))
    groups = f"time({query.step // MILLISECOND}ms),{_names(select.measurement.labels)}"
    weights = [select.measurement.field(f).weight for f in fields(select)]
    if query.aggregate == "mean" and any(weights):
        return _weighted(query, weights, groups)
    return f"SELECT {wanted} {_from(select, select.where)} GROUP BY {groups} fill(none)"


def _weighted(query: WindowQuery, weights: Sequence[str | None], groups: str) -> str:
    """Means in which each row counts as often as its weight says; those without weigh the same."""
    select = query.select
    inner, outer = [], []
    for k, (field, weight) in enumerate(zip(fields(select), weights, strict=True)):
        # An alias of its own: some servers take one that is also a field's name for the field.
        if weight is None:
            inner.append(f"{name(field)} AS {name(f'v{k}')}")
            outer.append(f"mean({name(f'v{k}')}) AS {name(field)}")
        else:
            inner.append(
                f"{name(field)} * {name(weight)} AS {name(f'v{k}')}, {name(weight)} AS {name(f'n{k}')}"
            )
            outer.append(f"sum({name(f'v{k}')}) / sum({name(f'n{k}')}) AS {name(field)}")
    rows = (
        f"SELECT {','.join(inner)} {_from(select, select.where)} GROUP BY {_names(select.measurement.labels)}"
    )
    return f"SELECT {','.join(outer)} FROM ({rows}) WHERE {_within(select)} GROUP BY {groups} fill(none)"


def _select(query: SeriesQuery, where: Mapping[str, Sequence[str]] | None = None) -> str:
    return f"SELECT {_names(fields(query))} {_from(query, query.where if where is None else where)}"


def _from(query: SeriesQuery, where: Mapping[str, Sequence[str]]) -> str:
    conditions = [_within(query)]
    conditions += [_any(query.measurement, label, values) for label, values in where.items()]
    return f"FROM {name(query.measurement.name)} WHERE {' AND '.join(conditions)}"


def _within(query: SeriesQuery) -> str:
    return f"time >= {to_ms(query.start)}ms AND time < {to_ms(query.end)}ms"


def _any(measurement: Measurement, label: str, values: Sequence[str]) -> str:
    if label not in measurement.labels:
        raise ValueError(f"{measurement.name} has no label {label!r}")
    # No value accepts nothing; InfluxQL has no FALSE, and a label is never both.
    accepted = [f"{name(label)} = {value(v)}" for v in values] or [
        f"{name(label)} = 'a' AND {name(label)} = 'b'"
    ]
    return f"({' OR '.join(accepted)})"


def _names(names: Sequence[str]) -> str:
    return ",".join(map(name, names))
