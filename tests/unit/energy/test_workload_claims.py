"""Whose each GPU was: shared nodes, moved GPUs, counters, and energy cut at the moment a job began."""

from __future__ import annotations

import numpy as np
import pytest

from energy.workloads.claims import Claims, Gpus, Use, claims
from energy.workloads.flag import Flag
from energy.workloads.pieces import Meterage, Minutes, by_counters, pieces
from energy.workloads.state import MOST_CHANGES, MOST_NAMED, Jobs, Payer
from runtime.clock import MILLISECOND
from telemetry.job import Counter, by_uuid
from telemetry.rollup import MINUTE_MS

A, B = "a/r1/n01", "a/r1/n02"
PLACES = [f"{node}/{gpu}" for node in (A, B) for gpu in range(2)]


def told(found: Claims) -> list[tuple[int, int, int, int, float]]:
    """Claims as rows, by GPU and time."""
    columns = (found.gpu, found.start_ms, found.end_ms, found.who, found.weight)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_a_node_is_all_of_its_gpus() -> None:
    found = claims([Use(0, 0, 100, (A,))], Gpus(PLACES))
    assert told(found) == [(0, 0, 100, 0, 1.0), (1, 0, 100, 0, 1.0)]


def test_two_jobs_on_one_node_divide_it_equally_while_both_run() -> None:
    found = claims([Use(0, 0, 100, (f"{A}/0",)), Use(1, 50, 150, (A,))], Gpus(PLACES))
    assert told(found) == [
        (0, 0, 50, 0, 1.0),
        (0, 50, 100, 0, 0.5),
        (0, 50, 100, 1, 0.5),
        (0, 100, 150, 1, 1.0),
        (1, 50, 150, 1, 1.0),
    ]
    assert sorted(set(found.flags.tolist())) == [0, Flag.SHARED]


@pytest.mark.parametrize(
    ("shares", "weights", "flags"),
    [
        ((0.25, 0.5), (0.25, 0.5), Flag.SHARED),
        ((0.25, None), (0.25, 0.75), Flag.SHARED),
        ((1.0, 1.0), (0.5, 0.5), Flag.SHARED | Flag.OVERSOLD),
        ((1.0, None), (0.5, 0.5), Flag.SHARED | Flag.OVERSOLD),
        ((None, None), (0.5, 0.5), Flag.SHARED),
    ],
)
def test_promised_shares_are_kept(
    shares: tuple[float | None, ...], weights: tuple[float, ...], flags: Flag
) -> None:
    uses = [Use(who, 0, 100, (PLACES[0],), share) for who, share in enumerate(shares)]
    found = claims(uses, Gpus(PLACES))
    assert tuple(row[-1] for row in told(found)) == pytest.approx(weights)
    assert set(found.flags.tolist()) == {int(flags)}


def test_a_job_alone_has_what_it_was_promised_and_no_more() -> None:
    assert told(claims([Use(0, 0, 100, (PLACES[0],), 0.25)], Gpus(PLACES))) == [(0, 0, 100, 0, 0.25)]


def test_a_gpu_that_is_moved_to_another_host_takes_its_job_along() -> None:
    gpus = Gpus(PLACES, {"GPU-1": [(0, f"{A}/0"), (60, f"{B}/1")]})
    assert told(claims([Use(0, 10, 100, ("GPU-1",))], gpus)) == [(0, 10, 60, 0, 1.0), (3, 60, 100, 0, 1.0)]


def test_gpus_that_nobody_tells_of_are_there_under_their_names() -> None:
    gpus = Gpus(PLACES)
    found = claims([Use(0, 0, 100, ("GPU-9", "b/r9/n99"))], gpus)
    assert sorted(gpus.names[4:]) == ["GPU-9", "b/r9/n99"]
    assert set(found.gpu.tolist()) == {4, 5}


def test_a_job_that_changes_too_often_is_followed_so_far_and_says_so() -> None:
    often = [Use(0, n, n + 1, (A,)) for n in range(MOST_CHANGES + 5)]
    vast = [Use(1, n, n + 1, (B,) * MOST_NAMED) for n in range(2)]
    jobs = Jobs([Payer(1, 1), Payer(2, 1), Payer(3, 1)], [*often, *vast, Use(2, 0, 5, (B,))], {}, {})
    found = jobs.quarter(0)
    assert [sum(use.who == who for use in found.uses) for who in range(3)] == [MOST_CHANGES, 1, 1]
    assert max(use.end_ms for use in found.uses if use.who == 0) == MOST_CHANGES
    assert found.crowded == {0, 1}


def minutes(rows: list[tuple[int, int, float, float]]) -> Minutes:
    """(GPU, minute, register in J, power in W) that never fell."""
    gpu, minute, register, power = zip(*rows, strict=True)
    return Minutes(
        np.array(gpu, dtype=np.int32),
        np.array(minute, dtype=np.int64) * MINUTE_MS,
        np.array(register, dtype=np.float64),
        np.zeros(len(rows), dtype=np.bool_),
        np.array(power, dtype=np.float64),
    )


def between(meterage: Meterage, gpu: int, start: float, end: float) -> tuple[float, float]:
    """Joules and seconds that are known between two times in minutes."""
    at = (np.array([int(x * MINUTE_MS)], dtype=np.int64) for x in (start, end))
    joules, known = meterage.between(np.array([gpu], dtype=np.int32), *at)
    return float(joules[0]), float(known[0]) / 1000


def test_energy_is_the_registers_and_is_cut_by_time_at_a_job_s_beginning() -> None:
    known = pieces(minutes([(0, 0, 0, 1), (0, 1, 600, 1), (0, 2, 1800, 1), (1, 0, 0, 100)]))
    meterage = Meterage(known, 0, 15 * MINUTE_MS)
    assert between(meterage, 0, 0, 2) == pytest.approx((1800, 120))
    assert between(meterage, 0, 0.5, 1.5) == pytest.approx((900, 60))
    assert between(meterage, 1, 0, 15) == pytest.approx((6000, 60))


def test_a_register_that_fell_is_stood_in_for_by_power_and_a_long_gap_by_nothing() -> None:
    known = pieces(minutes([(0, 0, 5000, 100), (0, 1, 10, 100), (0, 40, 90, np.nan)]))
    meterage = Meterage(known, 0, 60 * MINUTE_MS)
    assert between(meterage, 0, 0, 60) == pytest.approx((12_000, 120))


def test_c9_instances_of_one_gpu_count_once_by_their_greatest() -> None:
    rows = [Counter("GPU-a30", mj=126_272_101_025)] * 3 + [Counter("GPU-a30", mj=126_272_106_318)]
    counted = by_uuid(rows)
    assert counted == {"GPU-a30": 126_272_106_318}
    known = by_counters({0: [(0, 0), (3_600_000, counted["GPU-a30"])]})
    assert known.joules[0] / 3_600_000 == pytest.approx(35.076, abs=0.0005)


def test_a_counter_that_went_down_tells_nothing_of_the_time_between() -> None:
    known = by_counters({0: [(0, 1_000_000), (1_000, 500), (2_000, 2_500)]})
    assert known.start_ms.tolist() == [1_000]
    assert known.joules.tolist() == [2.0]
    assert MILLISECOND.total_seconds() == pytest.approx(0.001)
