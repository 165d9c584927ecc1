from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.options import AlertOptions
from alerts.reading import ChannelStatus, Reading
from alerts.verdict import RULES, Severity, Verdict
from energy.certificates.desk import Certificates
from energy.configuration.site import SiteOptions
from energy.interval import Period
from energy.proof.desk import Pending
from energy.proof.difference import Checked
from energy.quantity import quantity
from energy.targets.target import TargetOptions
from runtime.beats import ProcessStatus
from runtime.clock import to_ms
from runtime.database import Database
from telemetry.catalogue import METER
from telemetry.disk import DiskPart, DiskRoom
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from telemetry.status import IngestStatus, JournalStatus, SourceStatus, StoreStatus
from tests.fakes.background import ToldProcesses
from tests.fakes.figures import SyntheticFigures, night, site
from tests.fakes.house import ToldHours

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Ingest:
    """An ingest that says what a test puts into it."""

    journal: JournalStatus = field(default_factory=lambda: JournalStatus(3, 10, 100, 3))
    stores: list[StoreStatus] = field(default_factory=list)
    rows: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    devices: list[SourceStatus] = field(default_factory=list)
    disks: tuple[DiskRoom, ...] = ()

    async def status(self) -> IngestStatus:
        told = IngestStatus(0, 0, 0, 0, 0, dict(self.rejected), self.journal, self.stores)
        return replace(told, rows=self.rows, disks=self.disks)

    def sources(self) -> Sequence[SourceStatus]:
        return self.devices


@dataclass
class Channels:
    """An outbox that says what a test puts into it."""

    states: list[ChannelStatus]

    def channels(self) -> Sequence[ChannelStatus]:
        return self.states


@dataclass(frozen=True)
class Issued:
    """A report that is there."""

    site: str
    period: str


@dataclass
class Shelf:
    """A report index that says what a test puts into it."""

    reports: list[Issued] = field(default_factory=list)

    async def entries(self, site: str | None = None) -> list[Issued]:
        return [r for r in self.reports if site in (None, r.site)]


class SoundProof:
    """A ledger that is as it was sealed, and for which nothing waits."""

    async def checked(self) -> Checked:
        return Checked(AT - timedelta(hours=1), "amberwatt", 1, 192)

    async def pending(self, site: str) -> list[Pending]:
        return []


def reading(**more: Any) -> Reading:
    sites = {"gdansk": site()}
    given: dict[str, Any] = {
        "sites": sites,
        "targets": (),
        "figures": SyntheticFigures(sites, settled=AT),
        "live": LiveState(SeriesRegistry()),
        "ingest": Ingest(),
    }
    return Reading(**(given | more))


def rule(name: str, **options: Any) -> Any:
    tables = AlertOptions.model_validate({"rule": [{"type": name, **options}]})
    assert tables.problems() == []
    return tables.rules()[name]


async def ask(name: str, read: Reading, at: datetime = AT) -> dict[str, Verdict]:
    verdicts = list(await rule(name).judge(at, read))
    assert all(v.rule == name for v in verdicts)
    assert len({v.key for v in verdicts}) == len(verdicts)
    return {v.key: v for v in verdicts}


@pytest.fixture
async def account(tmp_path: Path) -> AsyncIterator[Certificates]:
    """An account without any certificate."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'state.sqlite'}")
    await database.create_all()
    yield Certificates(database, {"gdansk": site()})
    await database.close()


@pytest.mark.parametrize("name", list(AlertOptions().rules()))
async def test_every_rule_names_its_conditions_without_values_and_says_what_to_do(
    name: str, account: Certificates
) -> None:
    sites = {"gdansk": site(battery=True)}
    busy = reading(
        sites=sites,
        figures=SyntheticFigures(sites, settled=AT),
        targets=(TargetOptions(name="green", site="gdansk", goal=0.9),),
        ingest=Ingest(
            stores=[StoreStatus("duckdb", 3, 0.0)],
            devices=[SourceStatus("gdansk/meter/main-1", "meter", "gdansk", AT, 1)],
            disks=(DiskRoom("/var/lib", 5, 9, ()),),
        ),
        deliveries=Channels([ChannelStatus("mail", 0, None, timedelta(0), False)]),
        reports=Shelf(),
        processes=ToldProcesses([ProcessStatus("web/one", "web")]),
        completeness=ToldHours(),
        proof=SoundProof(),
        certificates=account,
    )
    verdicts = await ask(name, busy)
    later = await ask(
        name,
        replace(busy, figures=SyntheticFigures(busy.sites, AT + timedelta(days=1))),
        AT + timedelta(days=1),
    )
    assert verdicts
    assert set(verdicts) == set(later)
    assert all(v.advice and v.title and v.summary and v.link.startswith("/") for v in verdicts.values())


async def test_a_windless_night_misses_the_target_and_names_the_month() -> None:
    target = TargetOptions(name="green", site="gdansk", severity="critical")
    sites = {"gdansk": site()}
    dark = SyntheticFigures(sites, AT, windless=[night(datetime(2026, 10, 10, tzinfo=UTC))])
    verdicts = await ask("green_target", reading(targets=(target,), figures=dark))
    missed, risk = verdicts["target/green/missed"], verdicts["target/green/at-risk"]
    assert (missed.active, missed.severity, missed.unit, missed.limit) == (True, Severity.CRITICAL, "%", 100)
    assert missed.value is not None
    assert 80 < missed.value < 100
    assert (risk.active, risk.severity) == (False, Severity.MEDIUM)
    assert missed.episode == risk.episode == "2026-10"
    assert missed.link == "/green/2026-10?site=gdansk"


async def test_a_withheld_target_is_unknown() -> None:
    target = TargetOptions(name="green", site="gdansk")
    gone = SyntheticFigures({"gdansk": site()}, AT, missing=[Period(AT - timedelta(days=20), AT)])
    verdicts = await ask("green_target", reading(targets=(target,), figures=gone))
    assert {v.active for v in verdicts.values()} == {None}


def limited(pue_limit: float) -> dict[str, SiteOptions]:
    return {"gdansk": site().model_copy(update={"pue_limit": pue_limit})}


async def test_pue_is_held_against_the_sites_limit_with_a_deadband() -> None:
    row = (await SyntheticFigures({"gdansk": site()}, AT).kpi("gdansk", Period(AT - timedelta(hours=1), AT)))[
        0
    ]
    assert row.pue is not None

    async def judged(limit: float) -> tuple[bool | None, bool]:
        verdict = (await ask("pue_limit", reading(sites=limited(limit))))["pue/gdansk"]
        assert verdict.value == row.pue
        return verdict.active, verdict.clears

    assert await judged(row.pue - 0.01) == (True, False)
    assert await judged(row.pue + 0.01) == (False, False)
    assert await judged(row.pue + 0.03) == (False, True)


async def test_pue_is_unknown_when_it_is_withheld_or_stale() -> None:
    sites = {"gdansk": site()}
    gone = SyntheticFigures(sites, AT, missing=[Period(AT - timedelta(hours=1), AT)])
    verdict = (await ask("pue_limit", reading(figures=gone)))["pue/gdansk"]
    assert verdict.active is None
    assert "below the floor" in verdict.summary
    old = (await ask("pue_limit", reading(), AT + timedelta(hours=3)))["pue/gdansk"]
    assert old.active is None


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (AT - timedelta(hours=10), AT - timedelta(hours=10)),
        (AT - timedelta(hours=10) + 7 * SECOND, AT - timedelta(hours=10)),
        (AT + timedelta(hours=1), AT),
    ],
)
async def test_a_past_due_time_is_judged_by_the_pue_of_its_own_hour(at: datetime, end: datetime) -> None:
    """A replay, or a check that a restart makes up for: the ledger has gone on since."""
    (row,) = await SyntheticFigures({"gdansk": site()}, AT).kpi(
        "gdansk", Period(end - timedelta(hours=1), end)
    )
    verdict = (await ask("pue_limit", reading(), at))["pue/gdansk"]
    assert verdict.value == row.pue
    assert verdict.evidence["end"] == end.isoformat()


async def test_a_past_due_time_is_judged_by_the_meters_of_its_own_hour() -> None:
    gone = Period(AT - timedelta(hours=5), AT - timedelta(hours=4))
    past = reading(figures=SyntheticFigures({"gdansk": site()}, AT, missing=[gone]))
    found = {
        hours: (await ask("completeness", past, AT - timedelta(hours=hours)))["completeness/gdansk/main-1"]
        for hours in (5, 4, 3.5, 3, 0)
    }
    assert {hours: verdict.value for hours, verdict in found.items()} == {
        5: 100,
        4: 0,
        3.5: 50,
        3: 100,
        0: 100,
    }


def live(watts: float, at: datetime) -> LiveState:
    registry = SeriesRegistry()
    number = registry.id(METER, ("gdansk", "main-1"))
    state = LiveState(registry)
    state.update(
        Frame(
            METER,
            np.array([number], np.int32),
            np.array([to_ms(at)], np.int64),
            {"power_w": np.array([watts])},
        )
    )
    return state


@pytest.mark.parametrize(
    ("kilowatts", "age", "active", "clears"),
    [
        (16_001, 0, True, False),
        (15_900, 0, False, False),
        (15_600, 0, False, True),
        (99_999, 181, None, False),
        (99_999, 179, True, False),
    ],
)
async def test_power_is_held_against_the_contract(
    kilowatts: float, age: int, active: bool | None, clears: bool
) -> None:
    now = reading(live=live(kilowatts * 1000, AT - age * SECOND))
    verdict = (await ask("power_contract", now))["contract/gdansk"]
    assert (verdict.active, verdict.clears) == (active, clears)
    assert verdict.on_delay == 60 * SECOND


async def test_power_is_unknown_before_the_first_reading_and_unwatched_without_a_contract() -> None:
    assert (await ask("power_contract", reading()))["contract/gdansk"].active is None
    free = {"gdansk": site().model_copy(update={"contracted_kw": None})}
    assert await ask("power_contract", reading(sites=free)) == {}


@pytest.mark.parametrize(
    ("share", "active", "clears", "severity"),
    [
        (74, False, True, "high"),
        (79, False, False, "high"),
        (80, True, False, "high"),
        (95, True, False, "critical"),
    ],
)
async def test_the_journal_fills(share: int, active: bool, clears: bool, severity: str) -> None:
    ingest = Ingest(journal=JournalStatus(1, share, 100, 1), stores=[StoreStatus("influx", 1, 90.0)])
    verdict = (await ask("journal_filling", reading(ingest=ingest)))["journal/filling"]
    assert (verdict.active, verdict.clears, verdict.severity) == (active, clears, severity)
    assert "influx is 90 s behind" in verdict.summary


@pytest.mark.parametrize(
    ("free", "total", "active", "clears", "severity"),
    [
        (12.5, 400, False, True, "high"),
        (10.1, 400, False, False, "high"),
        (9.9, 400, True, False, "high"),
        (2.4, 400, True, False, "critical"),
        (1.6, 30, False, False, "high"),
        (1.4, 30, True, False, "high"),
        (0.3, 30, True, False, "critical"),
    ],
)
async def test_the_disk_fills(free: float, total: float, active: bool, clears: bool, severity: str) -> None:
    parts = (DiskPart("journal", 4_000_000_000), DiskPart("store duckdb", 90_000_000_000))
    room = DiskRoom("/var/lib", round(1e9 * free), round(1e9 * total), parts)
    other = DiskRoom("/mnt", 900_000_000_000, 1_000_000_000_000, ())
    verdicts = await ask("disk_filling", reading(ingest=Ingest(disks=(room, other))))
    verdict = verdicts["disk//var/lib"]
    assert (verdict.active, verdict.clears, verdict.severity) == (active, clears, severity)
    assert "store duckdb 90" in verdict.summary
    assert verdicts["disk//mnt"].active is False


@pytest.mark.parametrize(("hours", "active"), [(0, True), (23, True), (25, False), (None, False)])
async def test_a_damaged_journal_is_told_for_a_day(hours: int | None, active: bool) -> None:
    lost_at = None if hours is None else AT - timedelta(hours=hours)
    ingest = Ingest(journal=JournalStatus(1, 1, 100, 9, 0 if hours is None else 4, lost_at))
    verdict = (await ask("journal_damaged", reading(ingest=ingest)))["journal/damaged"]
    assert verdict.active is active
    assert ("4 batches" in verdict.summary) is (hours is not None)


async def test_each_store_is_judged_by_itself() -> None:
    stores = [StoreStatus("duckdb", 9, 0.0), StoreStatus("influx", 1, 301.0, "connection refused")]
    verdicts = await ask("store_lagging", reading(ingest=Ingest(stores=stores)))
    assert {key: v.active for key, v in verdicts.items()} == {
        "store/duckdb/lagging": False,
        "store/influx/lagging": True,
    }
    assert "connection refused" in verdicts["store/influx/lagging"].summary


async def test_a_store_that_lacks_batches_is_told_until_it_has_them() -> None:
    stores = [StoreStatus("duckdb", 9, 0.0), StoreStatus("influx", 1, 1.0, missed=1_234, missed_since=AT)]
    verdicts = await ask("store_incomplete", reading(ingest=Ingest(stores=stores)))
    assert {key: v.active for key, v in verdicts.items()} == {
        "store/duckdb/incomplete": False,
        "store/influx/incomplete": True,
    }
    assert f"1,234 batches since {AT:%Y-%m-%d %H:%M} UTC" in verdicts["store/influx/incomplete"].summary


async def test_rejects_are_counted_over_a_window() -> None:
    judge, ingest = rule("reject_rate"), Ingest(rows=1_000, rejected={"not-decodable": 500})

    async def at(minutes: int, rows: int, rejected: int) -> Verdict:
        ingest.rows, ingest.rejected = rows, {"not-decodable": rejected}
        (verdict,) = await judge.judge(AT + timedelta(minutes=minutes), reading(ingest=ingest))
        return verdict  # type: ignore[no-any-return]

    assert (await at(0, 1_000, 500)).active is None
    assert (await at(5, 1_500, 500)).active is None
    assert (await at(10, 2_000, 500)).active is False
    high = await at(15, 2_480, 520)
    assert (high.active, high.value) == (True, 2.0)
    assert "not-decodable 20" in high.summary
    assert (await at(25, 3_480, 520)).active is False
    assert (await at(35, 3_480, 520)).active is None


async def test_nodes_whose_clock_is_fast_cannot_have_more_rejected_than_they_sent() -> None:
    judge, ingest = rule("reject_rate"), Ingest()
    await judge.judge(AT, reading(ingest=ingest))
    ingest.rows, ingest.rejected = 0, {"future": 8 * 100}  # 100 messages of 8 GPUs each
    (verdict,) = await judge.judge(AT + timedelta(minutes=10), reading(ingest=ingest))
    assert (verdict.active, verdict.value) == (True, 100.0)
    assert "800 of 800 rows" in verdict.summary


async def test_few_rejects_are_no_alarm() -> None:
    judge, ingest = rule("reject_rate"), Ingest()
    await judge.judge(AT, reading(ingest=ingest))
    ingest.rows, ingest.rejected = 20, {"nan": 9}
    (verdict,) = await judge.judge(AT + timedelta(minutes=10), reading(ingest=ingest))
    assert verdict.active is False


async def test_an_inlet_meter_that_is_missing() -> None:
    sites = {"gdansk": site()}
    gone = SyntheticFigures(sites, AT, missing=[Period(AT - timedelta(minutes=15), AT)])
    verdict = (await ask("completeness", reading(figures=gone)))["completeness/gdansk/main-1"]
    assert (verdict.active, verdict.value) == (True, 75.0)
    assert "1 of the last 4" in verdict.summary
    assert (await ask("completeness", reading()))["completeness/gdansk/main-1"].active is False


async def test_an_inlet_meter_that_has_only_begun_or_was_long_dead_is_no_news() -> None:
    sites = {"gdansk": site()}
    begins = SyntheticFigures(sites, AT, missing=[Period(AT - timedelta(days=9), AT - timedelta(minutes=15))])
    verdict = (await ask("completeness", reading(figures=begins)))["completeness/gdansk/main-1"]
    assert (verdict.active, verdict.value) == (None, 25.0)


@pytest.mark.parametrize(
    ("at", "reports", "missing"),
    [
        (datetime(2026, 11, 1, 6, tzinfo=UTC), [], False),
        (datetime(2026, 11, 2, 6, tzinfo=UTC), [], True),
        (datetime(2026, 11, 2, 6, tzinfo=UTC), [Issued("gdansk", "2026-10")], False),
        (datetime(2026, 11, 2, 6, tzinfo=UTC), [Issued("kaunas", "2026-10")], True),
    ],
)
async def test_a_report_is_missing_from_the_second_on(
    at: datetime, reports: list[Issued], missing: bool
) -> None:
    sites = {"gdansk": site()}
    now = reading(figures=SyntheticFigures(sites, at), reports=Shelf(reports))
    verdict = (await ask("report_missing", now, at))["report/gdansk"]
    assert (verdict.active, verdict.episode) == (missing, "2026-10")


@pytest.mark.parametrize(
    ("minutes", "error", "lost", "active", "clears"),
    [
        (0, None, False, False, True),
        (14, "refused", False, False, False),
        (16, "refused", False, True, False),
        (0, "550", True, True, False),
    ],
)
async def test_a_failing_channel(
    minutes: int, error: str | None, lost: bool, active: bool, clears: bool
) -> None:
    status = ChannelStatus("mail", 2, error, timedelta(minutes=minutes), lost)
    verdict = (await ask("channel_failing", reading(deliveries=Channels([status]))))["channel/mail"]
    assert (verdict.active, verdict.clears, verdict.evidence["channel"]) == (active, clears, "mail")


def device(source: str, age: float | None = 0, **more: Any) -> SourceStatus:
    place, kind = source.split("/")[0], "gpu" if source.endswith("/gpu") else source.split("/")[1]
    return SourceStatus(source, kind, place, None if age is None else AT - age * SECOND, 1, **more)


async def silence(*devices: SourceStatus) -> dict[str, bool | None]:
    verdicts = await ask("silent_source", reading(ingest=Ingest(devices=list(devices))))
    return {key.removeprefix("silent/gdansk"): v.active for key, v in verdicts.items()}


async def test_three_periods_of_silence_by_the_meters_own_period() -> None:
    speaks = device("gdansk/supply/pv-roof")
    assert (await silence(device("gdansk/meter/main-1", 180), speaks))["/meter"] is False
    assert (await silence(device("gdansk/meter/main-1", 181), speaks))["/meter"] is True
    assert (await silence(device("gdansk/meter/main-1", 0, online=False), speaks))["/meter"] is True


@pytest.mark.parametrize("table", ["meter", "supply", "cooling", "heat", "water"])
async def test_every_table_says_how_long_its_devices_may_be_silent(table: str) -> None:
    more = {"supply": {"kind": "ppa_wind", "zone": "PL"}, "meter": {"role": "other"}}.get(table, {})
    slow = [{"id": "slow", "period": "15m", **more}, {"id": "plain", **more}]
    sites = {"gdansk": SiteOptions.model_validate({"name": "G", "zone": "UTC", "grid": "PL", table: slow})}

    async def told(**age: int) -> dict[str, bool | None]:
        devices = [device(f"gdansk/{table}/{name}", age.get(name, 0)) for name in ("slow", "plain", "odd")]
        read = reading(sites=sites, ingest=Ingest(devices=devices))
        verdicts = await ask("silent_source", read)
        return {key.removeprefix("silent/gdansk"): v.active for key, v in verdicts.items()}

    kind = f"/{table}"
    assert await told(slow=2700, plain=180, odd=60) == {"": False, kind: False}
    assert await told(slow=2701) == await told(plain=181) == await told(odd=61) == {"": False, kind: True}


async def test_a_configured_meter_that_never_spoke_is_silent_after_three_periods() -> None:
    devices = [device("gdansk/meter/main-1", None), device("gdansk/supply/pv-roof")]
    verdict = (await ask("silent_source", reading(ingest=Ingest(devices=devices))))["silent/gdansk/meter"]
    assert (verdict.active, verdict.on_delay) == (True, 180 * SECOND)
    assert verdict.summary == "1 of 1 silent: gdansk/meter/main-1. It has never spoken."


async def test_only_where_several_share_the_work_a_missing_shard_is_a_cause() -> None:
    devices = [device("gdansk/meter/main-1", None)]
    alone = await ask("silent_source", reading(ingest=Ingest(devices=devices)))
    shared = await ask("silent_source", reading(ingest=Ingest(devices=devices), processes=ToldProcesses([])))
    assert "[[shard]]" not in alone["silent/gdansk/meter"].advice
    assert shared["silent/gdansk/meter"].advice.startswith(alone["silent/gdansk/meter"].advice)
    assert "belong to no [[shard]]: /readyz of web and jobs" in shared["silent/gdansk/meter"].advice


async def test_those_that_never_spoke_are_counted_among_the_silent() -> None:
    async def told(*ages: float | None) -> str:
        devices = [device(f"gdansk/meter/m{number}", age) for number, age in enumerate(ages)]
        verdicts = await ask("silent_source", reading(ingest=Ingest(devices=devices)))
        return verdicts["silent/gdansk/meter"].summary.rpartition(". ")[2]

    assert await told(None, None) == "None of them has ever spoken."
    assert await told(None, 1e6) == "1 of them has never spoken."
    assert await told(None, None, 1e6) == "2 of them have never spoken."
    assert await told(0.0, 0.0) == "Every source speaks."


async def test_of_one_nothing_is_said_in_the_plural() -> None:
    status = ChannelStatus("mail", 1, "refused", timedelta(hours=1), False)
    verdict = (await ask("channel_failing", reading(deliveries=Channels([status]))))["channel/mail"]
    assert verdict.summary == "mail: refused. 1 message waits."


async def test_what_a_summary_says_is_what_value_and_limit_say() -> None:
    """Whoever reads both must not find two figures."""
    sites = limited(1.2)
    verdicts = await ask("pue_limit", reading(sites=sites, figures=SyntheticFigures(sites, settled=AT)))
    by_volume = TargetOptions(name="green", site="gdansk", metric="ref")
    late = reading(ingest=Ingest(stores=[StoreStatus("duckdb", 3, 312.44)]))
    over_contract = {"gdansk": site().model_copy(update={"contracted_kw": 2e3})}
    found = [
        *verdicts.values(),
        *(await ask("power_contract", reading(sites=over_contract, live=live(3_456_789.0, AT)))).values(),
        *(await ask("green_target", reading(targets=(by_volume,)))).values(),
        *(await ask("store_lagging", late)).values(),
    ]
    assert len(found) == 5
    assert all(quantity(verdict.value, verdict.unit) in verdict.summary for verdict in found)
    assert all(quantity(verdict.limit, verdict.unit) in verdict.summary for verdict in found[:-1])


async def test_a_missing_report_is_named_by_its_month() -> None:
    figures = SyntheticFigures({"gdansk": site()}, settled=AT)
    verdicts = await ask("report_missing", reading(figures=figures, reports=Shelf()), at=AT)
    assert verdicts["report/gdansk"].title == "The report for September 2026 is missing"
    assert verdicts["report/gdansk"].episode == "2026-09"


@pytest.fixture
def in_new_york() -> Iterator[None]:
    """The machine's own zone is far from that of the sites."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
async def test_a_target_of_all_sites_has_its_days_in_utc() -> None:
    target = TargetOptions(name="green", site="all", period="day", goal=0.9)
    verdicts = await ask("green_target", reading(targets=(target,)))
    assert verdicts["target/green/missed"].episode == "2026-10-20"
    assert verdicts["target/green/missed"].title.endswith(", 20 October 2026")


async def test_nodes_are_grouped_by_rack_and_a_dead_hall_is_one_alarm() -> None:
    def nodes(hall: str, rack: str, age: float) -> list[SourceStatus]:
        return [device(f"gdansk/{hall}/{rack}/n{n}/gpu", age) for n in range(2)]

    meter = device("gdansk/meter/main-1")
    some = await silence(meter, *nodes("a", "r1", 99), *nodes("a", "r2", 0), *nodes("b", "r1", 0))
    assert some == {
        "": False, "/meter": False, "/hall/a": False, "/rack/a/r1": True, "/rack/a/r2": False,
        "/hall/b": False, "/rack/b/r1": False,
    }  # fmt: skip
    hall = await silence(meter, *nodes("a", "r1", 99), *nodes("a", "r2", 99), *nodes("b", "r1", 0))
    assert hall["/hall/a"] is True
    assert hall["/rack/a/r1"] is hall["/rack/a/r2"] is None
    assert hall[""] is False


async def test_a_dead_site_is_one_alarm() -> None:
    all_silent = await silence(device("gdansk/meter/main-1", 999), device("gdansk/a/r1/n1/gpu", 999))
    assert all_silent == {"": True, "/meter": None, "/hall/a": None, "/rack/a/r1": None}


async def test_what_is_not_configured_wakes_nobody() -> None:
    devices = [
        SourceStatus("loadtest/a/r1/n1/gpu", "gpu", "loadtest", None, 0),
        SourceStatus("gdansk/meter/main1", "meter", "gdansk", None, 0, configured=False),
    ]
    assert await ask("silent_source", reading(ingest=Ingest(devices=devices))) == {}


async def test_a_gigafactory_of_nodes_is_few_conditions() -> None:
    nodes = [device(f"gdansk/a/r{n // 16}/n{n}/gpu", 99) for n in range(1_600)]
    verdicts = await ask(
        "silent_source", reading(ingest=Ingest(devices=[device("gdansk/meter/main-1"), *nodes]))
    )
    assert [v.key for v in verdicts.values() if v.active] == ["silent/gdansk/hall/a"]
    assert len(verdicts) == 103
    assert len(verdicts["silent/gdansk/hall/a"].evidence["silent"]) == 20


def test_every_rule_has_options_with_defaults() -> None:
    AlertOptions().rules()
    assert all(RULES[name].options().model_dump() is not None for name in RULES)
