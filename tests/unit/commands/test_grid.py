"""``service.py grid import``: hours from files, each file that is of no use named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from commands.cli import cli
from tests.unit.energy.carbon.documents import acknowledgement, document, series

AT = datetime(2026, 10, 5, tzinfo=UTC)


def test_hours_of_files_are_kept_and_what_is_of_no_use_is_named(tmp_path: Path) -> None:
    config = tmp_path / "amberwatt.toml"
    config.write_text('[service]\ndata_dir = "var"\n', encoding="utf-8")
    (tmp_path / "var").mkdir()
    good, empty, missing = tmp_path / "good.xml", tmp_path / "empty.xml", tmp_path / "missing.xml"
    good.write_bytes(document(series("B05", AT, [500.0, 510.0, None], length=3)))
    empty.write_bytes(acknowledgement())
    asked = ["grid", "import", "--config", str(config), str(empty), str(good), str(missing)]
    found = CliRunner().invoke(cli, asked)
    assert found.exit_code == 1
    assert f"{good}: PL: 2 hours new, 0 changed, 0 as before, 1 incomplete and not kept" in found.output
    assert f"{empty}: nothing was kept: No matching data found" in found.output
    assert f"{missing}: No such file or directory" in found.output
    again = CliRunner().invoke(cli, ["grid", "import", "--config", str(config), str(good)])
    assert again.exit_code == 0
    assert "0 hours new, 0 changed, 2 as before" in again.output
