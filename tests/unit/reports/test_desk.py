"""The desk and the archive: revisions only on change, nothing half done, told once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.board import AlertState
from alerts.message import AlertMessage
from alerts.verdict import Severity
from reports.archive import Archive
from reports.content import MonthlyReport
from reports.desk import Desk, ReportOptions
from reports.due import MonthlyIssue
from reports.monthly import Material
from reports.render import json
from reports.report import FORMATS, ReportDesk
from runtime.clock import ManualClock
from runtime.database import Database
from runtime.errors import StoreError
from tests.databases import fresh
from tests.unit.reports.sample import GAP, OCTOBER, alert, material

DAY_AFTER = OCTOBER.end + timedelta(days=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Rendering is what takes long here; the index in both databases is held by the contract suite."""
    async with fresh("sqlite", tmp_path) as found:
        yield found


class Office:
    """A desk over a folder, which can be opened anew over other figures or at another time."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder

    def desk(self, of: Material | None = None, at: datetime = DAY_AFTER) -> Desk:
        return Desk(of or material(), self.database, self.folder, ManualClock(at))


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "reports")


async def test_issuing_archives_every_format_with_its_checksum(office: Office) -> None:
    desk: ReportDesk = office.desk()
    told: list[tuple[str, float]] = []

    entry = await desk.issue("gdansk", "2026-10", progress=lambda what, share: told.append((what, share)))

    assert (entry.revision, entry.state, tuple(entry.sha256)) == (1, "provisional", FORMATS)
    for format in FORMATS:
        path = await desk.file("gdansk", "2026-10", format)
        assert path is not None
        assert path.parent == office.folder / "gdansk" / "2026-10" / "r1"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256[format]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


async def test_the_same_figures_give_the_same_revision_and_bytes(office: Office) -> None:
    seen = alert(1, "seen to later", Severity.HIGH)
    before = replace(seen, acknowledged_by=None, acknowledged_at=None)
    first = await office.desk(material(alerts=[before])).issue("gdansk", "2026-10")
    noted = material(alerts=[replace(seen, note="The electrician was here")])
    again = await office.desk(noted, DAY_AFTER + timedelta(days=9)).issue("gdansk", "2026-10")

    assert again == first


async def test_an_alarm_that_comes_late_gives_a_new_revision_of_the_same_figures(office: Office) -> None:
    first = await office.desk().issue("gdansk", "2026-10")
    late = office.desk(material(alerts=[alert(1, "late", Severity.HIGH)]))
    second = await late.issue("gdansk", "2026-10")
    reports = [await _json(late, revision) for revision in (1, 2)]

    assert (first.revision, second.revision) == (1, 2)
    assert [report.checksum for report in reports] == [reports[0].checksum] * 2
    assert [[one.title for one in report.alerts] for report in reports] == [[], ["late"]]
    assert await late.issue("gdansk", "2026-10") == second


async def test_what_an_alarm_says_counts_once_it_has_ended(office: Office) -> None:
    active = alert(1, "silent", Severity.HIGH, hours=None)
    first = await office.desk(material(alerts=[active])).issue("gdansk", "2026-10")
    moved = replace(active, summary="silent for 9 h", value=9.0, evidence={"silent": ["main-1"]})
    second = await office.desk(material(alerts=[moved])).issue("gdansk", "2026-10")
    over = replace(moved, state=AlertState.NORMAL, ended=active.since + timedelta(hours=9))
    third = await office.desk(material(alerts=[over])).issue("gdansk", "2026-10")

    assert second == first
    assert third.revision == 2


async def test_alarms_that_were_forgotten_stay_in_the_report(office: Office) -> None:
    old, new = alert(1, "old", Severity.HIGH), alert(2, "new", Severity.LOW)
    first = await office.desk(material(alerts=[old])).issue("gdansk", "2026-10")
    years_later = office.desk(material(), DAY_AFTER + timedelta(days=900))
    again = await years_later.issue("gdansk", "2026-10")
    changed = office.desk(material(alerts=[new], missing=[GAP]))
    await changed.issue("gdansk", "2026-10")
    report = await _json(changed, 2)

    assert again == first
    assert [one.title for one in report.alerts] == ["old", "new"]
    assert (report.alert_counts["high"], report.alert_counts["low"]) == (1, 1)


async def _json(desk: Desk, revision: int) -> MonthlyReport:
    path = await desk.file("gdansk", "2026-10", "json", revision)
    assert path is not None
    return json.parse(path.read_bytes())


async def test_changed_figures_give_a_new_revision_and_the_old_one_stays(office: Office) -> None:
    first = await office.desk(material(missing=[GAP])).issue("gdansk", "2026-10")
    desk = office.desk()
    second = await desk.issue("gdansk", "2026-10")
    old = await desk.file("gdansk", "2026-10", "pdf", revision=1)

    assert (first.revision, second.revision) == (1, 2)
    assert old is not None
    assert hashlib.sha256(old.read_bytes()).hexdigest() == first.sha256["pdf"]
    assert await desk.entries() == [second]


async def test_a_format_asked_for_later_says_what_the_others_say(office: Office) -> None:
    found = alert(1, "one", Severity.HIGH)
    first = await office.desk(material(alerts=[found])).issue("gdansk", "2026-10", formats=["pdf"])
    desk = office.desk(material(alerts=[replace(found, state=AlertState.RETURNED)]))
    more = await desk.issue("gdansk", "2026-10", formats=["csv"])
    path = await desk.file("gdansk", "2026-10", "csv")

    assert set(first.sha256) == {"pdf", "json"}
    assert set(more.sha256) == {"pdf", "json", "csv"}
    assert path is not None
    assert "returned" not in path.read_text(encoding="utf-8")
    assert await desk.file("gdansk", "2026-10", "xlsx") is None


async def test_a_draft_is_replaced_and_gives_way_to_the_first_revision(office: Office) -> None:
    early, late = datetime(2026, 10, 9, tzinfo=UTC), datetime(2026, 10, 12, tzinfo=UTC)
    first = await office.desk(material(early), early).issue("gdansk", "2026-10", formats=["json"])
    second = await office.desk(material(late), late).issue("gdansk", "2026-10", formats=["json"])
    desk = office.desk()
    issued = await desk.issue("gdansk", "2026-10", formats=["json"])

    assert [e.state for e in (first, second, issued)] == ["draft", "draft", "provisional"]
    assert [e.revision for e in (first, second, issued)] == [0, 0, 1]
    assert first.sha256 != second.sha256
    assert [p.name for p in (office.folder / "gdansk" / "2026-10").iterdir()] == ["r1"]
    assert await desk.entries() == [issued]


async def test_a_crash_between_files_and_index_leaves_nothing_that_counts(office: Office) -> None:
    orphan = office.folder / "gdansk" / "2026-10" / "r1"
    half = office.folder / "gdansk" / "2026-10" / ".r1.part"
    for folder in (orphan, half):
        folder.mkdir(parents=True)
        (folder / "amberwatt-gdansk-2026-10-r1.pdf").write_bytes(b"half of it")
    desk = office.desk()

    assert await desk.entries() == []
    assert await desk.file("gdansk", "2026-10", "pdf") is None
    entry = await desk.issue("gdansk", "2026-10")
    path = await desk.file("gdansk", "2026-10", "pdf")
    assert entry.revision == 1
    assert path is not None
    assert path.read_bytes().startswith(b"%PDF")
    assert not half.exists()


async def test_a_damaged_file_is_not_served_and_is_mended(office: Office) -> None:
    desk = office.desk()
    entry = await desk.issue("gdansk", "2026-10")
    for format in FORMATS:
        path = await desk.file("gdansk", "2026-10", format)
        assert path is not None
        path.write_bytes(path.read_bytes()[:-7])
        assert await desk.file("gdansk", "2026-10", format) is None

    assert await desk.issue("gdansk", "2026-10") == entry
    assert await desk.file("gdansk", "2026-10", "json") is not None


async def test_what_cannot_be_issued_is_refused(office: Office) -> None:
    desk = office.desk()
    with pytest.raises(ValueError, match="no format 'docx'; known are pdf, xlsx, csv, json"):
        await desk.issue("gdansk", "2026-10", formats=["docx"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="2026-12 has not begun"):
        await desk.issue("gdansk", "2026-12")
    with pytest.raises(ValueError, match="no site 'warsaw'"):
        await desk.issue("warsaw", "2026-10")
    assert await desk.entries() == []


async def test_requests_for_one_month_at_once_issue_it_once(office: Office) -> None:
    desk = office.desk()
    entries = await asyncio.gather(*(desk.issue("gdansk", "2026-10", formats=["csv"]) for _ in range(4)))

    assert entries == [entries[0]] * 4
    assert entries[0].revision == 1


class ShakyFigures:
    """Figures whose ledger is settled further each time one looks."""

    def __init__(self, of: Material) -> None:
        self._of, self._looks = of.figures, 0
        self.sites = of.sites

    def __getattr__(self, name: str) -> object:
        return getattr(self._of, name)

    async def settled_until(self, site: str, as_of: datetime | None = None) -> datetime | None:
        self._looks += 1
        return OCTOBER.start + timedelta(minutes=15 * self._looks)


async def test_a_ledger_that_never_stands_still_is_told(office: Office) -> None:
    steady = material()
    shaky = replace(steady, figures=ShakyFigures(steady))  # type: ignore[arg-type]

    with pytest.raises(StoreError, match="changed 3 times"):
        await office.desk(shaky).issue("gdansk", "2026-10")


class Outbox:
    """Takes messages; refuses the first ``refusals``."""

    def __init__(self, refusals: int = 0) -> None:
        self.messages: list[AlertMessage] = []
        self.refusals = refusals

    async def __call__(self, message: AlertMessage) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("the database is gone")
        self.messages.append(message)


def job(office: Office, outbox: Outbox, of: Material | None = None) -> MonthlyIssue:
    made = of or material()
    return MonthlyIssue(office.desk(made), made, outbox, timedelta(hours=6))


FIRST_AT_SIX = datetime(2026, 11, 1, 5, tzinfo=UTC)  # 06:00 in Warsaw


async def test_the_job_issues_last_month_six_hours_into_the_first_of_the_month(office: Office) -> None:
    outbox = Outbox()
    early = material(settled=OCTOBER.end)
    await job(office, outbox, early).issue_due(FIRST_AT_SIX - timedelta(minutes=1))
    september = [m.labels["period"] for m in outbox.messages]
    await job(office, outbox, early).issue_due(FIRST_AT_SIX)
    await job(office, outbox, early).issue_due(FIRST_AT_SIX + timedelta(hours=1))

    assert september == ["2026-09"]
    assert [m.key for m in outbox.messages] == ["report/gdansk/2026-09/r1", "report/gdansk/2026-10/r1"]
    message = outbox.messages[-1]
    (attachment,) = message.attachments
    assert (message.kind, message.at, message.site) == ("report", FIRST_AT_SIX, "gdansk")
    assert attachment.name == "amberwatt-gdansk-2026-10-r1.pdf"
    assert attachment.content.startswith(b"%PDF")
    assert "Hourly matched: " in message.text


async def test_an_announcement_that_failed_is_made_up_for(office: Office) -> None:
    outbox = Outbox(refusals=1)
    with pytest.raises(ConnectionError):
        await job(office, outbox).issue_due(FIRST_AT_SIX)
    await job(office, outbox).issue_due(FIRST_AT_SIX + timedelta(hours=1))

    assert [m.key for m in outbox.messages] == ["report/gdansk/2026-10/r1"]


async def test_a_month_that_is_not_settled_waits(office: Office) -> None:
    outbox = Outbox()
    await job(office, outbox, material(settled=OCTOBER.end - timedelta(minutes=15))).issue_due(FIRST_AT_SIX)
    assert outbox.messages == []
    await job(office, outbox).issue_due(FIRST_AT_SIX + timedelta(hours=1))
    assert len(outbox.messages) == 1


async def test_a_month_without_any_data_is_not_announced(office: Office) -> None:
    outbox = Outbox()
    await job(office, outbox, material(missing=[OCTOBER])).issue_due(FIRST_AT_SIX)
    assert outbox.messages == []


async def test_the_archive_keeps_the_report_that_every_format_is_made_from(
    office: Office, database: Database
) -> None:
    await office.desk().issue("gdansk", "2026-10")
    archive = Archive(database, office.folder)
    issue = await archive.newest("gdansk", "2026-10")
    assert issue is not None
    content = await archive.read(issue, "json")
    assert content is not None
    report = json.parse(content)

    assert report.checksum == issue.figures_sha256
    assert report.revision == 1


def test_an_unknown_locale_is_refused_with_the_fix() -> None:
    with pytest.raises(ValueError, match="is no locale; write for example en"):
        ReportOptions(locale="klingon")
