"""The benchmarks work: tiny runs, of which only the counts are judged; longer ones write their table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.bench import MARKS, ROWS, Line, rewrite
from benchmarks.figure import Figure, tell, told
from tests.acceptance.service_process import ROOT

MESSAGES = 400
"""What a tiny run sends: 200 a second for two seconds."""


def bench(document: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.bench", "--document", str(document), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


TABLE = f"# Before\n\n{MARKS[0]}\n| memory | 1 MB | measured before | met | `it` |\n{MARKS[1]}\n\nAfter.\n"


def test_tiny_runs_lose_nothing_judge_nothing_and_leave_the_table(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(TABLE, encoding="utf-8")
    found = told(bench(document, "--smoke"))
    assert document.read_text(encoding="utf-8") == TABLE
    assert [figure.met for figure in found] == [None] * len(found)
    figures = {figure.what: figure for figure in found}
    sustained = figures.pop("sustained, 200 messages/s").counts
    assert sustained["sent"] == sustained["acknowledged"] == MESSAGES
    assert sustained["rows"] == sustained["stored"] > 8 * MESSAGES, "what warmed it up is in it"
    assert sustained["odd"] == 0
    settled = figures.pop("settle 2 days of 2 sites, 4 meters each").counts
    assert settled["stored"] == settled["rows"] == 2 * 8 * (2 * 96 + 1), "the quarter before the first counts"
    assert {
        "figures of a month, cold",
        "figures of a month, again",
        "seal a day of one site",
    } <= figures.keys()
    acknowledged, shown = (figure.counts for figure in figures.values() if figure.counts)
    assert acknowledged["acknowledged"] == acknowledged["sent"] > MESSAGES
    assert acknowledged["stored"] == acknowledged["rows"]
    assert shown["shown"] == shown["probed"] > 0


def test_a_longer_run_writes_its_rows_and_leaves_the_others(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(TABLE, encoding="utf-8")
    for value in ("1.0", "2.0"):
        rewrite(document, [Line(Figure("delay", "under 3", value, True), "measure")], "A note.")
    text = document.read_text(encoding="utf-8")
    assert text.startswith("# Before")
    assert text.endswith("After.\n")
    assert "| memory | 1 MB | measured before | met | `it` |" in text
    assert "| delay | under 3 | 2.0 | met | `measure` |" in text
    assert text.count("| delay |") == text.count("A note.") == 1


@pytest.mark.parametrize(
    "counts",
    [{"sent": 5, "acknowledged": 4}, {"rows": 8, "stored": 9}, {"probed": 2, "shown": 1}, {"odd": 1}],
)
def test_a_benchmark_fails_whose_counts_are_not_right(
    counts: Mapping[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    tell([Figure("sound", "none set", "1", None, {"sent": 5, "acknowledged": 5, "odd": 0})])
    with pytest.raises(SystemExit) as ended:
        tell([Figure("unsound", "none set", "1", True, counts)])
    assert "unsound" in str(ended.value.code)
    assert "sound: 1 (goal: none set; not judged)" in capsys.readouterr().out


def test_every_benchmark_of_the_table_is_there() -> None:
    for row in ROWS:
        assert (ROOT / "benchmarks" / f"{row.module}.py").exists()
