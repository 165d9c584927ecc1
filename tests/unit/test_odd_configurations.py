"""Any value in any place of a configuration: ``check`` answers with what is wrong or with the whole of it."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.cli import check

ROOT = Path(__file__).resolve().parents[2]

Place = tuple[str | int, ...]

ODD: tuple[Any, ...] = (
    [],
    {},
    -1,
    1e308,
    "",
    "x" * 10_000,
    True,
    None,
    {"a": {"b": [1]}},
    [[1]],
    [{}],
    float("inf"),
    10**400,
    "99999999999d",
    "\x00",
)

MORE: dict[str, Any] = {
    "rule": [{"type": "pue_limit", "on_delay": "30m", "enabled": True}],
    "inhibit": [{"when": {"key": "silent/*"}, "mute": {"rule": "completeness"}, "same": "site"}],
    "delivery": {"timeout": "30s", "concurrency": 4},
    "store": [
        {"type": "duckdb"},
        {"type": "influx", "name": "far", "url": "http://127.0.0.1:8086", "database": "a", "safety": "60s"},
    ],
}
CHANNELS: list[dict[str, Any]] = [
    {"type": "webhook", "name": "hook", "url": "https://hooks.example.org/x", "headers": {"a": "b"}},
    {"type": "alertmanager", "name": "keeper", "urls": ["http://127.0.0.1:9093"], "resend": "1m"},
    {"type": "apprise", "name": "chat", "url": "json://127.0.0.1"},
]


def whole() -> dict[str, Any]:
    """The example with one of each plugin table that it lacks."""
    example = tomllib.loads((ROOT / "amberwatt.example.toml").read_text(encoding="utf-8"))
    return {**example, **MORE, "channel": [*example["channel"], *CHANNELS]}


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where every table, list and value stands."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, below in inner:
        yield (*above, key)
        yield from places(below, (*above, key))


def put(tables: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """``tables`` with ``value`` at ``place``."""
    changed = copy.deepcopy(tables)
    table: Any = changed
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    return changed


def judged(tables: dict[str, Any], file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of ``service.py check`` and what it says."""
    file.write_text(json.dumps(tables), encoding="utf-8")
    try:
        check(file)
    except SystemExit as end:
        return int(end.code or 0), capsys.readouterr().err
    return 0, capsys.readouterr().out


def test_the_whole_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = judged(whole(), tmp_path / "a.json", capsys)
    assert code == 0, told


@pytest.mark.parametrize("table", [*whole()])
def test_odd_values_are_answered(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables, codes = whole(), set()
    for place in [(table,), *places(tables[table], (table,))]:
        for odd in ODD:
            code, told = judged(put(tables, place, odd), tmp_path / "a.json", capsys)
            codes.add(code)
            assert code in (0, 2), (place, odd)
            assert told.strip(), (place, odd)
            if code == 2:
                assert told.startswith("The configuration has "), (place, odd, told)
                assert all(len(line) < 600 for line in told.splitlines()), (place, odd)
    assert 2 in codes


@pytest.mark.parametrize("odd", [[], {}, "", 5, None], ids=repr)
@pytest.mark.parametrize("table", ["store", "channel", "rule"])
def test_an_odd_type_names_its_table_and_key(
    table: str, odd: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = judged({table: [{"type": odd, "name": "a"}]}, tmp_path / "a.json", capsys)
    assert code == 2
    assert f"{table}[0].type: " in told
    assert "there are: " in told


@pytest.mark.parametrize("odd", [[], {}, "", 5, "a\nb", "x" * 101], ids=lambda odd: repr(odd)[:9])
@pytest.mark.parametrize(("table", "kind"), [("store", "duckdb"), ("channel", "mqtt")])
def test_an_odd_name_names_its_table_and_key(
    table: str, kind: str, odd: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {table: [{"type": kind, "name": odd}, {"type": kind, "name": odd}]}
    code, told = judged(tables, tmp_path / "a.json", capsys)
    assert code == 2
    assert f"{table}[0].name: " in told


def test_a_store_is_named_like_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = judged({"store": [{"type": "duckdb", "name": "../../etc/x"}]}, tmp_path / "a.json", capsys)
    assert code == 2
    assert "store[0].name: '../../etc/x' is no name" in told


def test_a_channel_cannot_be_stopped_like_a_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channel = {"type": "mqtt", "name": "bus", "enabled": False}
    code, told = judged({"channel": [channel]}, tmp_path / "a.json", capsys)
    assert code == 2
    assert "channel[0].enabled: mqtt has no such key" in told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "a=" + "[" * 30_000),
        ("a.toml", "a.b=" + "{a=" * 30_000),
        ("a.json", "[" * 30_000),
        ("a.json", '{"a":' * 30_000),
    ],
)
def test_a_file_that_is_nested_without_end(
    name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        check(file)
    assert end.value.code == 2
    assert "is nested too deep" in capsys.readouterr().err
