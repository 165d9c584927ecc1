"""The evidence of a month is in every format, and makes a new revision where it proves something else."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import openpyxl
import pypdf
import pytest

from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.claims import Claims
from energy.certificates.selection import Selection
from energy.proof import locking
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from energy.settlement.ledger import Ledger
from energy.workloads.statement import Workloads
from reports.content import MonthlyReport
from reports.desk import Desk
from reports.evidence import CertificateLine, Evidence, SealLine, same_evidence
from reports.gathering import Keepers
from reports.monthly import Material, build
from reports.render import json
from reports.renderer import renderers
from runtime.clock import ManualClock
from tests.fakes.board import MemoryBoard
from tests.unit.energy.certificates.vault import Vault, hour, wind
from tests.unit.energy.plant import Plant
from tests.unit.reports.ledger import DAY_AFTER, NAME, OCTOBER, SITES, TARGETS, played

AT = DAY_AFTER - timedelta(hours=2)
ADDRESS = "https://amberwatt.example.org"


class Proven:
    """October of two sites with cancelled certificates, sealed, and who proves it."""

    def __init__(self, plant: Plant, folder: Path) -> None:
        figures = LedgerFigures(plant.database, plant.store, plant.sites)
        ledger: Ledger = plant.ledger
        self.plant, self.folder = plant, folder
        self.proof = ProofDesk(plant.database, figures, ledger, SigningKey(folder / "ledger.key"))
        keepers = Keepers(Claims(plant.database), Workloads(plant.database), self.proof, ADDRESS)
        self.material = Material(figures, MemoryBoard(()), SITES, TARGETS, keepers)

    async def cancel(self) -> None:
        vault, act = Vault(self.plant.database, SITES), Act("Anna", AT, "TGE 2026/11/77")
        await vault.take(wind(1, 2), hour(1, 900, "2026-10-05T10"), act=act)
        await vault.book.allocate(Order("PL", "gdansk", NAME), act)
        await vault.book.cancel(Selection(site="gdansk", period=OCTOBER), AT, act)

    async def report(self) -> MonthlyReport:
        return await build("gdansk", NAME, DAY_AFTER, self.material)


@pytest.fixture
async def proven(tmp_path: Path) -> AsyncIterator[Proven]:
    folder = tmp_path
    made = Proven(await played(folder), folder)
    await made.cancel()
    yield made
    await made.plant.close()


async def test_a_month_tells_what_it_rests_on_in_every_format(proven: Proven) -> None:
    desk = Desk(proven.material, proven.plant.database, proven.folder / "reports", ManualClock(DAY_AFTER))
    first = await desk.issue("gdansk", NAME, formats=("json",))
    await proven.proof.seal(DAY_AFTER)
    assert await desk.issue("gdansk", NAME, formats=("json",)) == first  # a seal is no news
    await proven.proof.lock("gdansk", NAME, locking.Act("Ola", AT + timedelta(hours=1)))
    second = await desk.issue("gdansk", NAME, formats=("json",))
    assert (first.revision, second.revision, second.state) == (1, 2, "final")

    report = await proven.report()
    evidence, figures = report.evidence, report.figures
    assert [(one.numbers, one.state) for one in evidence.certificates] == [
        ("PL-000001 to PL-000002", "cancelled"), ("GC-1 to GC-900", "cancelled"),
    ]  # fmt: skip
    assert figures.mix.green["certificates:PL"] == 900
    assert all(check.ok for check in figures.checks)
    location = sum(one.co2_g for one in evidence.carbon if one.scope == "location")
    assert location / 1000 == pytest.approx(figures.total.value("co2_location_kg"))
    assert [one.category for one in evidence.pues if one.headline] == ["pue1"]
    assert [one.name for one in evidence.budgets] == ["green", "half"]
    assert [one.kind for one in evidence.revisions] == ["lock", "certificate"]
    (paper,), (seal,) = evidence.papers, evidence.seals
    assert (paper.who, len(paper.fingerprint), seal.day) == ("Ola", 64, "2026-10-31")
    assert json.parse(json.render(report)) == report

    pdf = pypdf.PdfReader(io.BytesIO(renderers()["pdf"].render(report)))
    cover, text = pdf.pages[0].extract_text(), " ".join(page.extract_text() for page in pdf.pages)
    assert "Confirmed by" in cover
    assert "locked by Ola" in cover
    for told in (
        "PL-000001 to PL-000002",
        "Time-stamped certificates",
        "Budget:",
        "Uncertainty",
        seal.hash[:8],
    ):
        assert told in text
    rows = list(csv.DictReader(io.StringIO(renderers()["csv"].render(report).decode("utf-8-sig"))))
    why = {row["subject"]: row["reason"] for row in rows if row["section"] == "why"}
    assert why["ref"].startswith(f"{ADDRESS}/why/ref?site=gdansk&from=")
    assert why["edc_wh"] == f"{ADDRESS}/method#edc_wh"
    assert {"certificate", "carbon", "closure", "pue", "budget", "revision", "proof"} <= {
        row["section"] for row in rows
    }
    book = openpyxl.load_workbook(io.BytesIO(renderers()["xlsx"].render(report)), read_only=True)
    assert {
        "Certificates",
        "Carbon",
        "Meter tree",
        "PUE",
        "Budgets",
        "Workloads",
        "Revisions",
        "Proof",
    } <= set(book.sheetnames)


def test_only_what_proves_something_else_is_news() -> None:
    line = CertificateLine(
        "gdansk", "PL", "PL-1", "wind", "Farma", False, True, True, AT, DAY_AFTER, 5, "allocated", None
    )
    evidence = Evidence(certificates=(line,))
    sealed = replace(evidence, address="elsewhere", seals=(SealLine("gdansk", 1, "2026-10-31", "aa", AT),))
    assert same_evidence(evidence, sealed)
    assert not same_evidence(evidence, Evidence(certificates=(replace(line, state="cancelled"),)))
