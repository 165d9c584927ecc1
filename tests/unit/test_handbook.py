"""What the handbook tells people to write into their configuration is what the service takes."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from runtime.options import parse_duration
from settings import Settings, resolve
from telemetry.retention import RetentionOptions

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md")))
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TABLE = re.compile(r"`\[+([a-z_.]+)\]+(?: ([a-z_]+))?")


BLOCKS = [
    pytest.param(found, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, found in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_the_handbook_is_a_configuration(block: str) -> None:
    resolve(_completed(tomllib.loads(block)))


def test_there_are_blocks_to_judge() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_that_the_handbook_names_exists(page: Path) -> None:
    for name, key in TABLE.findall(page.read_text(encoding="utf-8")):
        known: object = Settings
        for part in [*name.split("."), *([key] if key else [])]:
            if not (isinstance(known, type) and issubclass(known, BaseModel)):
                break  # tables of plugins, whose keys their own tests hold against the handbook
            assert part in known.model_fields, f"{page.name} names {part} of [{name}], which lacks it"
            known = known.model_fields[part].annotation


def test_how_long_is_kept_stands_there_as_the_service_takes_it() -> None:
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    keys = RetentionOptions.model_fields
    assert [key for key, _default, _least in rows] == list(keys)
    for key, default, least in rows:
        assert parse_duration(default) == keys[key].default
        told: dict[str, str | timedelta] = {
            "raw": "1000d",
            "minute": "1001d",
            "hour": "1002d",
            "accounting": "400d",
        }
        told[key] = told.get(least, least)
        RetentionOptions.model_validate(told)
        told[key] = parse_duration(told[key]) - timedelta(seconds=1)
        with pytest.raises(ValidationError):
            RetentionOptions.model_validate(told)


def test_every_page_is_found_by_links_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            assert target.exists(), f"{page.name} leads to {link}, which is not there"
            if target.suffix == ".md" and target not in reached:
                ahead.append(target)
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= reached


def _completed(tables: dict[str, Any]) -> dict[str, Any]:
    """A fragment with the channels that its routes name, and with what a site needs and it leaves out."""
    known = {channel["name"] for channel in tables.get("channel", [])}
    named = {name for route in tables.get("route", []) for name in route["to"]}
    for name in sorted(named - known):
        tables.setdefault("channel", []).append({"type": "mqtt", "name": name})
    sites = tables.setdefault("sites", {})
    for name in [*sites, *(target["site"] for target in tables.get("target", []))]:
        meters = [{"id": "main", "role": "utility"}, {"id": "ups", "role": "it", "category": "pue1"}]
        site = {"name": name, "zone": "Europe/Warsaw", "grid": "PL", "meter": meters}
        sites[name] = site | sites.get(name, {})
    return tables
