"""A battery lost more than is declared: what it gives is not proven to be green until the month ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind
from energy.interval import Period
from energy.quantity import energy
from runtime.options import Options


class BatteryLossesOptions(Options):
    """On from the first watt-hour that no store can hold, to the end of its month of UTC."""

    severity: Severity = Severity.MEDIUM


@RULES.add("battery_losses", BatteryLossesOptions)
class BatteryLosses:
    """One condition per site that has a battery."""

    cadence = Cadence.LEDGER

    def __init__(self, options: BatteryLossesOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown before anything of the month is settled."""
        having = {
            key: site
            for key, site in read.sites.items()
            if any(supply.kind is SupplyKind.BATTERY for supply in site.supply)
        }
        return [await self._site(key, site, at, read) for key, site in having.items()]

    async def _site(self, key: str, site: SiteOptions, at: datetime, read: Reading) -> Verdict:
        begin = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        settled, spilt = await read.settled(key, at), None
        if settled is not None and settled > begin:
            (row,) = await read.figures.mix(key, Period(begin, settled))
            spilt = row.spilt_wh
        names = ", ".join(supply.id for supply in site.supply if supply.kind is SupplyKind.BATTERY)
        return Verdict(
            key=f"battery_losses/{key}",
            rule="battery_losses",
            site=key,
            severity=self._options.severity,
            active=None if spilt is None else spilt > 0,
            title="Battery loses more than declared",
            summary=_summary(names, spilt),
            value=spilt,
            limit=0,
            link=f"/green?site={key}",
            evidence={"start": begin.isoformat(), "end": None if settled is None else settled.isoformat()},
            advice="Compare what its registers charged and discharged over the last months with round_trip "
            f"and capacity_kwh in [[sites.{key}.supply]], and write what they tell; look for readings that "
            "its discharge register lost.",
        )


def _summary(names: str, spilt: float | None) -> str:
    if spilt is None:
        return f"Nothing of this month is settled yet of {names}."
    if not spilt:
        return f"What {names} took and gave agrees with what is declared."
    return (
        f"Since the month began (UTC) {names} took {energy(spilt)} more than the declared round_trip and "
        "capacity explain. What it gives is not proven to be green until the month ends."
    )
