"""What the simulated schedulers tell fits what the GPUs do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from runtime.clock import to_ms
from simulator.jobs import Jobs
from simulator.load import PPM, Pools
from simulator.messages import messages
from simulator.model import Model
from simulator.plan import GDANSK

EPOCH = datetime(2026, 10, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_a_job_of_training_runs_while_its_gpus_are_busy() -> None:
    pools = Pools.of(GDANSK.pool_count, GDANSK.training_share, GDANSK.place.zone, 1, GDANSK.name, "pool")
    told = Jobs(GDANSK, 1).told(to_ms(EPOCH), to_ms(EPOCH + WEEK))
    busy = 0
    for at, topic, body in told:
        if "/job/train-" not in topic:
            continue
        pool = int(topic.rsplit("/", 1)[1].split("-")[1]) - 1
        working = 20 * 60_000 if body["event"] == "start" else -1_000
        idle, full = pools.utilisation(np.array([at + 1, at + working], dtype=np.int64))[pool].tolist()
        assert idle < 0.05 * PPM
        assert full > 0.25 * PPM
        busy += 1
    assert busy > 10


def test_every_start_has_its_stop_in_whatever_pieces_the_time_is_asked() -> None:
    jobs = Jobs(GDANSK, 1)
    whole = jobs.told(to_ms(EPOCH), to_ms(EPOCH + WEEK))
    hours = [EPOCH + n * timedelta(hours=1) for n in range(7 * 24)]
    parts = [one for at in hours for one in jobs.told(to_ms(at), to_ms(at + timedelta(hours=1)))]
    assert sorted(map(str, parts)) == sorted(map(str, whole))
    tenants = {body["tenant"] for _, _, body in whole if body["event"] == "start"}
    assert len(tenants) == 2


def test_only_a_scheduled_world_tells_of_jobs() -> None:
    model = Model(EPOCH - timedelta(days=1))
    end = EPOCH + timedelta(hours=6)
    assert not [topic for topic, _ in messages(model, EPOCH, end) if "/job/" in topic]
    told = [(t, msgspec.json.decode(p)) for t, p in messages(model.scheduled(), EPOCH, end) if "/job/" in t]
    assert {body["event"] for _, body in told} <= {"start", "stop"}
    assert told
    assert not [t for t, _ in messages(model.scheduled().only("kaunas"), EPOCH, end) if "gdansk/job" in t]
