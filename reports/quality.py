"""What the ledger knows and does not know: register by register, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from math import fsum

from energy.configuration.device import ENERGY, VOLUME
from energy.configuration.metering import RegisterOptions, WaterOptions
from energy.configuration.site import SiteOptions
from energy.figures import LedgerRow, MeterStatement
from energy.interval import QUARTER, Period
from reports.content import CompletenessLine, Grade, LedgerSeries, MeterLine, QualityRange

MEASURED_FROM = 0.99
ESTIMATES_FROM = 0.90
NEVER = "this register has never reported in this month"
NO_ROW = "the ledger holds no row for this interval"


def meter_lines(sites: Mapping[str, SiteOptions]) -> tuple[MeterLine, ...]:
    """Every meter, supply, cooling unit, heat and water meter of ``sites`` as configured."""
    lines = []
    for key, site in sites.items():
        lines += [
            _register(key, "meter", m, role=m.role.value, category=m.point, parent=m.parent)
            for m in site.meter
        ]
        lines += [
            _register(key, "supply", s, role=s.kind.value, zone=s.zone, certificates=s.certificates)
            for s in site.supply
        ]
        lines += [_register(key, "cooling", c, role="cooling unit") for c in site.cooling]
        lines += [_register(key, "heat", h, role="reused heat") for h in site.heat]
        lines += [_water(key, w) for w in site.water]
    return tuple(lines)


def _register(site: str, kind: str, options: RegisterOptions, **more: str | None) -> MeterLine:
    return MeterLine(
        site=site,
        id=options.id,
        kind=kind,
        role=more.get("role") or "",
        category=more.get("category"),
        parent=more.get("parent"),
        accuracy_class=options.accuracy_class,
        period_s=options.period.total_seconds(),
        modulus=options.modulus_wh,
        on_decrease=options.on_decrease,
        zone=more.get("zone"),
        certificates=more.get("certificates"),
    )


def _water(site: str, meter: WaterOptions) -> MeterLine:
    return MeterLine(
        site=site,
        id=meter.id,
        kind="water",
        role="water in",
        category=None,
        parent=None,
        accuracy_class=meter.accuracy_class,
        period_s=meter.period.total_seconds(),
        modulus=meter.modulus_m3,
        on_decrease=meter.on_decrease,
        zone=None,
        certificates=None,
    )


def completeness_line(site: str, statement: MeterStatement) -> CompletenessLine:
    """``statement`` with its grade."""
    share = statement.known / statement.expected if statement.expected else None
    return CompletenessLine(
        site=site,
        meter=statement.meter,
        channel=statement.channel,
        role=statement.role,
        energy_wh=statement.energy_wh,
        expected=statement.expected,
        known=statement.known,
        estimated=statement.estimated,
        resets=statement.resets,
        longest_gap_intervals=statement.longest_gap_intervals,
        completeness=share,
        grade=_grade(share),
        volume_l=statement.volume_l,
    )


def _grade(share: float | None) -> Grade:
    if share is None:
        return "not settled"
    if share >= MEASURED_FROM:
        return "measured"
    return "measured with estimates" if share >= ESTIMATES_FROM else "indicative"


def ledger_series(rows: Iterable[LedgerRow], period: Period) -> tuple[LedgerSeries, ...]:
    """``rows`` as one full series a register; an interval without a row is missing, revision 0."""
    found = []
    for (site, meter, channel), by_start in _by_register(rows).items():
        row_at = [by_start.get(period.start + i * QUARTER) for i in range(period.quarters)]
        amounts = tuple(_amount(row) for row in row_at)
        found.append(
            LedgerSeries(
                site=site,
                meter=meter,
                channel=channel,
                start=period.start,
                energy_wh=None if channel == VOLUME else amounts,
                volume_l=amounts if channel == VOLUME else None,
                quality=tuple(r.quality if r else "missing" for r in row_at),
                revision=tuple(r.revision if r else 0 for r in row_at),
            )
        )
    return tuple(found)


def quality_ranges(
    rows: Iterable[LedgerRow], lines: Iterable[CompletenessLine], settled: Period
) -> tuple[QualityRange, ...]:
    """Where registers are not plainly measured within ``settled``, in time order.

    A register of ``lines`` without any row is missing throughout. One that counts neither plain energy nor
    water (an export, say) is expected from its first row on: few meters have it.
    """
    found: list[QualityRange] = []
    registers = _by_register(rows)
    for key, by_start in registers.items():
        first = settled.start if key[2] in (ENERGY, VOLUME) else max(settled.start, min(by_start))
        found += _ranges_of(by_start, Period(first, max(first, settled.end)))
    for line in lines:
        if line.expected and (line.site, line.meter, line.channel) not in registers:
            found.append(_never(line, settled))
    return tuple(sorted(found, key=lambda r: (r.site, r.meter, r.channel, r.start)))


def _never(line: CompletenessLine, settled: Period) -> QualityRange:
    return QualityRange(
        site=line.site,
        meter=line.meter,
        channel=line.channel,
        quality="missing",
        start=settled.start,
        end=settled.end,
        intervals=settled.quarters,
        energy_wh=None,
        reason=NEVER,
    )


def _ranges_of(by_start: Mapping[datetime, LedgerRow], settled: Period) -> Iterator[QualityRange]:
    some = next(iter(by_start.values()))
    for (quality, reason), group in groupby(
        _filled(by_start, settled, some), key=lambda row: (row.quality, row.reason)
    ):
        members = list(group)
        if quality != "ok":
            known, water = _sum_known(members), some.channel == VOLUME
            yield QualityRange(
                site=some.site,
                meter=some.meter,
                channel=some.channel,
                quality=quality,
                start=members[0].start,
                end=members[-1].start + QUARTER,
                intervals=len(members),
                energy_wh=None if water else known,
                reason=reason,
                volume_l=known if water else None,
            )


def _filled(by_start: Mapping[datetime, LedgerRow], settled: Period, like: LedgerRow) -> Iterator[LedgerRow]:
    for i in range(settled.quarters):
        at = settled.start + i * QUARTER
        yield by_start.get(at) or LedgerRow(
            like.site, like.meter, like.channel, at, None, "missing", 0, NO_ROW
        )


def _sum_known(rows: Sequence[LedgerRow]) -> float | None:
    known = [amount for amount in map(_amount, rows) if amount is not None]
    return fsum(known) if known else None


def _amount(row: LedgerRow | None) -> float | None:
    """Wh, or litres of water."""
    if row is None:
        return None
    return row.volume_l if row.channel == VOLUME else row.energy_wh


def _by_register(rows: Iterable[LedgerRow]) -> dict[tuple[str, str, str], dict[datetime, LedgerRow]]:
    found: dict[tuple[str, str, str], dict[datetime, LedgerRow]] = {}
    for row in rows:
        found.setdefault((row.site, row.meter, row.channel), {})[row.start] = row
    return found
