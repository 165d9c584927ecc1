"""The report as a value: bounds, sums, what is withheld, and what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from alerts.verdict import Severity
from energy.figures import LedgerRow, MeterStatement
from energy.interval import QUARTER, Period
from reports.check import balances
from reports.monthly import build
from reports.quality import completeness_line, quality_ranges
from reports.render import json as rendered
from tests.fakes.figures import SyntheticFigures
from tests.unit.reports.sample import GAP, OCTOBER, alert, material, october

DAY_AFTER = OCTOBER.end + timedelta(days=1)


async def test_the_month_in_which_the_clock_goes_back_is_an_hour_longer() -> None:
    figures = (await october()).figures

    assert (figures.period.days, figures.period.hours, figures.period.quarters) == (31, 745, 2980)
    assert figures.period.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert figures.period.end == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert len(figures.hours) == 745
    assert {len(series.energy_wh) for series in figures.ledger} == {2980}
    assert [day.hours for day in figures.days if day.hours != 24] == [25]


async def test_the_repeated_hour_is_one_cell_that_sums_both() -> None:
    figures = (await october()).figures
    (cell,) = [c for c in figures.heat_map if c.date == date(2026, 10, 25) and c.hour == 2]
    both = [h.kpi for h in figures.hours if h.local.date() == cell.date and h.local.hour == 2]

    assert cell.hours == 2
    assert len(both) == 2
    assert cell.edc_wh == sum(k.edc_wh or 0 for k in both)
    assert cell.share == sum(k.green_wh or 0 for k in both) / sum(k.edc_wh or 0 for k in both)


async def test_the_skipped_hour_has_an_empty_cell() -> None:
    settled = datetime(2026, 4, 2, tzinfo=UTC)
    report = await build("gdansk", "2026-03", settled, material(settled))
    (cell,) = [c for c in report.figures.heat_map if c.hours == 0]

    assert report.figures.period.quarters == 2972
    assert (cell.date, cell.hour, cell.share) == (date(2026, 3, 29), 2, None)


async def test_days_and_hours_add_up_to_the_month() -> None:
    figures = (await october(missing=[GAP])).figures

    assert len(figures.checks) == 14
    assert all(check.ok for check in figures.checks), figures.checks
    assert figures.checks[0].expected == figures.total.edc_wh


class Cold(SyntheticFigures):
    """Nothing is kept of the year: whoever does not want all of it is told to come again."""

    async def trailing(self, site, ends, as_of=None, whole=False):
        years = await super().trailing(site, ends, as_of, whole)
        return years if whole else [replace(year, figures={}) for year in years]


async def test_a_report_does_not_depend_on_what_is_kept_of_the_year() -> None:
    warm = material()
    made = [
        kind(warm.figures.sites, OCTOBER.end, begins=datetime(2025, 1, 1, tzinfo=UTC))
        for kind in (SyntheticFigures, Cold)
    ]
    told, cold = [
        await build("gdansk", "2026-10", DAY_AFTER, replace(warm, figures=figures)) for figures in made
    ]

    assert {figure.key: figure.value for figure in told.figures.year}["pue_12_months"] == 1.2
    assert rendered.render(cold) == rendered.render(told)


async def test_a_sum_that_does_not_balance_is_told() -> None:
    figures = (await october()).figures
    days = [replace(figures.days[0].kpi, edc_wh=0.0), *(day.kpi for day in figures.days[1:])]
    checks = balances(figures.total, figures.mix, days, [hour.kpi for hour in figures.hours])

    assert [check.name for check in checks if not check.ok] == ["edc_wh: sum of days = month"]


async def test_below_the_completeness_floor_figures_are_withheld_with_the_reason() -> None:
    week = Period(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC))
    figures = (await october(missing=[week])).figures
    headline = {figure.key: figure for figure in figures.headline}

    assert headline["hourly_matched"].value is None
    assert "below the floor" in (headline["hourly_matched"].reason or "")
    assert headline["pue"].value is None
    assert headline["edc_wh"].value is not None
    unknown = [c for c in figures.heat_map if c.date == date(2026, 10, 5)]
    assert len(unknown) == 24
    assert all(c.share is None and c.reason for c in unknown)


async def test_missing_intervals_are_listed_as_ranges() -> None:
    figures = (await october(missing=[GAP])).figures
    (gap,) = figures.ranges
    (statement,) = figures.completeness

    assert (gap.meter, gap.channel, gap.quality) == ("main-1", "energy", "missing")
    assert (gap.start, gap.end, gap.intervals) == (GAP.start, GAP.end, 19)
    assert gap.reason == "no reading arrived"
    assert (statement.expected, statement.known, statement.role) == (2980, 2961, "utility")
    assert statement.grade == "measured"


def test_a_register_that_never_reported_is_missing_throughout() -> None:
    silent = completeness_line("gdansk", MeterStatement("ups-a", "energy", "it", None, 2980, 0, 0, 0, 2980))
    (gap,) = quality_ranges([], [silent], OCTOBER)

    assert (gap.meter, gap.quality, gap.intervals) == ("ups-a", "missing", 2980)
    assert silent.grade == "indicative"


def test_an_export_register_is_expected_from_its_first_reading_on() -> None:
    later = OCTOBER.start + timedelta(days=3)
    row = LedgerRow("gdansk", "main-1", "export", later, 5.0, "ok", 1, None)
    after = LedgerRow("gdansk", "main-1", "export", later + 2 * QUARTER, 5.0, "ok", 1, None)
    first, rest = quality_ranges([row, after], [], OCTOBER)

    assert (first.start, first.intervals) == (later + QUARTER, 1)
    assert rest.end == OCTOBER.end


async def test_an_unfinished_month_is_a_draft_whose_rest_is_unknown() -> None:
    settled = datetime(2026, 10, 13, 9, 15, tzinfo=UTC)
    report = await build("gdansk", "2026-10", settled, material(settled))
    later = [c for c in report.figures.heat_map if c.date > date(2026, 10, 13)]

    assert report.figures.state == "draft"
    assert report.figures.settled_until == settled
    assert {c.reason for c in later} == {"not settled yet"}
    assert report.figures.ranges == ()  # what has not come yet is not missing
    assert len(report.figures.targets[1].days) == 13


async def test_a_settled_month_is_provisional_until_its_certificates_are_cancelled() -> None:
    assert (await october()).figures.state == "provisional"


async def test_targets_carry_their_verdicts() -> None:
    monthly, daily = (await october()).figures.targets

    assert (monthly.name, monthly.standing) == ("100-percent-green", "missed")
    assert len(daily.days) == 31
    assert daily.standing == "missed"
    assert daily.value == min(day.value for day in daily.days if day.value is not None)
    met = sum(day.standing == "met" for day in daily.days)
    assert daily.reason.startswith(f"met on {met} of 31 settled days")


async def test_a_target_of_which_less_than_an_hour_is_settled_is_unknown() -> None:
    settled = OCTOBER.start + timedelta(minutes=30)
    monthly, daily = (await build("gdansk", "2026-10", settled, material(settled))).figures.targets

    assert (monthly.standing, monthly.value) == ("unknown", None)
    assert [day.standing for day in daily.days] == ["unknown"]


async def test_the_worst_hours_are_those_with_most_unmatched_energy() -> None:
    figures = (await october()).figures
    energies = [hour.kpi.other_wh or 0.0 for hour in figures.worst_hours]

    assert len(energies) == 10
    assert energies == sorted(energies, reverse=True)
    assert energies[0] == max(hour.kpi.other_wh or 0.0 for hour in figures.hours)


async def test_alerts_of_the_month_are_counted_by_severity() -> None:
    before = alert(5, "ended before", Severity.LOW, hours=1)
    old = replace(before, since=datetime(2026, 9, 1, tzinfo=UTC), ended=datetime(2026, 9, 2, tzinfo=UTC))
    report = await october(alerts=[alert(1, "one", Severity.HIGH), alert(2, "two", Severity.HIGH, None), old])

    assert report.alert_counts == {"critical": 0, "high": 2, "medium": 0, "low": 0}
    assert [a.title for a in report.alerts] == ["one", "two"]
    assert report.alerts[0].acknowledged_by == "Jadwiga Nowak"
    assert report.alerts[1].end is None


async def test_the_checksum_can_be_worked_out_from_the_json_with_any_tool() -> None:
    report = await october(missing=[GAP])
    read = json.loads(rendered.render(report))
    text = json.dumps(read["figures"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert hashlib.sha256(text.encode()).hexdigest() == report.checksum == read["checksum"]


async def test_alerts_and_locale_do_not_change_the_checksum_but_figures_do() -> None:
    plain = await october()
    alarmed = await october(alerts=[alert(1, "one", Severity.HIGH)])
    gapped = await october(missing=[GAP])

    assert plain.checksum == alarmed.checksum
    assert plain.checksum != gapped.checksum


async def test_all_sites_are_one_report_in_utc() -> None:
    report = await build("all", "2026-10", DAY_AFTER, material(keys=("gdansk", "kaunas")))

    assert report.figures.site.key == "all"
    assert report.figures.period.start == datetime(2026, 10, 1, tzinfo=UTC)
    assert {line.site for line in report.figures.completeness} == {"gdansk", "kaunas"}
    assert {line.site for line in report.figures.meters} == {"gdansk", "kaunas"}


@pytest.mark.parametrize(
    ("where", "month", "words"),
    [
        ("gdansk", "2026-13", "'2026-13' is no month; write it as 2026-10"),
        ("gdansk", "October", "is no month"),
        ("gdansk", "2026-12", "2026-12 has not begun"),
        ("warsaw", "2026-10", "no site 'warsaw' is configured; known are gdansk, all"),
    ],
)
async def test_what_cannot_be_reported_is_refused_with_the_fix(where: str, month: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await build(where, month, DAY_AFTER, material())


@pytest.mark.parametrize(("days", "refused"), [(31, True), (30, False)])
async def test_a_month_that_was_not_metered_is_refused_with_the_reason(days: int, refused: bool) -> None:
    unmetered = Period(OCTOBER.start, OCTOBER.end - timedelta(days=31 - days))
    made = material(missing=[unmetered])
    if not refused:
        assert (await build("gdansk", "2026-10", DAY_AFTER, made)).figures.state == "provisional"
        return
    for site in ("gdansk", "all"):
        with pytest.raises(ValueError, match=f"nothing to report of '{site}' for 2026-10.*known for 1%"):
            await build(site, "2026-10", DAY_AFTER, made)
