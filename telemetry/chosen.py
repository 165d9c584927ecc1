"""Which stores the ``[[store]]`` tables ask for, checked in themselves and against one another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import telemetry.stores
from runtime.options import shown
from runtime.plugin_table import Chosen, choose
from telemetry.catalogue import MEASUREMENTS
from telemetry.follower import FollowOptions
from telemetry.store import STORES, Store
from telemetry.stored import STORED

RESERVED = frozenset({"ledger", "rollups", "workloads"})
"""Names under which the journal keeps the places of its other followers."""

_NAME = re.compile(r"[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,59}")
"""A store's name is part of the name of a file."""


def choose_stores(tables: Any, data_dir: Path, problems: list[str]) -> list[Chosen[Store]]:
    """The stores of ``tables`` in their order; what is wrong with any is added to ``problems``."""
    STORES.load(telemetry.stores)
    chosen: list[Chosen[Store]] = []
    if tables in ([], ()):
        problems.append('store: is empty; write at least [[store]] with type = "duckdb"')
    for number, row in enumerate(tables if isinstance(tables, list | tuple) else []):
        if not isinstance(row, Mapping):
            continue  # told of the whole file
        one = choose(STORES, row, f"store[{number}]")
        if isinstance(one, list):
            problems += one
            continue
        problems += _name_problems(row.get("name", one.name), f"store[{number}]")
        problems += _beside(one, chosen, f"store[{number}]", data_dir)
        problems += _measurement_problems(one, f"store[{number}]", is_read=number == 0)
        chosen.append(one)
    return chosen


def _name_problems(name: Any, where: str) -> Iterator[str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{where}.name: {shown(name)} is no name; write up to 60 characters without /"
    elif name in RESERVED:
        yield f"{where}.name: {name!r} is taken by a part of the service; name it otherwise"


def _beside(one: Chosen[Store], others: Sequence[Chosen[Store]], where: str, data_dir: Path) -> Iterator[str]:
    """What is wrong between ``one`` and the stores before it."""
    file = _file(one, data_dir)
    for number, other in enumerate(others):
        if one.name == other.name:
            yield f"{where}: two stores are named {one.name!r}; give each a name of its own"
        if file is not None and file == _file(other, data_dir):
            yield (
                f"{where}.path: {file} is the file of store[{number}] too, so every row would be in it "
                "twice; give each its own path"
            )


def _file(one: Chosen[Store], data_dir: Path) -> Path | None:
    with suppress(ValueError):  # a path that no file can have: opening it will tell
        return one.options.file(data_dir) if isinstance(one.options, FollowOptions) else None
    return None


def _measurement_problems(one: Chosen[Store], where: str, *, is_read: bool) -> Iterator[str]:
    if not isinstance(one.options, FollowOptions):
        return
    patterns = one.options.measurements
    for pattern in patterns:
        if not _taken(STORED, (pattern,)):
            known = ", ".join(STORED)
            yield f"{where}.measurements: {shown(pattern)} matches no measurement; there are: {known}"
    lacking = [name for name in MEASUREMENTS if name not in _taken(MEASUREMENTS, patterns)]
    if is_read and lacking:
        yield (
            f"{where}.measurements: lacks {', '.join(lacking)}, but pages, ledger and reports read the first "
            "store; remove measurements there, or put a store that takes everything first"
        )


def _taken(names: Collection[str], patterns: Sequence[str]) -> list[str]:
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
