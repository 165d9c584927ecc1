"""Pages of a house that is hard to show: many sites, long names, no meter, nothing yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, async_playwright, expect

import hatch_build
from tests.fakes.crowd import BARE, COUNT, UNBROKEN, bare_house, crowded_house
from tests.integration.test_pages import ARGUMENTS, PATIENCE_MS, PHONE, WIDE, Stage, served
from tests.servers.process import binary

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = ("/", "/green", "/alarms", "/alarms/1", "/reports", "/system", "/?site=s03", f"/green?site={BARE}")
BARE_PAGES = ("/", "/green", "/alarms", "/alarms?tab=history", "/reports", "/system")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    root = Path(hatch_build.__file__).parent
    if hatch_build.stale(root):
        hatch_build.build(root)
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=binary("chromium", "chromium"), args=list(ARGUMENTS)
        )
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def crowd(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with crowded_house(tmp_path_factory.mktemp("crowd")) as fake, served(fake.house) as server:
        yield Stage(fake.house, fake.clock, fake.board, server.url, browser)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bare(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with bare_house(tmp_path_factory.mktemp("bare")) as fake, served(fake.house) as server:
        yield Stage(fake.house, fake.clock, fake.board, server.url, browser)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_pages_fit_whatever_sites_and_alarms_are_called(crowd: Stage, size: dict[str, int]) -> None:
    await fits(crowd, PAGES, size)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_pages_of_a_site_without_a_meter_have_words_in_every_place(
    bare: Stage, size: dict[str, int]
) -> None:
    await fits(bare, BARE_PAGES, size)


async def fits(stage: Stage, pages: tuple[str, ...], size: dict[str, int]) -> None:
    """Every page is accessible, complains of nothing and does not scroll sideways."""
    context = await stage.open(viewport=size)
    stage.complaints.clear()
    for path in pages:
        page = await stage.visit(context, path)
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{path}\n{found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert not await page.locator("section:visible:not(:has(*))").count(), path
        await page.close()
    assert stage.complaints == []
    await context.close()


async def test_one_of_many_sites_is_chosen_from_a_menu(crowd: Stage) -> None:
    context = await crowd.open()
    page = await crowd.visit(context, "/alarms")
    menu = page.locator("details.menu:not(.further)")
    await expect(menu.locator(".chosen")).to_have_text("All sites")
    links = menu.get_by_role("link")
    await expect(links.first).to_be_hidden()
    await menu.locator("summary").press("Enter")
    await expect(links).to_have_count(COUNT + 1)
    await links.filter(has_text=UNBROKEN).first.click()
    await expect(menu.locator(".chosen")).to_have_text(UNBROKEN)
    assert page.url.endswith("?site=s03")
    await context.close()


async def test_reports_of_many_sites_are_put_together_by_month(crowd: Stage) -> None:
    context = await crowd.open()
    page = await crowd.visit(context, "/reports")
    folds = page.locator("[data-region=reports] > details[data-fold]")
    assert [words.split()[0] for words in await folds.locator("> summary").all_inner_texts()] == [
        "2026-10", "2026-09", "2026-08",
    ]  # fmt: skip
    await expect(folds.nth(0).get_by_role("row")).to_have_count(COUNT + 2)
    await expect(folds.nth(1).locator("> summary")).to_contain_text(f"2 of {COUNT + 1} issued")
    await expect(folds.nth(1).get_by_role("row").first).to_be_hidden()
    await context.close()


async def test_where_nothing_can_be_reported_the_page_says_so(bare: Stage) -> None:
    context = await bare.open()
    page = await bare.visit(context, "/reports")
    await expect(page.locator("[data-region=reports]")).to_contain_text("There is nothing to report yet")
    await expect(page.get_by_role("button", name="Issue")).to_have_count(0)
    await context.close()


async def test_a_sum_that_is_not_known_names_the_site_whose_meter_is_silent(crowd: Stage) -> None:
    context = await crowd.open()
    page = await crowd.visit(context, "/")
    tile = page.locator(".tile").filter(has_text="Site power")
    await expect(tile).to_contain_text("Campus 01 of the Northern Baltic Sea Computing Company Ltd: ")
    await context.close()


async def test_on_a_phone_only_what_needs_a_look_is_open_and_what_a_person_folds_stays_so(
    crowd: Stage,
) -> None:
    wide, phone = await crowd.open(), await crowd.open(viewport=PHONE)
    page = await crowd.visit(wide, "/system")
    assert await page.locator("details[data-wide]:not([open])").count() == 0
    page = await crowd.visit(phone, "/system")
    opened = page.locator("section.fold > details[open]")
    keys = await opened.evaluate_all("found => found.map((one) => one.dataset.fold)")
    told = await page.locator("[data-region=health] a").evaluate_all(
        "found => found.map((a) => a.hash.slice(1))"
    )
    assert keys == told == ["ingest", "sources"]  # a store lacks batches, sources are silent
    await page.locator("#sources > details > summary").click()
    await page.evaluate("document.querySelector('#sources .unit').textContent = 'old'")
    await expect(page.locator("#sources .unit")).not_to_have_text("old")
    await expect(opened).to_have_count(1)
    await wide.close()
    await phone.close()
