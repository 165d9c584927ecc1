"""Runs every benchmark of the table in docs/performance.md, one after the other, and rewrites the table.

``--quick`` takes short runs. ``--smoke`` takes tiny ones that only show that the benchmarks work: they judge
nothing, and leave the table as it is. ``--only`` takes those whose name holds a text; the other rows of the
table stay.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figure import Figure, tell, told, verdict

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "performance.md"
MARKS = "<!-- bench -->", "<!-- /bench -->"
_HEAD = "| figure | goal | measured | goal is | command |"
_TO_RUN = "to run"
_SMALL = "--nodes 40 --rate 200 --connections 4 --seconds 2"


@dataclass(frozen=True)
class Row:
    """A benchmark and its arguments for a full run, a quick and a tiny one (None: not part of that)."""

    module: str
    full: str
    quick: str
    smoke: str | None = None

    def arguments(self, length: str) -> list[str] | None:
        """What follows ``python -m`` in a run of this ``length``."""
        chosen: str | None = getattr(self, length)
        return None if chosen is None else [f"benchmarks.{self.module}", *chosen.split()]


ROWS = (
    Row("sustained", "--rate 12500 --seconds 600", "--rate 12500 --seconds 20", _SMALL),
    Row("sustained", "--rate 25000 --nodes 25000 --seconds 600", "--rate 25000 --nodes 25000 --seconds 20"),
    Row("cpu", "--seconds 300", "--seconds 80"),
    Row("delays", "--seconds 300", "--seconds 20", _SMALL),
    Row("memory", "--seconds 3600", "--seconds 60"),
    Row("catch_up", "--outage 600", "--outage 60"),
    Row("catch_up", "--outage 600 --where broker", "--outage 60 --where broker"),
    Row("disk", "--seconds 600", "--seconds 250"),
    Row("queries", "", "--hours 6"),
    Row("start", "--rows 5000000", "--rows 5000000"),
    Row("page", "", "--seconds 15"),
    Row("settle_year", "", "--days 31", "--days 2 --meters 4"),
    Row("completeness", "", "--no-memory"),
    Row("peers", "--seconds 60", "--seconds 8"),
)
"""The benchmarks in the order of the table."""


@dataclass(frozen=True)
class Line:
    """A figure and the command that measured it."""

    figure: Figure
    command: str

    def cells(self) -> str:
        """As a line of the table."""
        one = self.figure
        parts = (one.what, one.goal, one.value, verdict(one.met), f"`{self.command}`")
        return "| " + " | ".join(part.replace("|", "/") for part in parts) + " |"


def run(row: Row, arguments: Sequence[str]) -> list[Line]:
    """Run ``row`` in a process of its own; when it fails, a line says so."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    command = " ".join([".venv/bin/python", "-m", *arguments])
    figures = told(done.stdout)
    if done.returncode or not figures:
        sys.stderr.write(done.stdout + done.stderr)
        last = (done.stderr.strip().splitlines() or ["it told no figure"])[-1]
        figures = [Figure(row.module, _TO_RUN, f"failed: {last}", False)]
    return [Line(figure, command) for figure in figures]


def rewrite(document: Path, lines: Sequence[Line], note: str) -> None:
    """Put ``lines`` into the table between the marks of ``document``; lines of other figures stay."""
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0], 1)
    old, after = rest.split(MARKS[1], 1)
    rows = {_first(row): row for row in old.splitlines() if row.startswith("| ") and row != _HEAD}
    rows |= {line.figure.what: line.cells() for line in lines}
    table = "\n".join([note, "", _HEAD, "|---|---|---|---|---|", *rows.values()])
    document.write_text(f"{before}{MARKS[0]}\n\n{table}\n\n{MARKS[1]}{after}", encoding="utf-8")


def _first(row: str) -> str:
    return row.split(" | ", 1)[0].removeprefix("| ")


def _note(length: str) -> str:
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}"
    kind = {"full": "full runs", "quick": "short runs (`--quick`)"}[length]
    return f"Last rewritten by `scripts/bench` on {machine}, from {kind}."


def _unjudged(line: Line) -> Line:
    """Two seconds say nothing about a goal, good or bad; that it runs at all a benchmark can miss."""
    return line if line.figure.goal == _TO_RUN else replace(line, figure=replace(line.figure, met=None))


def main() -> None:
    """Parse the arguments, run, rewrite; exit code 1 when a benchmark failed to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", dest="length", action="store_const", const="quick", default="full")
    parser.add_argument("--smoke", dest="length", action="store_const", const="smoke")
    parser.add_argument("--only", default="", help="part of the name of the benchmarks to run")
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    options = parser.parse_args()
    lines: list[Line] = []
    for row in ROWS:
        arguments = row.arguments(options.length)
        if arguments is not None and options.only in row.module:
            found = run(row, arguments)
            if options.length == "smoke":
                found = [_unjudged(line) for line in found]
            else:
                rewrite(options.document, found, _note(options.length))
            lines += found
    tell([line.figure for line in lines])
    sys.exit(any(line.figure.goal == _TO_RUN for line in lines))


if __name__ == "__main__":
    main()
