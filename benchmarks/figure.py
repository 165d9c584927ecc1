"""One measured figure beside its goal: what a benchmark hands to the table of docs/performance.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

MARK = "figures: "
"""What the line begins with in which a benchmark tells its figures to ``benchmarks.bench``."""


EQUAL = (("sent", "acknowledged"), ("rows", "stored"), ("probed", "shown"))
"""Counts that must be equal: messages, rows, and readings of a probe; ``odd`` ones must not be."""


@dataclass(frozen=True)
class Figure:
    """``what`` was measured as ``value``; ``met`` says whether that is within ``goal``, None if nobody can.

    ``counts`` are what must be right however slow the machine is, named as in :data:`EQUAL`.
    """

    what: str
    goal: str
    value: str
    met: bool | None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def uncounted(self) -> list[str]:
        """What of the counts differs that must be equal."""
        pairs = [(one, other) for one, other in EQUAL if one in self.counts and other in self.counts]
        told = [
            f"{one} {self.counts[one]:,}, {other} {self.counts[other]:,}"
            for one, other in pairs
            if self.counts[one] != self.counts[other]
        ]
        return told + ([f"odd {self.counts['odd']:,}"] if self.counts.get("odd") else [])


def tell(figures: Sequence[Figure]) -> None:
    """Print ``figures`` for people and, unless a terminal reads it, in a line for the program of the table.

    Ends the program with 1 when their counts are not right: what was lost or doubled was not measured.
    """
    for one in figures:
        sys.stdout.write(f"{one.what}: {one.value} (goal: {one.goal}; {verdict(one.met)})\n")
    if not sys.stdout.isatty():
        sys.stdout.write(MARK + msgspec.json.encode(figures).decode() + "\n")
    wrong = [f"{one.what}: {', '.join(one.uncounted)}" for one in figures if one.uncounted]
    if wrong:
        sys.exit("; ".join(wrong))


def told(output: str) -> list[Figure]:
    """The figures in the output of a benchmark; none if it told none."""
    for line in output.splitlines():
        if line.startswith(MARK):
            return msgspec.json.decode(line.removeprefix(MARK), type=list[Figure])
    return []


def judged(within: bool, whole: bool) -> bool | None:
    """Whether a goal is met: a run that was not as long as the goal asks can only show that it is missed."""
    return within and (True if whole else None)


def verdict(met: bool | None) -> str:
    """``met`` in a word."""
    return {True: "met", False: "missed", None: "not judged"}[met]


def load_arguments(description: str | None, seconds: float) -> argparse.ArgumentParser:
    """The options of every benchmark that puts the service under load."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--nodes", type=int, default=12_500, help="nodes of 8 GPUs")
    parser.add_argument("--rate", type=float, default=12_500, help="messages a second of all nodes")
    parser.add_argument("--seconds", type=float, default=seconds, help="how long the load lasts")
    parser.add_argument("--connections", type=int, default=50, help="of the publisher")
    parser.add_argument("--client", help="MQTT client of the service; its own default if not given")
    return parser
