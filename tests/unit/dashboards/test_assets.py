"""The bundle: its names, its headers, and what is said when it is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import hatch_build
from dashboards.assets import Assets, mount_static
from runtime.errors import ServiceError


def bundle(folder: Path, digest: str = "3QX7") -> Path:
    """A folder as esbuild leaves it."""
    folder.mkdir(exist_ok=True)
    (folder / f"app-{digest}.js").write_text("export {};")
    (folder / "chunk-AAAA.js").write_text("export {};")
    outputs = {
        f"dashboards/static/dist.new/app-{digest}.js": {"entryPoint": "dashboards/web/app.js"},
        "dashboards/static/dist.new/chunk-AAAA.js": {},
    }
    (folder / "meta.json").write_text(json.dumps({"outputs": outputs}))
    return folder


def test_entries_are_found_by_their_source_name(tmp_path: Path) -> None:
    assets = Assets.read(bundle(tmp_path))
    assert assets.url("app.js") == "/static/app-3QX7.js"
    with pytest.raises(KeyError, match="chunk"):
        assets.url("chunk.js")


def test_another_content_is_another_build(tmp_path: Path) -> None:
    first = Assets.read(bundle(tmp_path / "a", "AAAA")).build
    assert first == Assets.read(bundle(tmp_path / "b", "AAAA")).build
    assert first != Assets.read(bundle(tmp_path / "c", "BBBB")).build


def test_a_missing_bundle_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"python hatch_build\.py"):
        Assets.read(tmp_path)


async def test_files_may_be_kept_for_ever_and_absent_ones_not(tmp_path: Path) -> None:
    app = FastAPI()
    assets = mount_static(app, bundle(tmp_path))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        found = await client.get(assets.url("app.js"))
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
        absent = await client.get("/static/none.js")
        assert absent.status_code == 404
        assert "immutable" not in absent.headers.get("cache-control", "")


def test_the_bundle_is_stale_when_a_source_is_newer(tmp_path: Path) -> None:
    assert not hatch_build.stale(tmp_path), "an sdist without sources carries its bundle"
    source = tmp_path / hatch_build.WEB / "app.js"
    source.parent.mkdir(parents=True)
    source.write_text("")
    assert hatch_build.stale(tmp_path)
    built = tmp_path / hatch_build.DIST / "meta.json"
    built.parent.mkdir(parents=True)
    built.write_text("{}")
    newer = source.stat().st_mtime + 10

    os.utime(built, (newer, newer))
    assert not hatch_build.stale(tmp_path)


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((Path(hatch_build.__file__).parent / "package-lock.json").read_text())
    assert lock["packages"]
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_an_unknown_argument_of_the_build_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert hatch_build.main(["--fast"]) == 2
    assert "--if-changed" in capsys.readouterr().err
