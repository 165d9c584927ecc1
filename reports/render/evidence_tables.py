"""The evidence behind the month as typed tables: a sheet each of the workbook, a section each of the CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reports.evidence import Evidence
from reports.render.cells import Row, cells
from reports.render.sheet import Book, Column

_SITE = Column("Site", "text", 14)
_FROM, _TO = Column("From, UTC", "time", 17), Column("To, UTC", "time", 17)


@dataclass(frozen=True)
class EvidenceTable:
    """``rows`` with a value for each of ``columns``; ``section`` is its name in the CSV.

    There, a line is told for each of ``values`` (a column, with its unit) of a row, or one without a value.
    ``subject`` are the columns that name a row, ``state`` and ``reason`` those that are told so.
    """

    section: str
    name: str
    columns: Mapping[str, Column]
    rows: Sequence[Row]
    subject: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    state: str | None = None
    reason: str | None = None

    def write(self, book: Book, head: str | None) -> None:
        """The whole sheet, ``head`` above it."""
        sheet = book.sheet(self.name, tuple(self.columns.values()), notice=head)
        for row in self.rows:
            sheet.add([row[name] for name in self.columns], none="")


def tables(evidence: Evidence) -> Iterator[EvidenceTable]:
    """Every table, also those without a row: an empty sheet says that there is nothing."""
    yield _certificates(evidence)
    yield _carbon(evidence)
    yield from _meters(evidence)
    yield _budgets(evidence)
    yield _workloads(evidence)
    yield from _proof(evidence)


def _certificates(evidence: Evidence) -> EvidenceTable:
    return EvidenceTable(
        "certificate",
        "Certificates",
        {
            "site": _SITE,
            "registry": Column("Registry", "text", 10),
            "numbers": Column("Numbers", "text", 44),
            "state": Column("State", "text", 12),
            "wh": Column("Energy, Wh", "wh", 18),
            "adds": Column("Counts if cancelled", "text", 12),
            "timed": Column("Time-stamped", "text", 12),
            "in_zone": Column("Of the site's zone", "text", 12),
            "technology": Column("Technology", "text", 14),
            "plant": Column("Plant", "text", 30),
            "start": Column("Serves from, UTC", "time", 17),
            "end": Column("Serves until, UTC", "time", 17),
            "statement": Column("Cancellation statement", "text", 30),
        },
        [_worded(cells(one), "adds", "timed", "in_zone") for one in evidence.certificates],
        ("site", "registry", "numbers"),
        {"wh": "Wh"},
        "state",
        "statement",
    )


def _carbon(evidence: Evidence) -> EvidenceTable:
    return EvidenceTable(
        "carbon",
        "Carbon",
        {
            "site": _SITE,
            "scope": Column("Scope", "text", 10),
            "what": Column("What", "text", 46),
            "zone": Column("Zone", "text", 8),
            "energy_wh": Column("Energy, Wh", "wh", 18),
            "g_per_kwh": Column("g CO2e/kWh, mean", "number", 14),
            "co2_g": Column("CO2e, g", "wh", 18),
            "method": Column("Method", "text", 22),
            "source": Column("Source", "text", 50),
            "version": Column("Version", "text", 40),
            "example": Column("Invented factors", "text", 12),
        },
        [_worded(cells(one), "example") for one in evidence.carbon],
        ("site", "scope", "what"),
        {"energy_wh": "Wh", "g_per_kwh": "g/kWh", "co2_g": "g"},
        "method",
        "source",
    )


def _meters(evidence: Evidence) -> Iterator[EvidenceTable]:
    yield EvidenceTable(
        "closure",
        "Meter tree",
        {
            "site": _SITE,
            "start": _FROM,
            "end": _TO,
            "parent": Column("Meter", "text", 20),
            "below": Column("Meters below", "text", 40),
            "parent_wh": Column("Meter, Wh", "wh", 18),
            "children_wh": Column("Below, Wh", "wh", 18),
            "residual_wh": Column("Residual, Wh", "wh", 16),
            "least_wh": Column("At least, Wh", "wh", 16),
            "most_wh": Column("At most, Wh", "wh", 16),
            "verdict": Column("Verdict", "text", 16),
        },
        [{**cells(one), "below": ", ".join(one.children)} for one in evidence.closings],
        ("site", "parent"),
        {"parent_wh": "Wh", "children_wh": "Wh", "residual_wh": "Wh", "least_wh": "Wh", "most_wh": "Wh"},
        "verdict",
    )
    yield EvidenceTable(
        "pue",
        "PUE",
        {
            "site": _SITE,
            "start": _FROM,
            "end": _TO,
            "category": Column("Category", "text", 10),
            "headline": Column("Headline", "text", 10),
            "eit_wh": Column("E_IT, Wh", "wh", 18),
            "pue": Column("PUE", "ratio", 12),
            "uncertainty": Column("Uncertainty (k=2)", "share", 14),
            "withheld": Column("Why withheld", "text", 60),
        },
        [_worded(cells(one), "headline") for one in evidence.pues],
        ("site", "category"),
        {"eit_wh": "Wh", "pue": "1", "uncertainty": "1"},
        None,
        "withheld",
    )


def _budgets(evidence: Evidence) -> EvidenceTable:
    amount = {name: Column(name.replace("_", " ").capitalize(), "number", 16)
              for name in ("allowed", "used", "doubt", "left", "left_pessimistic")}  # fmt: skip
    return EvidenceTable(
        "budget",
        "Budgets",
        {
            "site": _SITE,
            "name": Column("Target", "text", 26),
            "label": Column("Called", "text", 40),
            "start": _FROM,
            "end": _TO,
            "unit": Column("Unit", "text", 8),
            **amount,
            "lost_at": Column("Used up, UTC", "time", 17),
        },
        [cells(one) for one in evidence.budgets],
        ("site", "name"),
        dict.fromkeys(amount, ""),
    )


def _workloads(evidence: Evidence) -> EvidenceTable:
    energies = {
        "gpu_wh": Column("GPU, Wh", "wh", 16),
        "it_wh": Column("IT, Wh", "wh", 16),
        "total_wh": Column("With overhead, Wh", "wh", 16),
        "green_wh": Column("Green, Wh", "wh", 16),
    }
    return EvidenceTable(
        "workload",
        "Workloads",
        {
            "site": _SITE,
            "tenant": Column("Tenant", "text", 30),
            **energies,
            "green_share": Column("Green", "share", 12),
            "co2_location_g": Column("CO2e, location-based, g", "wh", 18),
            "co2_market_g": Column("CO2e, market-based, g", "wh", 18),
        },
        [{**cells(one), "tenant": one.tenant or "(nobody: not attributed)"} for one in evidence.workloads],
        ("site", "tenant"),
        {**dict.fromkeys(energies, "Wh"), "green_share": "1", "co2_location_g": "g", "co2_market_g": "g"},
    )


def _proof(evidence: Evidence) -> Iterator[EvidenceTable]:
    yield EvidenceTable(
        "revision",
        "Revisions",
        {
            "site": _SITE,
            "at": Column("Known, UTC", "time", 17),
            "kind": Column("Kind", "text", 14),
            "who": Column("Who", "text", 20),
            "reason": Column("Why", "text", 60),
            "start": Column("Touches from, UTC", "time", 17),
            "end": Column("Until, UTC", "time", 17),
            "changes": Column("Difference by register, Wh", "text", 60),
        },
        [{**cells(one), "changes": signed(one.differences)} for one in evidence.revisions],
        ("site", "kind", "who"),
        state="changes",
        reason="reason",
    )
    yield EvidenceTable(
        "proof",
        "Proof",
        {
            "site": _SITE,
            "what": Column("What", "text", 18),
            "at": Column("When, UTC", "time", 17),
            "who": Column("Who", "text", 20),
            "key": Column("Key", "text", 18),
            "fingerprint": Column("Hash, or fingerprint of the signature (SHA-256)", "text", 66),
            "reason": Column("Why, or what", "text", 80),
        },
        _proofs(evidence),
        ("site", "what", "who"),
        state="fingerprint",
        reason="reason",
    )


def _proofs(evidence: Evidence) -> list[Row]:
    rows: list[Row] = []
    for paper in evidence.papers:
        what = f"restatement {paper.number}" if paper.number else "lock"
        told = "; ".join(f"{name}: {old} -> {new}" for name, (old, new) in paper.changes.items())
        rows.append(
            {**cells(paper), "what": what, "reason": f"{paper.reason}; {told}" if told else paper.reason}
        )
    for seal in evidence.seals:
        rows.append(
            {"site": seal.site, "what": f"seal {seal.number}", "at": seal.sealed_at, "who": "", "key": "",
             "fingerprint": seal.hash, "reason": f"the last that seals a day of the month: {seal.day}"}
        )  # fmt: skip
    for one in evidence.pending:
        rows.append(
            {"site": one.site, "what": "waits", "at": None, "who": "", "key": "", "fingerprint": "",
             "reason": f"{one.words}: {'; '.join(one.because)}"}
        )  # fmt: skip
    return rows


def signed(differences: Mapping[str, int]) -> str:
    """``main-1 energy +1200; pv energy -3``."""
    return "; ".join(f"{name} {wh:+d}" for name, wh in differences.items())


def _worded(row: Row, *names: str) -> Row:
    return {**row, **{name: "yes" if row[name] else "no" for name in names}}
