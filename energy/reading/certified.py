"""Certificates in the sums of a site: by volume over a period, each Wh once and never more than was used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from energy.certificates.claims import Claims, stamp_of
from energy.certificates.tally import Counted, Tally
from energy.interval import QUARTER_MS, Period, month_of
from energy.reading.look import Look
from energy.sums.totals import Totals
from runtime.clock import from_ms, to_ms

_NONE = Counted()
_UTC = ZoneInfo("UTC")

CERTIFICATE_WH = 1_000_000
"""What a guarantee of origin stands for."""

_KEPT = 16
"""Periods of sites; a year of hourly certificates of one plant takes 4 MB."""


class Certified:
    """Adds what ``claims`` tell of to the totals of single sites."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._kept: OrderedDict[tuple[str, Period], tuple[int, Tally]] = OrderedDict()

    async def add(
        self,
        site: str,
        found: Sequence[tuple[Period, int, Totals]],
        as_of: datetime | None = None,
        look: Look | None = None,
    ) -> list[Totals]:
        """The totals of each period with its certificates; the number is the quarter it is settled up to.

        A certificate for consumption that is not settled yet counts nothing. A ``look`` reads them once.
        """
        over = Period(_quarter(found[0][0].start), _quarter(found[-1][0].end, up=True))
        tally = await self._tally(site, over, as_of, look if as_of is None else None)
        if tally is None:
            return [with_certificates(totals, _NONE) for _, _, totals in found]
        return [with_certificates(totals, _counted(tally, part, until)) for part, until, totals in found]

    async def stamp(self, site: str, look: Look | None = None) -> int:
        """A number that changes with what ``site`` claims, see :class:`Claims`; a ``look`` reads it once."""
        if look is None:
            return await self._claims.stamp(site)
        if look.stamps is None:
            look.stamps = await self._claims.stamps()
        return stamp_of(look.stamps, site)

    async def _tally(
        self, site: str, over: Period, as_of: datetime | None, look: Look | None
    ) -> Tally | None:
        if look is not None:
            seen = look.certificates.get(site)
            if seen is not None and seen[0].start <= over.start and over.end <= seen[0].end:
                return seen[1]
            if look.over is not None:
                over = _hull(over, look.over)
        if as_of is not None:
            return await self._read(site, over, as_of)
        over, tally = await self._newest(site, over, look)
        if look is not None:
            look.certificates[site] = over, tally
        return tally

    async def _newest(self, site: str, over: Period, look: Look | None) -> tuple[Period, Tally | None]:
        """As it is now over ``over`` or more; what was read holds as long as nothing of the site has changed.

        Whole months are read: whoever asks how one stands asks every hour, of an hour more.
        """
        stamp = await self.stamp(site, look)
        if not stamp:
            return over, None
        held = (span for (name, span), kept in self._kept.items() if (name, kept[0]) == (site, stamp))
        wide = next((span for span in held if span.start <= over.start and over.end <= span.end), None)
        if wide is None:
            wide = _hull(month_of(over.start, _UTC), month_of(over.end, _UTC))
            self._kept[site, wide] = stamp, await self._read(site, wide)
        self._kept.move_to_end((site, wide))
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return wide, self._kept[site, wide][1]

    async def _read(self, site: str, over: Period, as_of: datetime | None = None) -> Tally:
        return Tally(await self._claims.claimed(site, over, as_of))


def with_certificates(totals: Totals, counted: Counted) -> Totals:
    """``totals`` with what is ``counted``; more than there is room for earns nothing.

    What a plant gave beyond a whole certificate is certified with the next month's: it is owed none.
    """
    vouched = max(0.0, min(totals.vouched, totals.renewable))
    unproven = max(0.0, vouched - counted.proven_wh)
    room = max(0.0, totals.edc + totals.edc_missing - totals.renewable)
    return replace(
        totals,
        goo=float(counted.cancelled_wh),
        goo_counted=min(float(counted.cancelled_wh), room),
        goo_pending=float(counted.pending_wh),
        goo_left=float(counted.left),
        vouched=vouched,
        proven=vouched - unproven,
        unproven=unproven,
        owed=unproven if unproven >= max(counted.proofs, 1) * CERTIFICATE_WH else 0.0,
    )


def _counted(tally: Tally, part: Period, until: int) -> Counted:
    settled = from_ms(until * QUARTER_MS)
    return tally.of(Period(part.start, min(part.end, settled))) if settled > part.start else _NONE


def _hull(one: Period, other: Period) -> Period:
    return Period(min(one.start, _quarter(other.start)), max(one.end, _quarter(other.end, up=True)))


def _quarter(at: datetime, *, up: bool = False) -> datetime:
    number = -(-to_ms(at) // QUARTER_MS) if up else to_ms(at) // QUARTER_MS
    return from_ms(number * QUARTER_MS)
