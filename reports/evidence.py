"""What stands behind a month beyond its intervals: certificates, factors, the meter tree, accounts, proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from energy.carbon.factor_row import FactorRow
from runtime.clock import to_ms


@dataclass(frozen=True)
class CertificateLine:
    """Certificates with consecutive numbers that serve the month, as it counts them; whole Wh.

    ``adds``: they count as renewable once ``cancelled``; others prove what is metered already, or nothing.
    """

    site: str
    registry: str
    numbers: str
    technology: str
    plant: str
    timed: bool
    in_zone: bool
    adds: bool
    start: datetime
    end: datetime
    wh: int
    state: str
    statement: str | None


@dataclass(frozen=True)
class ClosingLine:
    """A meter against those below it, over the quarters in which all are known; Wh.

    ``residual_wh`` is to lie between ``least_wh`` and ``most_wh``: uncertainty and stated losses.
    """

    site: str
    start: datetime
    end: datetime
    parent: str
    children: tuple[str, ...]
    parent_wh: float | None
    children_wh: float | None
    residual_wh: float | None
    least_wh: float | None
    most_wh: float | None
    verdict: str


@dataclass(frozen=True)
class PueLine:
    """PUE with E_IT at one category of meters; ``uncertainty`` is relative, k=2, None without all classes.

    ``headline``: it is the one that the report leads with.
    """

    site: str
    start: datetime
    end: datetime
    category: str
    headline: bool
    eit_wh: float | None
    pue: float | None
    uncertainty: float | None
    withheld: str | None


@dataclass(frozen=True)
class BudgetLine:
    """What a target allows its period and what of that is used, in ``unit``; ``doubt`` is not known.

    ``left`` counts what is proven only, ``left_pessimistic`` also the doubt.
    """

    site: str
    name: str
    label: str
    start: datetime
    end: datetime
    unit: str
    allowed: float
    used: float
    doubt: float
    left: float
    left_pessimistic: float
    lost_at: datetime | None


@dataclass(frozen=True)
class WorkloadLine:
    """What one tenant's jobs had of a site's month: Wh and g CO2e, overhead included in the total.

    Both ``tenant`` None is the rest that nobody had, so that all lines add up to the site.
    """

    site: str
    tenant: str | None
    gpu_wh: int
    it_wh: int | None
    total_wh: int | None
    green_wh: int | None
    green_share: float | None
    co2_location_g: int | None
    co2_market_g: int | None


@dataclass(frozen=True)
class RevisionLine:
    """What changed the month after it was settled; ``differences`` by register in Wh (of water litres)."""

    site: str
    kind: str
    who: str
    reason: str
    at: datetime
    start: datetime
    end: datetime
    differences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperLine:
    """A signed document of the month: its lock (``number`` 0), or a restatement.

    ``fingerprint`` is the SHA-256 of the signature, ``changes`` the figures that it changed.
    """

    site: str
    number: int
    who: str
    reason: str
    at: datetime
    key: str
    fingerprint: str
    changes: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class SealLine:
    """The newest link of a site's chain that seals a day of the month."""

    site: str
    number: int
    day: str
    hash: str
    sealed_at: datetime


@dataclass(frozen=True)
class PendingLine:
    """What waits for a restatement of the locked month."""

    site: str
    words: str
    because: tuple[str, ...]
    adds_wh: int


@dataclass(frozen=True)
class Evidence:
    """All of one month. ``accounted_until``: workloads are accounted for up to then; None: there are none.

    ``address`` is where the pages of the service are. Seals and what waits make no new revision of a report.
    """

    address: str = ""
    certificates: tuple[CertificateLine, ...] = ()
    carbon: tuple[FactorRow, ...] = ()
    closings: tuple[ClosingLine, ...] = ()
    pues: tuple[PueLine, ...] = ()
    budgets: tuple[BudgetLine, ...] = ()
    workloads: tuple[WorkloadLine, ...] = ()
    accounted_until: datetime | None = None
    revisions: tuple[RevisionLine, ...] = ()
    papers: tuple[PaperLine, ...] = ()
    seals: tuple[SealLine, ...] = ()
    pending: tuple[PendingLine, ...] = ()

    def why(self, key: str, site: str, start: datetime, end: datetime) -> str:
        """Where the figure ``key`` is told by its numbers, down to the intervals and registers."""
        asked = {"site": site, "from": to_ms(start), "to": to_ms(end)}
        return f"{self.address}/why/{key}?{urlencode(asked)}"


def same_evidence(one: Evidence, other: Evidence) -> bool:
    """Whether both prove the same: a day that was sealed since, or a page that moved, is no news."""
    return _lasting(one) == _lasting(other)


def _lasting(evidence: Evidence) -> Evidence:
    return replace(evidence, address="", seals=(), pending=(), accounted_until=None)
