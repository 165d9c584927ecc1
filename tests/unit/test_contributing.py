"""What CONTRIBUTING.md promises is so: one file in the right folder, and the service has what is in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alerts.message import CHANNELS
from alerts.options import load_plugins
from collectors.decoder import DECODERS
from collectors.source import SOURCES
from settings import read
from telemetry.catalogue import MEASUREMENTS, Kind
from telemetry.store import STORES
from tests.contract.test_source import CLIENTS
from tests.contract.test_store import HOUSES
from tests.plugins.guests import FOLDERS, HERE

ROOT = Path(__file__).resolve().parents[2]
TABLE = re.compile(r"^\| ([a-zA-Z ]+) \| `([a-z/_]+)/<name>\.py` \|", re.MULTILINE)
WIRE = re.compile(r"^\| `dc/v1/([^`]+)` \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
FIELD = re.compile(r"`(\w+)`")
CUMULATIVE = re.compile(r"`(\w+)` \(cumulative\)")

FILE = """
[broker]
client = "carrier"
[ingest]
decoder = "plain"
[[store]]
type = "shelf"
boards = 5
[sites.gdansk]
name = "Gdańsk"
zone = "Europe/Warsaw"
grid = "PL"
meter = [{ id = "main-1", role = "utility" }, { id = "ups-a", role = "it", category = "pue1" }]
[[rule]]
type = "anything"
least = 1
[[channel]]
type = "drawer"
name = "top"
folder = "."
[[route]]
match = { rule = "anything" }
to = ["top"]
[service]
listen = "127.0.0.1:0"
data_dir = "data"
"""


def guests(verb: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.plugins.guests", verb, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def rows() -> dict[str, Path]:
    """The folder that CONTRIBUTING.md names for each kind of plugin."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return {kind: Path(folder) for kind, folder in TABLE.findall(text)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that names a plugin of every kind that a configuration can name."""
    path = tmp_path_factory.mktemp("guests") / "amberwatt.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def told(file: Path) -> dict[str, Any]:
    """What the service did with them, see :mod:`tests.plugins.guests`."""
    ran = guests("try", file)
    assert ran.returncode == 0, ran.stderr[-4000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_every_row_is_followed_by_one_file_here() -> None:
    assert sorted(rows().values()) == FOLDERS
    assert all(len(list((HERE / folder).glob("*.py"))) == 1 for folder in FOLDERS)


def test_every_registry_of_the_house_has_its_row() -> None:
    rooms = {folder.parts[0] for folder in FOLDERS}
    declared = [
        path.relative_to(ROOT)
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"^[A-Z]+\S*( = |: )Registry\[", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(declared) == len(FOLDERS), declared


def test_the_check_takes_a_plugin_of_every_kind(file: Path) -> None:
    ran = guests("check", file)
    assert ran.returncode == 0, ran.stderr
    effective = json.loads(ran.stdout)
    assert effective["broker"]["client"] == "carrier"
    assert effective["ingest"]["decoder"] == "plain"
    assert (effective["store"][0]["type"], effective["store"][0]["boards"]) == ("shelf", 5)
    assert effective["channel"] == [{"type": "drawer", "name": "top", "folder": str(file.parent)}]


def test_the_check_names_what_is_wrong_in_the_options_of_a_plugin(tmp_path: Path) -> None:
    file = tmp_path / "amberwatt.toml"
    wrong = FILE.replace("boards = 5", 'boards = "many"').replace("least", "lest").replace("folder", "fodler")
    file.write_text(wrong, encoding="utf-8")
    ran = guests("check", file)
    assert ran.returncode == 2
    for place in (
        "store[0].boards: ",
        "rule[0].lest: anything has no such key",
        "channel[0].folder: drawer needs",
    ):
        assert place in ran.stderr


def test_source_decoder_and_store_bring_a_message_to_the_pages(told: dict[str, Any]) -> None:
    (series,) = told["series"]
    assert series["labels"] == {"site": "gdansk", "meter": "main-1"}
    assert [value for _, value in series["points"]] == [412_300.0]
    assert (told["ingest"]["received"], told["ingest"]["acknowledged"]) == (1, 1)
    assert told["ingest"]["stores"][0]["name"] == "shelf"


def test_rule_and_channel_tell_people(told: dict[str, Any]) -> None:
    assert "anything" in told["alerts"]
    assert "It has arrived" in told["message"]


def test_a_kpi_is_in_the_api(told: dict[str, Any]) -> None:
    assert told["kpi"]["more"]["grid_share"] is None
    assert told["kpi"]["withheld"]["grid_share"].startswith("E_DC is ")


def test_a_report_format_is_offered(told: dict[str, Any]) -> None:
    assert told["formats"] == ["pdf", "xlsx", "csv", "json", "txt"]
    assert told["content_type"] == "text/plain; charset=utf-8"
    assert told["reports"] == 200


def test_what_must_be_tested_beside_the_file_is() -> None:
    read(None)
    load_plugins()
    assert sorted(CLIENTS) == list(SOURCES)
    assert set(STORES) <= set(HOUSES)
    assert all((ROOT / "tests" / "cases" / name / "meter").is_dir() for name in DECODERS)
    suite = (ROOT / "tests" / "contract" / "test_channel.py").read_text(encoding="utf-8")
    assert [name for name in CHANNELS if f'"{name}"' not in suite] == []


def test_the_wire_contract_and_the_catalogue_agree() -> None:
    text = (ROOT / "docs" / "wire-contract.md").read_text(encoding="utf-8")
    written: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    counters: dict[str, set[str]] = {}
    for topic, cell in WIRE.findall(text):
        literal = next(level for level in reversed(topic.split("/")) if not level.startswith("{"))
        written[literal] = tuple(PLACEHOLDER.findall(topic)), tuple(FIELD.findall(cell))
        counters[literal] = set(CUMULATIVE.findall(cell))
    known = {
        m.name: (tuple(label for label in m.labels if label != "gpu"), m.field_names)
        for m in MEASUREMENTS.values()
    }
    assert written == known
    assert counters == {
        m.name: {f.name for f in m.fields if f.kind is Kind.COUNTER} for m in MEASUREMENTS.values()
    }


def test_a_registry_of_certificates_is_known(told: dict[str, Any]) -> None:
    assert told["registries"] == ["EE", "LT", "PL"]
