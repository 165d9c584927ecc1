"""In whatever order and however late readings come, the ledger ends as if they had come in time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from energy.interval import QUARTER_MS
from energy.sums.sheet import load_registers, load_sheet
from runtime.clock import to_ms
from tests.unit.energy.plant import START, Plant, site

HOURS = 30
FIRST = to_ms(START) // QUARTER_MS - 4
MAIN = "meter/gdansk/main-1"


def history(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and counts of a meter with gaps, resets, glitches, slips of scale and parts of a watt-hour."""
    seconds = np.cumsum(
        random.choice([20, 60, 90, 400, 2500, 15_000], 400, p=[0.2, 0.5, 0.2, 0.07, 0.025, 0.005])
    )
    counts = 1e6 + np.cumsum(random.exponential(40, 400))
    for at in random.choice(np.arange(20, 380), 3, replace=False):
        counts[at:] -= counts[at] - random.uniform(0, 50)
    glitches = random.choice(np.arange(5, 395), 6, replace=False)
    counts[glitches] = random.uniform(0, 1e6, 6)
    for at, length in zip(random.integers(20, 330, 2), random.integers(1, 60, 2), strict=True):
        counts[at : at + length] /= random.choice([1e-3, 1e3])
    return seconds[seconds < HOURS * 3600], counts[seconds < HOURS * 3600]


async def ledger_of(plant: Plant) -> tuple[np.ndarray, np.ndarray]:
    async with plant.database.read() as connection:
        registers = [r for r in await load_registers(connection, "gdansk") if r.key[1] == "main-1"]
        found = await load_sheet(connection, registers, FIRST, 4 * HOURS + 8)
    return found.amount[0], found.quality[0]


async def fed(folder: Path, seconds: np.ndarray, counts: np.ndarray, batches: list[np.ndarray]) -> Plant:
    """A plant that was given the readings batch by batch, settled after each as time went on."""
    plant = Plant(folder, {"gdansk": site()})
    await plant.open()
    newest = 0.0
    for batch in batches:
        newest = max(newest, float(seconds[batch].max()))
        at = [START + timedelta(seconds=int(s)) for s in seconds[batch]]
        await plant.feed(plant.frame(MAIN, at, {"energy_wh": counts[batch]}))
        await plant.settle(newest / 60 + 1)
    await plant.settle(HOURS * 60 + 2)
    return plant


@pytest.mark.parametrize("seed", range(8))
async def test_late_and_shuffled_batches_end_in_the_same_ledger(tmp_path, seed):
    random = np.random.default_rng(seed)
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    seconds, counts = history(random)
    whole = await fed(tmp_path / "whole", seconds, counts, [np.arange(len(seconds))])
    numbers = np.arange(len(seconds))
    if seed % 3:  # mostly in time, some of it hours late
        late = random.random(len(seconds)) < 0.2
        parts = [*np.array_split(numbers[~late], 15), *np.array_split(random.permutation(numbers[late]), 5)]
    else:
        parts = np.array_split(random.permutation(numbers), 12)
    pieces = await fed(tmp_path / "pieces", seconds, counts, [part for part in parts if len(part)])
    (amount, quality), (other, others) = await ledger_of(whole), await ledger_of(pieces)
    await whole.close()
    await pieces.close()
    begun = (quality >= 0) & (others >= 0)
    assert begun.sum() > 4 * HOURS - 40
    np.testing.assert_array_equal(quality[begun], others[begun])
    np.testing.assert_array_equal(amount[begun], other[begun])
