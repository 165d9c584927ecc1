"""A registry's file as bundles: every line that is wrong is named, and then none of them is taken."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from energy.certificates.bundle import Bundle
from energy.certificates.mapping import FIELDS
from energy.certificates.plants import in_words
from energy.certificates.registry import RegistryRules
from energy.certificates.row import bundle_of

LONGEST = 20_000
"""Lines; hourly certificates of two plants for a year."""

YOUNG = 10
"""Years; what the draft of the EU's rating scheme for data centres lets a plant be at most, told only."""

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Source:
    """A file as it came: its name, for people, and its bytes."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """By which the same file is known again."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Remark:
    """What is to be said of one ``line`` of a file; 0 is the file as a whole."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(frozen=True)
class Sheet:
    """What a file holds: ``bundles`` of the lines that are right, what is ``wrong``, and ``notes``."""

    bundles: tuple[Bundle, ...]
    wrong: tuple[Remark, ...]
    notes: tuple[Remark, ...]


def read_sheet(source: Source, rules: RegistryRules, at: datetime) -> Sheet:
    """Read ``source`` by ``rules``; what expires by ``at`` is wrong, what is of a foreign zone is noted."""
    rows = lines_of(source, rules.delimiter, LONGEST)
    if isinstance(rows, Remark):
        return Sheet((), (rows,), ())
    columns, missing = _columns(rows[0][1], rules)
    if missing:
        return Sheet((), tuple(Remark(rows[0][0], problem) for problem in missing), ())
    return _sheet(rows[1:], columns, rules, at)


def _sheet(
    rows: Sequence[tuple[int, list[str]]], columns: dict[str, int], rules: RegistryRules, at: datetime
) -> Sheet:
    bundles: list[Bundle] = []
    wrong: list[Remark] = []
    for line, row in rows:
        cells = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
        found = bundle_of(cells, line, rules, at)
        if isinstance(found, Bundle):
            bundles.append(found)
        else:
            wrong += [Remark(line, problem) for problem in found]
    wrong += _repeated(bundles)
    notes = [note for bundle in bundles for note in _notes(bundle, rules)]
    return Sheet(tuple(bundles), tuple(sorted(wrong, key=lambda remark: remark.line)), tuple(notes))


def lines_of(source: Source, usual: str, longest: int) -> list[tuple[int, list[str]]] | Remark:
    """The lines of a CSV file with their numbers, headers first, no empty ones; or why it cannot be read.

    ``usual`` is the delimiter of such files, ``longest`` how many lines beside the headers one may have.
    """
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _unreadable("is no UTF-8 text; save it as CSV in UTF-8")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, usual))
    try:
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        return _unreadable(f"is no CSV: {error}")
    if len(rows) < 2:
        return _unreadable("holds no rows; write a line of headers, then its rows")
    if len(rows) - 1 > longest:
        return _unreadable(f"holds {len(rows) - 1:,} rows; at most {longest:,} can be read at once")
    return rows


def _unreadable(problem: str) -> Remark:
    return Remark(0, f"the file {problem}")


def _delimiter(text: str, usual: str) -> str:
    """The usual one, unless the line of headers has none of it but another."""
    headers = text.lstrip().partition("\n")[0]
    return usual if usual in headers else max(_DELIMITERS, key=headers.count)


def _columns(headers: Sequence[str], rules: RegistryRules) -> tuple[dict[str, int], list[str]]:
    """The place of each field, and what is missing or told twice."""
    plain = [" ".join(header.lower().split()) for header in headers]
    found: dict[str, int] = {}
    for name in FIELDS:
        known = [header.lower() for header in rules.headers(name) if header.lower() in plain]
        if known:
            found[name] = plain.index(known[0])
    needed = ("number_from", "production_start", "production_end", "plant")
    wrong = [
        f"no column tells {name}: call it {' or '.join(map(repr, rules.headers(name)))}, or name its header "
        "in [[certificates]] columns"
        for name in needed
        if name not in found
    ]
    twice = sorted({header for header in plain if header and plain.count(header) > 1})
    return found, [*wrong, *(f"two columns are called {header!r}" for header in twice)]


def _repeated(bundles: Iterable[Bundle]) -> list[Remark]:
    ordered = sorted(bundles, key=lambda bundle: (bundle.series, bundle.first, bundle.line))
    found, widest = [], None
    for bundle in ordered:
        if widest is not None and bundle.overlaps(widest):
            line, other = max(bundle.line, widest.line), min(bundle.line, widest.line)
            found.append(Remark(line, f"{bundle.numbers}: duplicate of numbers in line {other}"))
        if widest is None or not bundle.overlaps(widest) or bundle.last > widest.last:
            widest = bundle
    return found


def _notes(bundle: Bundle, rules: RegistryRules) -> Iterable[Remark]:
    if bundle.zone not in rules.zones:
        yield Remark(
            bundle.line,
            f"foreign zone {bundle.zone}: counts in REF only, once cancelled; it matches no hour of a site "
            f"in {', '.join(rules.zones)}",
        )
    if not bundle.technology.renewable:
        yield Remark(bundle.line, f"{bundle.technology} is not renewable: it counts nowhere as green")
    if bundle.commissioned is not None and bundle.production_end.year - bundle.commissioned.year > YOUNG:
        yield Remark(
            bundle.line,
            f"commissioned {bundle.commissioned}, more than {YOUNG} years before it produced this; counts "
            "all the same; the draft of the EU's rating label would not count it",
        )
    if bundle.supply is not None:
        yield Remark(
            bundle.line,
            f"proves what supply {in_words(bundle.supply)!r} delivered, which is metered: adds nothing to it",
        )
