"""The sections of the System page, each in a few words: those that need a look come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.numbers import count, counted, share
from dashboards.panels.background import Background
from dashboards.panels.ledger import ProofStand
from runtime.beats import ProcessStatus
from telemetry.status import IngestStatus

JOURNAL_FULL = 0.8
"""Share of its limit from which the journal needs a look."""

DISK_LOW = 0.05
"""Share of a disk below which what is free needs a look."""


@dataclass(frozen=True)
class Section:
    """One section: ``told`` is its count in words, ``bad`` how many of it somebody should look at."""

    key: str
    title: str
    told: str
    bad: int = 0


def sections(
    ingest: IngestStatus,
    processes: Sequence[ProcessStatus],
    sources: tuple[int, int],
    background: Background,
    proof: ProofStand | None = None,
) -> list[Section]:
    """Those that need a look first, each kind in its order; ``sources`` are how many, and how many are bad.

    What the house does not hand out has no section.
    """
    total, silent = sources
    found = [
        *_processes(processes),
        _ingest(ingest),
        Section("sources", "Sources", f"{count(total)} in all", silent),
        *_background(background),
        *_ledger(proof),
        Section("rejects", "Rejected messages and rows", f"{count(sum(ingest.rejected.values()))} in all"),
        Section("versions", "Versions", ""),
    ]
    return sorted(found, key=lambda section: not section.bad)


def _processes(processes: Sequence[ProcessStatus]) -> list[Section]:
    bad = sum(1 for one in processes if one.silent or one.problems)
    told = f"{count(len(processes))} share the work"
    return [Section("processes", "Processes", told, bad)] if processes else []


def _ingest(ingest: IngestStatus) -> Section:
    journal = ingest.journal.bytes / max(1, ingest.journal.limit_bytes)
    wrong = [
        not ingest.connected,
        journal >= JOURNAL_FULL,
        bool(ingest.journal.lost),
        *(store.error is not None or store.missed > 0 for store in ingest.stores),
        *(room.free < DISK_LOW * room.total for room in ingest.disks),
    ]
    connected = "connected" if ingest.connected else "not connected"
    told = f"{connected}, journal {share(journal)} full, {counted(len(ingest.stores), 'follower')}"
    return Section("ingest", "Ingest", told, sum(wrong))


def _ledger(proof: ProofStand | None) -> list[Section]:
    if proof is None:
        return []
    checked = proof.checked
    told = "not checked yet" if checked is None else f"{counted(checked.seals, 'seal')} checked"
    return [Section("ledger", "Ledger", told, proof.bad)]


def _background(background: Background) -> list[Section]:
    found = []
    if background.channels is not None:
        bad = sum(1 for line in background.channels if line.failing)
        found.append(Section("channels", "Channels", f"{count(len(background.channels))} in all", bad))
    if background.rules is not None:
        bad = sum(1 for line in background.rules if line.failing)
        found.append(
            Section("rules", "Rules", f"{count(len(background.rules))}, as each was last asked", bad)
        )
    if background.runs is not None:
        bad = sum(1 for line in background.newest if line.failed)
        found.append(Section("jobs", "Jobs", f"{count(len(background.newest))}, by their newest run", bad))
    return found
