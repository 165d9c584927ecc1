"""The data set as files: JSON for machines, CSV for people and for the national form."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from reports.eu.data_set import DataSet, Entry
from reports.eu.items import ACT
from reports.render.csv import cell

CHECK = "letter to be checked against the Official Journal"

COLUMNS = ("annex", "key", "symbol", "label", "value", "unit", "source", "note", "annex_note")


def as_json(found: DataSet) -> dict[str, Any]:
    """What is measured, declared, derived and missing apart, each item with its annex point."""
    return {
        "act": ACT,
        "site": found.site,
        "year": found.year,
        "state": found.state,
        "measured": [line(entry) for entry in found.of("measured")],
        "declared": [line(entry) for entry in found.of("declared")],
        "derived": [line(entry) for entry in found.of("derived")],
        "missing": [line(entry) for entry in found.missing],
        "problems": list(found.problems),
    }


def line(entry: Entry) -> dict[str, Any]:
    """One item with its value, or why it has none."""
    item, told = entry.item, entry.told
    return {
        "key": item.key,
        "symbol": item.symbol,
        "unit": item.unit,
        "annex": item.annex,
        "annex_note": "" if item.letter_checked else CHECK,
        "group": item.group,
        "label": item.label,
        "value": None if told is None else told.value,
        "source": None if told is None else told.source,
        "note": entry.reason if told is None else told.note,
    }


def json_file(found: DataSet) -> bytes:
    """UTF-8, indented, the same bytes for the same set."""
    return msgspec.json.format(msgspec.json.encode(as_json(found)), indent=2) + b"\n"


def csv_file(found: DataSet) -> bytes:
    """A line per item in the order of the act, empty where nothing is told; no text in it is a formula.

    Filled in, the same file is a declaration.
    """
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in found.entries:
        told = line(entry)
        value = told["value"]
        told["value"] = "; ".join(value) if isinstance(value, list) else value
        writer.writerow([cell(told[name]) for name in COLUMNS])
    return b"\xef\xbb\xbf" + target.getvalue().encode()
