"""Counters of the ingest, the journal and the stores."""

from __future__ import annotations

from fastapi import APIRouter

from dashboards.api.asked import Told
from dashboards.here import HouseHere
from dashboards.hub import ingest_body
from dashboards.problem import RESPONSES
from telemetry.disk import DiskRoom
from telemetry.status import JournalStatus, StoreStatus

router = APIRouter(prefix="/api/v1", tags=["ingest"], responses=RESPONSES)


class Ingest(Told):
    """Counted since the data directory was made. ``received``, ``acknowledged``: messages;
    ``stored_rows``, ``duplicates``, ``late``: rows, one device at one time each. ``rejected`` counts what
    was refused, by reason: whole messages where none of it could be used, single rows where only their
    values or times could not. ``missed`` messages were lost on their way to us, as their publishers'
    counters show; ``session_gaps`` is how often the broker had forgotten our session. ``unstamped`` messages
    told no time of their own, so their rows bear that of their arrival. ``unknown_fields_estimate`` is how
    many fields the wire contract does not know, reckoned from one message in 256 of each topic. ``disks`` are
    the file systems that the journal and the stores lie on; of several ingest processes all, with
    ``shard:`` before the path. ``journal.lost`` batches were acknowledged, and not in the damaged journal any
    more when the service started."""

    received: int
    stored_rows: int
    acknowledged: int
    duplicates: int
    late: int
    rejected: dict[str, int]
    missed: int
    session_gaps: int
    unstamped: int
    unknown_fields_estimate: int
    journal: JournalStatus
    stores: list[StoreStatus]
    connected: bool
    mqtt: str | None
    disks: list[DiskRoom]


@router.get("/ingest")
async def ingest(house: HouseHere) -> Ingest:
    """What came in, what became of it, and how far the stores have followed."""
    return Ingest.model_validate(ingest_body(await house.ingest.status()))
