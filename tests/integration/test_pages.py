"""Every page in a real browser: clean console, accessible, whole on a phone, alive over a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

import hatch_build
from alerts.board import AlertState
from dashboards import numbers
from dashboards.app import create_app
from dashboards.house import House
from dashboards.panels.power import power_history
from dashboards.server import WebServer
from runtime.clock import ManualClock
from tests.fakes.board import MemoryBoard, alert
from tests.fakes.day import AT, day_house, first_minute
from tests.fakes.house import PASSWORD
from tests.servers.process import binary

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
HOUR = "1791439200000"
PAGES = (
    "/",
    "/?site=gdansk",
    f"/green?site=gdansk&hour={HOUR}",
    "/green/2026-11",
    "/workloads",
    "/meters",
    "/certificates",
    "/certificates/1?site=gdansk",
    "/alarms",
    "/alarms?tab=history",
    "/alarms/1",
    "/alarms/2",
    "/reports",
    "/system",
    "/method?site=gdansk",
    "/method/registers",
    "/why/pue?site=gdansk",
    "/?kiosk=1&site=kaunas",
)

LIGHT_LINE, DARK_LINE = (43, 58, 74), (230, 235, 240)
"""The colour of a chart's first line, ``--series-1``, on either ground."""

PAINTED = """([r, g, b]) => {
  const canvas = document.querySelector(".u-wrap canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) return true;
  }
  return false;
}"""
"""Whether a pixel of the chart has this colour; a canvas is drawn anew some frames after the style."""

PATIENCE_MS = 15_000
"""How long a page may take to show what is expected of it, on a machine that is busy with other tests."""


@dataclass
class Stage:
    """A served house and the browser that looks at it; ``strangers`` are requests to any other host."""

    house: House
    clock: ManualClock
    board: MemoryBoard
    url: str
    browser: Browser
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, name: str = "jana", **options: object) -> BrowserContext:
        """A context in which ``name`` is signed in; what it complains of is kept."""
        context = await self.browser.new_context(**({"viewport": WIDE} | options))  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: self._strange(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page = await context.new_page()
        await page.goto(f"{self.url}/login")
        await page.get_by_label("User").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{self.url}/")
        await page.close()
        return context

    async def visit(self, context: BrowserContext, path: str) -> Page:
        """A page that has drawn its charts."""
        page = await context.new_page()
        await page.goto(self.url + path)
        await page.wait_for_selector("html[data-ready]", state="attached")
        return page

    def _strange(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != urlsplit(self.url).netloc:
            self.strangers.append(url)


@asynccontextmanager
async def served(house: House, port: int = 0) -> AsyncIterator[WebServer]:
    """``house`` on a port of this machine, ticking five times a second."""
    server = WebServer(create_app(house, interval_s=0.2), f"127.0.0.1:{port}")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One server and one browser for all tests of this file."""
    expect.set_options(timeout=PATIENCE_MS)
    root = Path(hatch_build.__file__).parent
    if hatch_build.stale(root):
        hatch_build.build(root)
    async with (
        day_house(tmp_path_factory.mktemp("house")) as fake,
        served(fake.house) as server,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(
            executable_path=binary("chromium", "chromium"), args=list(ARGUMENTS)
        )
        yield Stage(fake.house, fake.clock, fake.board, server.url, browser)
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(stage: Stage) -> AsyncIterator[BrowserContext]:
    """An operator at a desk, in a context of their own."""
    context = await stage.open()
    stage.complaints.clear()
    yield context
    await context.close()


@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
async def test_every_page_is_clean_accessible_and_fits(stage: Stage, mode: str) -> None:
    context = await stage.open(
        viewport=PHONE if mode == "phone" else WIDE, color_scheme="dark" if mode == "dark" else "light"
    )
    stage.complaints.clear()
    for path in PAGES:
        page = await stage.visit(context, path)
        await expect(page.locator("#badge")).to_have_text("live")
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{mode} {path}\n{found.generate_report()}"
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= (PHONE if mode == "phone" else WIDE)["width"], f"{path} scrolls sideways"
        await page.close()
    assert stage.complaints == []
    assert stage.strangers == []
    await context.close()


async def test_the_login_page_is_accessible_and_refuses_a_wrong_password(stage: Stage) -> None:
    context = await stage.browser.new_context(viewport=PHONE)
    page = await context.new_page()
    await page.goto(f"{stage.url}/reports?site=gdansk")
    assert (await Axe().run(page)).violations_count == 0
    await page.get_by_label("User").fill("otto")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{stage.url}/reports?site=gdansk")
    await context.close()


async def test_an_alarm_is_acknowledged_from_the_overview_by_name(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/")
    await page.get_by_role("button", name="Acknowledge PUE above limit").click()
    await expect(page.get_by_text("acked jana", exact=True)).to_be_visible()
    assert stage.board.by_id[2].acknowledged_by == "jana"


async def test_an_alarm_is_acknowledged_with_a_note_and_silenced_with_a_reason(
    stage: Stage, desk: BrowserContext
) -> None:
    page = await stage.visit(desk, "/alarms/1")
    await page.get_by_label("Note, for whoever looks next").fill("shifting load to Kaunas")
    await page.get_by_role("button", name="Acknowledge as jana").click()
    await expect(page.get_by_role("definition").filter(has_text="acknowledged by jana")).to_be_visible()
    assert stage.board.by_id[1].note == "shifting load to Kaunas"
    await page.get_by_label("For how long").select_option("8h")
    await page.get_by_label("Reason").fill("known maintenance")
    await page.get_by_role("button", name="Silence").click()
    await expect(page.get_by_text("Silenced until")).to_be_visible()
    assert stage.board.by_id[1].silenced_until == AT + timedelta(hours=8)


async def test_several_alarms_are_acknowledged_with_one_note(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/")
    await page.get_by_role("link", name="2 over, not yet acknowledged").click()
    over = page.get_by_role("region", name="Over, not yet acknowledged")
    button = page.get_by_role("button", name="Acknowledge ticked")
    await expect(button).to_be_disabled()
    await over.get_by_role("checkbox", name="Tick all").check()
    await expect(page.get_by_text("2 ticked")).to_be_visible()
    await page.get_by_label("Note for all that are ticked").fill("seen in the morning")
    # What happens elsewhere draws the lists anew; it takes away neither ticks nor words.
    stage.board.put(replace(stage.board.by_id[1], id=8, key="new/8", title="Fan failed", rev=1))
    await expect(page.get_by_role("link", name="Fan failed")).to_be_visible()
    await expect(page.get_by_text("2 ticked")).to_be_visible()
    await button.click()
    await expect(over).to_have_count(0)
    for alert_id in (6, 7):
        assert stage.board.by_id[alert_id].state is AlertState.NORMAL
        last = (await stage.board.timeline(alert_id))[-1]
        assert (last.who, last.note) == ("jana", "seen in the morning")
    del stage.board.by_id[8]


async def test_a_flood_of_alarms_is_told_while_it_lasts(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/")
    await expect(page.locator("#badge")).to_have_text("live")
    for number in range(20, 32):
        since = AT - timedelta(seconds=number)
        stage.board.put(alert(number, since, title=f"Fan {number} failed", rule="silent_source"))
    try:
        notice = page.get_by_role("status").filter(has_text="Alarm flood")
        # Three of the day's own alarms began within the same minutes.
        await expect(notice).to_contain_text("silent source (12)")
        await expect(notice.get_by_role("link")).to_have_text("Power above contract")
        assert (await Axe().run(page)).violations_count == 0
    finally:
        for number in range(20, 32):
            del stage.board.by_id[number]
    await page.goto(f"{stage.url}/alarms")
    await expect(page.get_by_text("Alarm flood")).to_have_count(0)


async def test_who_comes_second_sees_the_alarm_as_it_is_now(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/alarms/4")
    # The form under the reader's hands is kept: only the rest of the page follows the change.
    await page.get_by_label("Note, for whoever looks next").focus()
    await stage.board.acknowledge(4, who="otto", note=None, rev=None, at=AT)
    await page.get_by_label("Note, for whoever looks next").press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_contain_text("acknowledged by otto")
    assert stage.board.by_id[4].acknowledged_by == "otto"


async def test_a_new_alarm_appears_on_an_open_page(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/alarms")
    await expect(page.locator("#badge")).to_have_text("live")
    fresh = replace(stage.board.by_id[2], id=9, key="new/1", title="Chiller tripped", rev=1)
    stage.board.put(replace(fresh, state=AlertState.UNACKNOWLEDGED, acknowledged_by=None))
    try:
        await expect(page.get_by_role("link", name="Chiller tripped")).to_be_visible()
    finally:
        del stage.board.by_id[9]


async def test_a_viewer_sees_everything_and_may_act_on_nothing(stage: Stage) -> None:
    context = await stage.open("otto")
    page = await stage.visit(context, "/alarms")
    await expect(page.get_by_role("link", name="Meter ups-a is silent")).to_be_visible()
    assert await page.get_by_role("button", name="Acknowledge").count() == 0
    token = await page.locator("input[name=csrf]").first.get_attribute("value")
    answer = await context.request.post(
        f"{stage.url}/alarms/3/ack", form={"csrf": token or ""}, headers={"Accept": "text/html"}
    )
    assert answer.status == 403
    assert "may look but not act" in await answer.text()
    await context.close()


async def test_pages_work_without_scripts(stage: Stage) -> None:
    context = await stage.open(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{stage.url}/green?site=gdansk")
    await page.get_by_role("link", name="25", exact=True).first.click()
    await expect(page.get_by_role("heading", name="Hour from 2026-10-0")).to_be_visible()
    await expect(page.get_by_role("cell", name="registers", exact=True).first).to_be_hidden()
    await page.locator("#hour details[data-fold=meters] > summary").click()
    await expect(page.get_by_role("cell", name="registers", exact=True).first).to_be_visible()
    await page.goto(f"{stage.url}/")
    await expect(page.get_by_role("region", name="PUE")).to_contain_text("1.200")
    await context.close()


async def test_the_month_map_is_walked_by_keys_and_shown_as_a_table(
    stage: Stage, desk: BrowserContext
) -> None:
    page = await stage.visit(desk, "/green/2026-10?site=gdansk")
    await page.get_by_role("application").focus()
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("End")
    await expect(page.locator("#map-readout")).to_have_text("03 Sat 23:00  0.00 %")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Hour from 2026-10-03 23:00")).to_be_visible()
    assert "hour=" in page.url
    await page.get_by_role("region", name="Hourly matched share").get_by_role("button", name="Table").click()
    table = page.get_by_role("table", name="Hourly matched share")
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="14 Wed"))
    await expect(row.get_by_role("link", name="–")).to_have_count(6)


async def test_the_chart_tells_its_numbers_as_a_table_and_by_keys(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/?site=gdansk")
    chart = page.get_by_role("region", name="Power, last 24 hours MW")
    await chart.get_by_role("button", name="Table").click()
    rows = chart.get_by_role("table").get_by_role("row")
    assert await rows.count() >= 289
    history = await power_history(stage.house, "gdansk", AT, timedelta(hours=24))
    # The newest step stands below the heading, and it is still growing: look at one that is over.
    await expect(rows.nth(21).get_by_role("cell").nth(1)).to_have_text(
        numbers.power(float(history.site[-21]))
    )
    await chart.get_by_role("group").focus()
    await page.keyboard.press("PageUp")
    await expect(chart.locator(".readout")).to_contain_text("IT 9.")


async def test_a_report_is_issued_and_its_row_changes(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/reports?site=gdansk")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="2026-08"))
    await expect(row).to_contain_text("not issued")
    await row.get_by_role("button", name="Issue gdansk 2026-08").click()
    await expect(row).to_contain_text("provisional")
    await expect(row.get_by_role("link", name="XLSX of 2026-08 for gdansk")).to_be_visible()
    assert "2026-08" in [entry.period for entry in await stage.house.reports.entries("gdansk")]


async def test_what_a_link_asks_wrongly_is_shown_and_forgiven(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/?site=atlantis&theme=pink")
    await expect(page.get_by_role("note").first).to_contain_text("atlantis")
    await expect(page.get_by_role("heading", name="Overview, all sites")).to_be_attached()


async def test_what_is_not_there_is_a_page_that_says_so(stage: Stage, desk: BrowserContext) -> None:
    page = await desk.new_page()
    for path in ("/alarms/4711", "/green/2026-13", "/nowhere"):
        answer = await page.goto(stage.url + path)
        assert answer is not None
        assert answer.status == 404
        await expect(page.get_by_role("link", name="To the overview")).to_be_visible()


async def test_a_cold_overview_is_small(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/")
    bytes_on_the_wire = await page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".reduce((sum, entry) => sum + entry.transferSize, 0)"
    )
    assert 10_000 < bytes_on_the_wire < 150_000


async def test_a_first_minute_has_words_in_every_place(
    stage: Stage, desk: BrowserContext, tmp_path: Path
) -> None:
    words = {
        "/": (
            "has not reported any power",
            "the disk is full",
            "No active alarms",
            "Loading recorded history",
        ),
        "/green": ("is settled yet",),
        "/alarms": ("No active alarms",),
        "/alarms?tab=history": ("No alarm has ended",),
        "/reports": ("not issued",),
        "/system": (
            "No source has spoken yet",
            "the broker cannot be reached",
            "None has been rejected",
            "No rule is configured",
            "No channel is configured",
            "No job has run yet",
        ),
    }
    empty = replace(first_minute(tmp_path).house, users=stage.house.users)
    async with served(empty) as server:
        for path, expected in words.items():
            page = await desk.new_page()  # its session is kept in the database that both houses share
            await page.goto(server.url + path)
            for sentence in expected:
                await expect(page.get_by_text(sentence).first).to_be_visible()
            found = await Axe().run(page)
            assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
            await page.close()


async def test_the_chart_follows_the_ground_it_stands_on(stage: Stage, desk: BrowserContext) -> None:
    page = await stage.visit(desk, "/?site=gdansk")
    await page.wait_for_function(PAINTED, arg=LIGHT_LINE)
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator("body")).to_have_css("background-color", "rgb(22, 25, 28)")
    await page.wait_for_function(PAINTED, arg=DARK_LINE)
    assert not await page.evaluate(PAINTED, LIGHT_LINE)


async def test_the_browser_writes_the_same_words_as_the_server(stage: Stage) -> None:
    source = (Path(hatch_build.__file__).parent / hatch_build.WEB / "numbers.js").read_text()
    page = await stage.browser.new_page()
    await page.add_script_tag(content=f"{source}\nwindow.words = {{ power, share, ratio }};", type="module")
    values = [None, 0, 0.29, 0.5555, 0.9999, 1, 1.1825, 40.4, 999, 9_640, 812_400, 5_471_000, -93_000, 1.2e9]
    for name in ("power", "share", "ratio"):
        told = await page.evaluate(f"values => values.map((value) => window.words.{name}(value))", values)
        assert told == [getattr(numbers, name)(value) for value in values]
    await page.close()


async def test_values_that_are_no_longer_current_are_not_shown_as_such(
    stage: Stage, desk: BrowserContext
) -> None:
    page = await stage.visit(desk, "/?site=gdansk")
    tile = page.get_by_role("region", name="PUE")
    await expect(tile).to_contain_text("1.200")
    stage.clock.advance(timedelta(minutes=10))
    try:
        await expect(tile).to_contain_text("silent")
        await expect(tile.locator(".value")).to_have_text("–")
        await expect(tile.locator(".age")).to_contain_text("10 min ago")
    finally:
        stage.clock.set(AT)


async def test_an_open_page_outlives_a_restart_of_the_service(stage: Stage, desk: BrowserContext) -> None:
    page, value = await desk.new_page(), "[data-key='gdansk.pue']"
    async with served(stage.house) as server:
        port = server.port
        await page.goto(f"{server.url}/?site=gdansk")
        await expect(page.locator("#badge")).to_have_text("live")
        await page.evaluate("window.stillHere = true")
    await expect(page.locator("#badge")).to_contain_text("no data for")
    await expect(page.locator(value)).to_have_class("num stale")
    async with served(stage.house, port):
        await expect(page.locator("#badge")).to_have_text("live")
        await expect(page.locator(value)).to_have_class("num")
        assert await page.evaluate("window.stillHere")


async def test_a_wall_shows_all_on_one_screen_and_can_be_left(stage: Stage) -> None:
    context = await stage.open(viewport={"width": 1920, "height": 1080})
    page = await stage.visit(context, "/?kiosk=1")
    hidden = "() => document.querySelector('main').scrollHeight - document.querySelector('main').clientHeight"
    await expect(page.locator(".u-wrap")).to_be_visible()
    assert await page.evaluate(hidden) <= 0
    await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    await page.get_by_role("link", name="Leave wall mode").click()
    await expect(page.get_by_role("link", name="Wall mode", exact=True)).to_be_visible()
    await context.close()


async def test_the_green_month_says_which_hours_have_no_figure_and_opens_with_the_worst(stage: Stage) -> None:
    context = await stage.open()
    page = await stage.visit(context, "/green?site=gdansk")
    worst = page.locator("section", has=page.locator("#worst-title"))
    await expect(worst).to_contain_text("no figure and cannot be ranked")
    first = await worst.locator("tbody a").first.inner_text()
    await expect(page.locator("#hour-title")).to_have_text(f"Hour from {first}")
    meters = page.locator("#hour details[data-fold=meters]")
    await meters.locator("summary").click()
    await worst.locator("tbody a").nth(1).click()
    await expect(page.locator("#hour-title")).not_to_have_text(f"Hour from {first}")
    await expect(meters.get_by_role("table", name="Meters")).to_be_visible()  # it stays as it was left
    await context.close()


async def test_months_to_be_issued_take_two_lines_each_on_a_phone(stage: Stage) -> None:
    context = await stage.open(viewport=PHONE)
    page = await stage.visit(context, "/reports")
    line = page.get_by_role("row").filter(has_text="not issued").first
    row = await line.bounding_box()
    button = await line.get_by_role("button", name="Issue").bounding_box()
    month = await line.get_by_role("rowheader").bounding_box()
    assert row is not None
    assert button is not None
    assert month is not None
    assert button["x"] > month["x"] + month["width"] - 1
    assert button["y"] < month["y"] + month["height"]
    assert row["height"] < 2.5 * button["height"]
    await context.close()
