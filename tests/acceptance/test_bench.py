"""The benchmarks work, and write their table: tiny runs, of which only the counts are judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.bench import MARKS, ROWS
from benchmarks.figure import told
from tests.acceptance.service_process import ROOT

MESSAGES = 400
"""What a tiny run sends: 200 a second for two seconds."""


def bench(document: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.bench", "--document", str(document), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_tiny_runs_lose_nothing_and_fill_the_table(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    kept = "| memory | 1 MB | measured before | met | `it` |"
    document.write_text(f"# Before\n\n{MARKS[0]}\n{kept}\n{MARKS[1]}\n\nAfter.\n", encoding="utf-8")
    figures = {figure.what: figure for figure in told(bench(document, "--smoke"))}
    sustained = figures.pop("sustained, 200 messages/s").counts
    assert sustained["sent"] == sustained["acknowledged"] == MESSAGES
    assert sustained["rows"] == sustained["stored"] > 8 * MESSAGES, "what warmed it up is in it"
    assert sustained["odd"] == 0
    for delays in figures.values():
        assert delays.counts["acknowledged"] == delays.counts["sent"] > MESSAGES
        assert delays.counts["shown"] > 0
    assert len(figures) == 2
    text = document.read_text(encoding="utf-8")
    assert text.startswith("# Before")
    assert text.endswith("After.\n")
    assert kept in text
    assert all(f"| {what} |" in text for what in figures)


def test_every_benchmark_of_the_table_is_there() -> None:
    for row in ROWS:
        assert (ROOT / "benchmarks" / f"{row.module}.py").exists()
