"""Arrow batches to series and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dashboards.rows import SeriesRows, csv_rows
from telemetry.catalogue import METER

LABELS = ("site", "meter")


def batch(*rows: tuple[str, str, int, float | None]) -> pa.RecordBatch:
    """Rows of site, meter, time and power."""
    site, meter, at, power = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.record_batch(
        {
            "site": pa.array(site, pa.string()),
            "meter": pa.array(meter, pa.string()),
            "at_ms": pa.array(at, pa.int64()),
            "power_w": pa.array(power, pa.float64()),
        }
    )


def told(*batches: pa.RecordBatch | pa.Table, step: str | None = None) -> dict:  # type: ignore[type-arg]
    """The JSON body of ``batches``."""
    rows = SeriesRows(METER, LABELS, ("power_w",))
    for each in batches:
        rows.add(each)
    body: dict = json.loads(b"".join(rows.encoded(step)))  # type: ignore[type-arg]
    return body


def test_nothing_is_an_empty_list() -> None:
    assert told(batch()) == {"step": None, "series": []}
    assert told(step="PT1H") == {"step": "PT1H", "series": []}


def test_a_series_that_comes_in_pieces_is_one() -> None:
    body = told(
        batch(("a", "m1", 1, 1.0), ("a", "m2", 1, None)),
        batch(("a", "m1", 2, 2.0), ("b", "m1", 1, 3.0)),
    )
    found = {(s["labels"]["site"], s["labels"]["meter"]): s["points"] for s in body["series"]}
    assert found == {("a", "m1"): [[1, 1.0], [2, 2.0]], ("a", "m2"): [[1, None]], ("b", "m1"): [[1, 3.0]]}
    assert {s["unit"] for s in body["series"]} == {"W"}


def test_rows_out_of_order_are_told_in_order() -> None:
    body = told(batch(("a", "m1", 3, 3.0), ("a", "m1", 1, 1.0)), batch(("a", "m1", 2, None)))
    assert body["series"][0]["points"] == [[1, 1.0], [2, None], [3, 3.0]]


def test_tables_of_several_chunks_are_taken_too() -> None:
    table = pa.Table.from_batches(
        [batch(("a", "m1", 1, 1.0)), batch(("a", "m1", 2, 2.0), ("b", "m", 1, 9.0))]
    )
    assert [s["points"] for s in told(table)["series"]] == [[[1, 1.0], [2, 2.0]], [[1, 9.0]]]


names = st.sampled_from(["a", "b", "c"])
powers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
rows = st.lists(st.tuples(names, names, st.integers(0, 10**13), powers), max_size=60)


@given(st.lists(rows, max_size=4))
def test_no_row_is_lost_or_moved(batches: list[list[tuple[str, str, int, float | None]]]) -> None:
    body = told(*(batch(*each) for each in batches))
    found = [
        (s["labels"]["site"], s["labels"]["meter"], at, value)
        for s in body["series"]
        for at, value in s["points"]
    ]
    given_rows = [row for each in batches for row in each]
    assert sorted(found, key=repr) == sorted(given_rows, key=repr)
    for series in body["series"]:
        times = [at for at, _ in series["points"]]
        assert times == sorted(times)


async def test_csv_quotes_and_leaves_missing_values_empty() -> None:
    async def batches() -> AsyncIterator[pa.RecordBatch]:
        yield batch()
        yield batch(('a"b', "m,1", 0, None), ("ż", "m2", 1_500, 1.25))

    pieces = [piece async for piece in csv_rows(batches(), LABELS, ("power_w",))]
    found = list(csv.reader(io.StringIO(b"".join(pieces).decode())))
    assert found == [
        ["site", "meter", "at", "at_ms", "power_w"],
        ['a"b', "m,1", "1970-01-01T00:00:00.000+00:00", "0", ""],
        ["ż", "m2", "1970-01-01T00:00:01.500+00:00", "1500", "1.25"],
    ]
