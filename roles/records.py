"""What was settled, judged and issued, as pages and rules read it: nothing here acts by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.desk import Desk as AlertDesk
from alerts.reading import DeliveryView, ProcessView, Reading
from energy.certificates.claims import Claims
from energy.certificates.desk import Certificates
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from energy.settlement.ledger import Ledger
from energy.workloads.statement import Workloads
from reports.desk import Desk as ReportDesk
from reports.gathering import Keepers
from reports.green_check import GREEN_CHECK
from reports.monthly import Material
from roles.ground import Ground
from roles.sight import Sight
from runtime.schedule import History


@dataclass(frozen=True)
class Records:
    """Figures, alert board and reports over one database and store."""

    figures: LedgerFigures
    board: AlertDesk
    material: Material
    reports: ReportDesk
    workloads: Workloads
    certificates: Certificates
    ledger: Ledger
    proof: ProofDesk

    def reading(
        self,
        ground: Ground,
        sight: Sight,
        deliveries: DeliveryView | None,
        processes: ProcessView | None = None,
    ) -> Reading:
        """What rules may look at."""
        return Reading(
            sites=ground.settings.sites,
            targets=ground.settings.target,
            figures=self.figures,
            live=sight.live,
            ingest=sight.ingest,
            deliveries=deliveries,
            reports=self.reports,
            processes=processes,
            completeness=sight.completeness,
            certificates=self.certificates,
            proof=self.proof,
        )


def open_records(ground: Ground, sight: Sight) -> Records:
    """The records over the ``ground``'s database."""
    settings = ground.settings
    window, grace = settings.energy.correction_window, settings.service.settle_grace
    figures = LedgerFigures(ground.database, sight.store, settings.sites, window)
    ledger = Ledger(ground.database, sight.store, settings.sites, sight.caught_up, grace)
    board = AlertDesk(ground.database)
    workloads = Workloads(ground.database)
    proof = ProofDesk(ground.database, figures, ledger, SigningKey(settings.key_file))
    address = settings.service.public_url or f"http://{settings.service.listen}"
    runs = History(ground.database, (GREEN_CHECK,))

    async def judged() -> datetime | None:
        return await runs.decided(GREEN_CHECK)

    keepers = Keepers(Claims(ground.database), workloads, proof, address)
    material = Material(figures, board, settings.sites, settings.target, keepers, judged)
    folder = settings.reports.directory or settings.service.data_dir / "reports"
    return Records(
        figures,
        board,
        material,
        ReportDesk(material, ground.database, folder, ground.clock, settings.reports),
        workloads,
        Certificates(ground.database, settings.sites, settings.certificates),
        ledger,
        proof,
    )
