"""The overview page with an empty cache, in Chromium, while the service is under load."""

from __future__ import annotations

import argparse
import asyncio
import time

from playwright.async_api import async_playwright

from benchmarks.figure import Figure, load_arguments, tell
from benchmarks.rig import rig
from tests.servers.process import binary

_NONE = "none set"


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Look once while ``options.seconds`` of load run."""
    async with rig(options) as running:
        loading = asyncio.create_task(running.load().run())
        weight_kb, chart_s = await look(running.service.url)
        result = await loading
        await running.until_stored(result)
        counts = await running.counts(result)
    return [
        Figure("overview page, cold", _NONE, f"{weight_kb:.0f} kB over the wire", None, counts),
        Figure("overview page, to its first chart", _NONE, f"{chart_s:.1f} s", None),
    ]


async def look(url: str) -> tuple[float, float]:
    """Load ``url``: kB over the wire, and seconds until its first chart is drawn."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=binary("chromium", "chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        session = await page.context.new_cdp_session(page)
        sizes: list[float] = []
        await session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        began = time.perf_counter()
        await page.goto(url)
        await page.wait_for_selector(".u-wrap canvas")
        chart_s = time.perf_counter() - began
        await page.wait_for_load_state("load")
        await browser.close()
    return sum(sizes) / 1000, chart_s


if __name__ == "__main__":
    tell(asyncio.run(measure(load_arguments(__doc__, 20).parse_args())))
