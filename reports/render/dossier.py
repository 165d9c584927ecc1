"""The printed evidence: what the month rests on, block by block, each a heading, a sentence and a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from energy.figures import ALL
from energy.quantity import fitting
from reports.content import Figure, MonthlyReport
from reports.evidence import CertificateLine, Evidence, RevisionLine, WorkloadLine
from reports.headline import kpis
from reports.render.evidence_tables import signed
from reports.render.numbers import WITHHELD, Numbers
from reports.render.parts import parts
from reports.render.words import ROUNDING

PRINTED = 30
"""Rows of one table that are printed; the other formats have them all."""

_RANGES = 3
"""Ranges of numbers that one line names."""

_SCOPES = {"location": "location-based", "market": "market-based", "scope1": "scope 1"}

_RUNGS = {
    "onsite": "Own plants, in the same hour",
    "storage": "Batteries, charged with own surplus",
    "ppa": "Contracts (PPA), in the same hour",
    "timed": "Time-stamped certificates, in the same hour",
}


@dataclass(frozen=True)
class Block:
    """A table below ``title``, if it has one: ``heads`` over ``rows``, ``widths`` in parts of the page.

    The first ``left`` columns are text, and the last one if it is ``wordy``. ``words`` stand above the table,
    or in its place where there is no row. The last row of one with a ``total`` is a sum. ``links`` are where
    the last cell of each row leads, if anywhere.
    """

    title: str
    words: str
    heads: list[str] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    left: int = 1
    rows: list[list[str]] = field(default_factory=list)
    total: bool = False
    wordy: bool = True
    links: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Chapter:
    """Blocks below one heading."""

    title: str
    blocks: list[Block]


def chapters(report: MonthlyReport, numbers: Numbers) -> list[Chapter]:
    """All evidence in the order of the pages."""
    evidence = report.evidence
    return [
        Chapter("Certificates and carbon", [_certificates(evidence, numbers), *_carbon(report, numbers)]),
        Chapter("Meters and accounts", [_tree(evidence, numbers), _pues(evidence, numbers),
                                        _workloads(evidence, numbers)]),
        Chapter("How the month came to read so", [_revisions(evidence, numbers), _proof(evidence, numbers)]),
        Chapter("Why these figures", [_why(report, numbers)]),
    ]  # fmt: skip


def ladder(report: MonthlyReport, numbers: Numbers) -> Block:
    """What covered the load, rung by rung, each kilowatt-hour once; and what batteries did."""
    mix, total = report.figures.mix, report.figures.total
    known = [(words, mix.rungs.get(name)) for name, words in _RUNGS.items()]
    known += [("Not matched (other)", mix.other_wh), ("Unknown", mix.unknown_wh)]
    unit = fitting(wh for _, wh in known)
    load = mix.load_wh
    shares = _shares([wh for _, wh in known], len(_RUNGS), numbers) if load else ["–"] * (len(known) + 1)
    amounts = [*known, ("Load", load)]
    rows = [
        [words, numbers.bare_energy(wh, unit), share]
        for (words, wh), share in zip(amounts, shares, strict=True)
    ]
    missing = total.sums.get("missing_wh", 0.0)
    store = (
        f" Batteries were charged with {numbers.energy(mix.charged_wh)}, {numbers.energy(mix.withdrawn_wh)} "
        f"was drawn from them and {numbers.energy(mix.lost_wh)} of it lost."
        if mix.charged_wh or mix.withdrawn_wh
        else ""
    )
    words = (
        f"Each kilowatt-hour once, on the first rung that covers it in its hour.{store} Beyond the load "
        f"that is known, {numbers.energy(missing)} stand in the denominator for what was not measured. "
        f"{ROUNDING}"
    )
    heads = ["Rung", f"Energy, {unit.name}", "Share of the load"]
    return Block("The ladder of the load", words, heads, [3, 1, 1], 1, rows, total=True, wordy=False)


def _shares(amounts: Sequence[float | None], claims: int, numbers: Numbers) -> list[str]:
    """Each of ``amounts``, of which the first ``claims`` are green, as a part of the load, and the whole."""
    known = [max(0.0, wh or 0.0) for wh in amounts]
    told = parts(known[:claims], known[claims:])
    shares = ["–" if wh is None else numbers.share(part) for wh, part in zip(amounts, told, strict=True)]
    return [*shares, numbers.share(1.0)]


def _certificates(evidence: Evidence, numbers: Numbers) -> Block:
    heads = ["Registry", "Numbers", "Kind", "State", "Energy", "Statement"]
    groups: dict[tuple[str, ...], list[CertificateLine]] = defaultdict(list)
    for one in evidence.certificates:
        kind = (
            f"{one.technology}{', time-stamped' if one.timed else ''}{'' if one.adds else ', adds nothing'}"
        )
        registry = f"{one.registry}, {one.site}"
        groups[registry, kind, one.state, one.statement or "–"].append(one)
    rows = [
        [registry, _ranges(lines), kind, state, numbers.energy(sum(one.wh for one in lines)), statement]
        for (registry, kind, state, statement), lines in groups.items()
    ]
    words = (
        "Only what is cancelled counts, once, for the month that it serves; allocated is pending. The "
        "workbook has each run of numbers."
        if rows
        else "No certificate serves this month."
    )
    return Block("Certificates", words, heads, [0.9, 2.4, 1.3, 0.8, 1, 1.3], 4, _cut(rows, len(heads)))


def _ranges(lines: Sequence[CertificateLine]) -> str:
    told = [one.numbers for one in lines[:_RANGES]]
    more = len(lines) - _RANGES
    return "; ".join(told) + (f"; and {more} more runs" if more > 0 else "")


def _carbon(report: MonthlyReport, numbers: Numbers) -> Iterator[Block]:
    for scope, name in _SCOPES.items():
        lines = [one for one in report.evidence.carbon if one.scope == scope]
        if not lines:
            continue
        every = report.figures.site.key == ALL
        rows = [
            [
                f"{one.site}: {one.what}" if every else one.what,
                one.zone or "–",
                numbers.energy(one.energy_wh, none="–"),
                "–" if one.g_per_kwh is None else numbers.decimal(one.g_per_kwh, 1),
                numbers.decimal(one.co2_g / 1e6, 3),
                f"{one.source}; {one.method}; {one.version}{' (invented factors)' if one.example else ''}",
            ]
            for one in lines
        ]
        total = numbers.decimal(sum(one.co2_g for one in lines) / 1e6, 3)
        rows = _cut(rows, 6)
        rows.append(["Sum", "", "", "", total, ""])
        heads = ["What", "Zone", "Energy", "g/kWh", "t CO2e", "Factor: source; method; version"]
        yield Block(f"Carbon, {name}", "", heads, [1.7, 0.6, 1, 0.7, 0.9, 3], 2, rows, total=True)


def _tree(evidence: Evidence, numbers: Numbers) -> Block:
    heads = ["Meter", "Meters below", "Meter", "Below", "Residual", "At least", "At most", "Verdict"]
    many = len({one.site for one in evidence.closings}) > 1
    rows = [
        [
            f"{one.site}/{one.parent}" if many else one.parent,
            _listed(one.children),
            *(numbers.energy(wh, none="–") for wh in (one.parent_wh, one.children_wh, one.residual_wh,
                                                      one.least_wh, one.most_wh)),
            one.verdict,
        ]
        for one in evidence.closings
    ]  # fmt: skip
    words = (
        "Each meter against those below it. The residual is to lie between the bounds, which follow from the "
        "classes of the meters (k=2) and stated losses."
        if rows
        else "No meter has another below it."
    )
    widths = [1.1, 1.7, 1, 1, 0.9, 0.9, 0.9, 1]
    return Block("How the meter tree closes", words, heads, widths, 2, _cut(rows, len(heads)))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _pues(evidence: Evidence, numbers: Numbers) -> Block:
    rows = [
        [
            f"{one.category.upper()}{', headline' if one.headline else ''}",
            one.site,
            numbers.energy(one.eit_wh, none="–"),
            numbers.ratio(one.pue),
            "not stated" if one.uncertainty is None else f"± {numbers.decimal(100 * one.uncertainty, 2)} %",
            one.withheld or "",
        ]
        for one in evidence.pues
    ]
    heads = ["Category", "Site", "E_IT", "PUE", "Uncertainty (k=2)", "Why withheld"]
    words = "" if rows else "No category has a meter."
    return Block("PUE by category", words, heads, [1.1, 1, 1, 0.8, 1.1, 2], 2, _cut(rows, len(heads)))


def _workloads(evidence: Evidence, numbers: Numbers) -> Block:
    shown = [one for one in evidence.workloads if one.tenant is not None]
    rest = [one for one in evidence.workloads if one.tenant is None]
    if not shown:
        return Block("Workloads", "No job told of itself in this month.")
    heads = ["Tenant", "Site", "GPU", "With overhead", "Green", "t CO2e, location", "t CO2e, market"]
    rows = [_account(one, one.tenant or "", numbers) for one in shown]
    rows = _cut(rows, len(heads))
    rows += [_account(one, "nobody (not attributed)", numbers) for one in rest]
    until = numbers.time(evidence.accounted_until)
    words = f"GPU energy is what the GPUs told of themselves. Accounted for until {until}."
    return Block("Workloads by tenant", words, heads, [2, 1, 1, 1.1, 0.9, 1.1, 1.1], 2, rows, wordy=False)


def _account(one: WorkloadLine, tenant: str, numbers: Numbers) -> list[str]:
    tonnes = (
        "–" if g is None else numbers.decimal(g / 1e6, 3) for g in (one.co2_location_g, one.co2_market_g)
    )
    return [
        tenant,
        one.site,
        numbers.energy(one.gpu_wh),
        numbers.energy(one.total_wh, none="–"),
        numbers.share(one.green_share, none="–"),
        *tonnes,
    ]


def _revisions(evidence: Evidence, numbers: Numbers) -> Block:
    heads = ["Known", "What", "Who", "Why", "Difference by register, Wh"]
    rows = [_revision(one, numbers) for one in evidence.revisions]
    words = (
        "What changed a figure after it was settled, the newest first."
        if rows
        else "Nothing changed after it was settled."
    )
    return Block(
        "Revisions and their causes", words, heads, [1.2, 0.8, 0.9, 2.4, 2.2], 5, _cut(rows, len(heads))
    )


def _revision(one: RevisionLine, numbers: Numbers) -> list[str]:
    first = dict(list(one.differences.items())[:4])
    more = len(one.differences) - len(first)
    told = signed(first) + (f"; and {more} more registers" if more else "")
    return [numbers.time(one.at), one.kind, one.who, one.reason, told or "–"]


def _proof(evidence: Evidence, numbers: Numbers) -> Block:
    heads = ["What", "When", "Who", "Key", "Fingerprint or hash", "Why"]
    rows = [
        [
            f"{one.site}: {f'restatement {one.number}' if one.number else 'lock'}",
            numbers.time(one.at),
            one.who,
            grouped(one.key),
            grouped(one.fingerprint),
            one.reason,
        ]
        for one in evidence.papers
    ]
    rows += [
        [
            f"{one.site}: seal {one.number}",
            numbers.time(one.sealed_at),
            "–",
            "–",
            grouped(one.hash),
            f"seals {one.day}",
        ]
        for one in evidence.seals
    ]
    waits = "; ".join(f"{one.site}: {one.words} ({', '.join(one.because[:3])})" for one in evidence.pending)
    words = (
        "A fingerprint is the SHA-256 of a signature; a seal's hash holds all rows up to it, in a chain."
        if rows
        else "The month is not locked, and none of its days is sealed yet."
    )
    words += f" Not in these figures, since the month is locked: {waits}." if waits else ""
    return Block("Lock, restatements and seals", words, heads, [1.1, 1.2, 0.9, 0.9, 2.6, 1.1], 6, rows)


def _cut(rows: list[list[str]], columns: int) -> list[list[str]]:
    """As many as are printed, and how many more there are."""
    if len(rows) <= PRINTED:
        return rows
    more = f"and {len(rows) - PRINTED} more: see the workbook"
    return [*rows[:PRINTED], [more, *[""] * (columns - 1)]]


def signing(report: MonthlyReport, numbers: Numbers) -> list[str]:
    """What the cover says of the proof, a line each."""
    found: list[str] = []
    every = report.figures.site.key == ALL
    for one in report.evidence.papers:
        of = f"{one.site}: " if every else ""
        what = f"restatement {one.number}" if one.number else "locked"
        found.append(f"{of}{what} by {one.who}, {numbers.time(one.at)}; signature {short(one.fingerprint)}")
    for seal in report.evidence.seals:
        of = f"{seal.site}: " if every else ""
        found.append(f"{of}seal {seal.number} of {seal.day}; hash {short(seal.hash)}")
    return found or ["not locked, not sealed yet"]


def short(digest: str) -> str:
    """The beginning of a digest, in groups that can be read aloud."""
    return " ".join(digest[i : i + 4] for i in range(0, 16, 4))


def grouped(digest: str) -> str:
    """All of a digest, so that a line can break in it."""
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))


def _why(report: MonthlyReport, numbers: Numbers) -> Block:
    figures, address = report.figures, report.evidence.address
    told = [figure for figure in figures.headline if figure.key in kpis()]
    rows = [[figure.name, written(figure, numbers), figure.key] for figure in told]
    words = (
        f"Each figure by its numbers, down to hours, intervals and registers: {why(report, 'NAME')} with the "
        f"figure's name in the place of NAME (in the PDF, each name is that link). How it is defined: "
        f"{address}/method#NAME."
    )
    links = [why(report, figure.key) for figure in told]
    return Block("", words, ["Figure", "Value", "Name"], [2, 1, 1.6], 1, rows, links=links)


def why(report: MonthlyReport, key: str) -> str:
    """Where the figure ``key`` of this month is explained; a sum is only defined, by the method."""
    if key not in kpis():
        return f"{report.evidence.address}/method#{key}"
    period, site = report.figures.period, report.figures.site.key
    return report.evidence.why(key, site, period.start, period.end)


def written(figure: Figure, numbers: Numbers) -> str:
    """The value of ``figure`` in its own form and unit."""
    if figure.value is None:
        return WITHHELD
    if figure.form == "energy":
        return numbers.energy(figure.value)
    if figure.form == "share":
        return numbers.share(figure.value)
    unit = {"1": "", "m3": "m³"}.get(figure.unit, figure.unit)
    return f"{numbers.decimal(figure.value, 3 if figure.form == 'ratio' else 1)} {unit}".strip()
