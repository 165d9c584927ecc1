"""Gathers the evidence behind a month from those who keep it; who keeps none leaves its part empty."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from energy.certificates.claims import Claims
from energy.figures import Figures
from energy.interval import Period
from energy.proof.desk import ProofDesk
from energy.proof.document import Restatement
from energy.proof.history import Revision
from energy.proof.month_lock import Lock
from energy.tree.closing import Closure
from energy.workloads.lines import Wanted
from energy.workloads.statement import Workloads
from energy.workloads.told import Amounts
from reports.evidence import (
    CertificateLine,
    ClosingLine,
    Evidence,
    PaperLine,
    PendingLine,
    PueLine,
    RevisionLine,
    SealLine,
    WorkloadLine,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Keepers:
    """Who keeps what beside the figures, and ``address``, where the pages of the service are."""

    claims: Claims | None = None
    workloads: Workloads | None = None
    proof: ProofDesk | None = None
    address: str = ""


@dataclass(frozen=True)
class Asked:
    """The month ``name`` of ``site``, or of ``all``, which are the sites ``keys``."""

    site: str
    keys: Sequence[str]
    name: str
    period: Period


async def gather(asked: Asked, figures: Figures, keepers: Keepers) -> Evidence:
    """The evidence as it is known now. Raises StoreError."""
    closures = await figures.closure(asked.site, asked.period)
    found = Evidence(
        address=keepers.address.rstrip("/"),
        certificates=await _certificates(asked, keepers.claims),
        carbon=tuple(await figures.factors(asked.site, asked.period)),
        closings=tuple(line for one in closures for line in _closings(one)),
        pues=tuple(line for one in closures for line in _pues(one)),
    )
    if keepers.workloads is not None:
        found = await _with_workloads(found, asked, keepers.workloads)
    return found if keepers.proof is None else await _with_proof(found, asked, keepers.proof)


async def _certificates(asked: Asked, claims: Claims | None) -> tuple[CertificateLine, ...]:
    if claims is None:
        return ()
    found = []
    for key in asked.keys:
        for one in (await claims.period(key, asked.period)).claims:
            found.append(
                CertificateLine(
                    key, one.registry, one.numbers, str(one.technology), one.plant, one.timed, one.in_zone,
                    one.adds, one.start, one.end, one.wh, one.state, one.statement,
                )
            )  # fmt: skip
    return tuple(found)


def _closings(tree: Closure) -> Iterator[ClosingLine]:
    for one in tree.closings:
        yield ClosingLine(
            tree.site, tree.start, tree.end, one.parent, one.children, one.parent_wh, one.children_wh,
            one.residual_wh, one.least_wh, one.most_wh, one.verdict,
        )  # fmt: skip


def _pues(tree: Closure) -> Iterator[PueLine]:
    for one in tree.points:
        doubt = tree.pue_uncertainty if one.headline else None
        yield PueLine(
            tree.site, tree.start, tree.end, one.category, one.headline, one.eit_wh, one.pue, doubt,
            one.withheld,
        )  # fmt: skip


async def _with_workloads(found: Evidence, asked: Asked, kept: Workloads) -> Evidence:
    lines: list[WorkloadLine] = []
    reached: list[datetime] = []
    for key in asked.keys:
        told = await kept.statement(Wanted(key, asked.period), "tenant")
        if told.through is None or not told.accounts:
            continue
        reached.append(told.through)
        lines += [_workload(key, one.tenant, one.amounts) for one in told.accounts]
        lines.append(_workload(key, None, told.rest))
    return replace(found, workloads=tuple(lines), accounted_until=min(reached, default=None))


def _workload(site: str, tenant: str | None, had: Amounts) -> WorkloadLine:
    return WorkloadLine(
        site, tenant, had.gpu_wh, had.it_wh, had.total_wh, had.green_wh, had.green_share,
        had.co2_location_g, had.co2_market_g,
    )  # fmt: skip


async def _with_proof(found: Evidence, asked: Asked, desk: ProofDesk) -> Evidence:
    locks = [lock for lock in await desk.locks(asked.site) if lock.period == asked.name]
    papers: list[Lock | Restatement] = [*locks, *await desk.restatements(asked.site, asked.name)]
    newest = {seal.site: seal for seal in await desk.seals(asked.site, asked.period)}
    waiting = [one for one in await desk.pending(asked.site) if one.period == asked.name] if locks else []
    revisions = [one for one in await desk.revisions(asked.site, asked.period) if one.kind != "pending"]
    return replace(
        found,
        revisions=tuple(_revision(one) for one in revisions),
        papers=tuple(_paper(one) for one in papers),
        seals=tuple(
            SealLine(one.site, one.number, f"{_EPOCH + timedelta(days=one.day):%Y-%m-%d}", one.hash,
                     one.sealed_at)
            for one in newest.values()
        ),
        pending=tuple(
            PendingLine(one.site, one.in_words(), tuple(one.because), one.adds_wh) for one in waiting
        ),
    )  # fmt: skip


def _revision(one: Revision) -> RevisionLine:
    changes = {f"{change.meter} {change.channel}": change.difference for change in one.changes}
    return RevisionLine(one.site, one.kind, one.who, one.reason, one.at, one.start, one.end, changes)


def _paper(one: Lock | Restatement) -> PaperLine:
    number = one.number if isinstance(one, Restatement) else 0
    reason = one.reason if isinstance(one, Restatement) else "locked"
    fingerprint = hashlib.sha256(one.signature.encode()).hexdigest()
    return PaperLine(one.site, number, one.who, reason, one.at, one.key, fingerprint, dict(_changes(one)))


def _changes(one: Lock | Restatement) -> Iterator[tuple[str, tuple[float | None, float | None]]]:
    if isinstance(one, Lock):
        return
    try:
        told: Mapping[str, list[dict[str, float | None]]] = one.told
    except ValueError:  # it was damaged; the check of the ledger says so
        return
    for line in told.get("figures", []):
        if line["before"] != line["after"]:
            yield str(line["figure"]), (line["before"], line["after"])
