"""The model on the wire: order, cadence, both forms, both encodings, and the faults as they show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from runtime.clock import from_ms, to_ms
from runtime.errors import ServiceError
from simulator.faults import Calm, Fault, MeterReset, Nonsense, Rollover, Silent, Stuck, Window
from simulator.history import History
from simulator.messages import Cadence, Encoding, messages
from simulator.model import Model
from simulator.site import Device

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = (EPOCH + timedelta(hours=1), EPOCH + timedelta(hours=6))
WINDOW = Window(EPOCH + timedelta(hours=2), EPOCH + timedelta(hours=4))
MAIN = "gdansk/meter/main-1"


def said(faults: Sequence[Fault], source: str) -> list[dict[str, Any]]:
    stream = messages(Model(EPOCH, faults=faults), *HOURS)
    return [json.loads(payload) for topic, payload in stream if topic == f"dc/v1/{source}"]


def test_messages_come_by_time_and_hit_every_quarter_hour() -> None:
    stream = list(messages(Model(EPOCH), *HOURS))
    stamps = [msgspec.json.decode(payload)["ts"] for _, payload in stream]
    assert stamps == sorted(stamps)
    of_main = [t for (topic, _), t in zip(stream, stamps, strict=True) if topic == f"dc/v1/{MAIN}"]
    of_node = [
        t for (topic, _), t in zip(stream, stamps, strict=True) if topic == "dc/v1/gdansk/a/r1/n01/gpu"
    ]
    assert of_main == list(range(to_ms(HOURS[0]), to_ms(HOURS[1]), 300_000))
    assert of_node == list(range(to_ms(HOURS[0]), to_ms(HOURS[1]), 900_000))


def test_a_message_tells_what_the_model_knows() -> None:
    model = Model(EPOCH)
    truth = model.read(Device(MAIN, "meter", "gdansk"), np.array([to_ms(HOURS[0])], dtype=np.int64))
    assert said([], MAIN)[0] == {"ts": to_ms(HOURS[0])} | {name: v[0] for name, v in truth.items()}


def test_both_forms_of_a_node_say_the_same() -> None:
    model, topic = Model(EPOCH), "dc/v1/kaunas/b/r2/n03/gpu"
    cadence = Cadence(node=timedelta(seconds=5), other=timedelta(minutes=1))
    span = (HOURS[0], HOURS[0] + timedelta(seconds=11))

    def bodies(encoding: Encoding) -> list[dict[str, Any]]:
        decode = msgspec.json.decode if encoding.form == "json" else msgspec.msgpack.decode
        return [decode(p) for t, p in messages(model, *span, cadence, encoding) if t == topic]

    objects = bodies(Encoding("objects", sequence=True))
    columns = bodies(Encoding("columns", "msgpack", sequence=True))
    assert [body["seq"] for body in objects] == [to_ms(span[0]) // 5000 + n for n in range(3)]
    for one, other in zip(objects, columns, strict=True):
        assert (one["ts"], one["seq"]) == (other["ts"], other["seq"])
        assert [gpu["i"] for gpu in one["gpus"]] == list(range(8))
        for field in ("power_w", "util", "temp_c", "mem_temp_c", "energy_j"):
            assert [gpu[field] for gpu in one["gpus"]] == other[field]


def test_a_reset_meter_counts_on_from_zero() -> None:
    plain, reset = said([], MAIN), said([MeterReset(MAIN, WINDOW.start)], MAIN)
    before = [row for row in reset if row["ts"] < to_ms(WINDOW.start)]
    after = [row for row in reset if row["ts"] >= to_ms(WINDOW.start)]
    assert before == plain[: len(before)]
    assert after[0]["energy_wh"] == 0
    steps = [b["energy_wh"] - a["energy_wh"] for a, b in pairwise(after)]
    true = [b["energy_wh"] - a["energy_wh"] for a, b in pairwise(plain)]
    assert steps == true[-len(steps) :]


def test_a_register_rolls_over_at_its_modulus() -> None:
    plain, rolled = said([], MAIN), said([Rollover(MAIN, 100_000)], MAIN)
    assert [row["energy_wh"] for row in rolled] == [row["energy_wh"] % 100_000 for row in plain]


def test_a_stuck_meter_repeats_itself_and_recovers() -> None:
    plain, stuck = said([], MAIN), said([Stuck(MAIN, WINDOW)], MAIN)
    during = [row for row in stuck if to_ms(WINDOW.start) <= row["ts"] < to_ms(WINDOW.end)]
    assert len({row["energy_wh"] for row in during}) == 1
    assert len({row["ts"] for row in during}) == 24
    assert stuck[-1] == plain[-1]


def test_a_meter_may_be_reset_and_then_get_stuck() -> None:
    both = said([MeterReset(MAIN, WINDOW.start - timedelta(minutes=30)), Stuck(MAIN, WINDOW)], MAIN)
    during = {row["energy_wh"] for row in both if to_ms(WINDOW.start) <= row["ts"] < to_ms(WINDOW.end)}
    reset = said([MeterReset(MAIN, WINDOW.start - timedelta(minutes=30))], MAIN)
    assert during == {next(row["energy_wh"] for row in reset if row["ts"] == to_ms(WINDOW.start))}


def test_a_silent_rack_says_nothing_and_its_neighbour_goes_on() -> None:
    faults = [Silent("gdansk/a/r1", WINDOW)]
    quiet = [from_ms(row["ts"]) for row in said(faults, "gdansk/a/r1/n02/gpu")]
    assert [at for at in quiet if WINDOW.start <= at < WINDOW.end] == []
    assert len(quiet) == 12
    assert len(said(faults, "gdansk/a/r2/n02/gpu")) == 20


def test_a_stranger_talks_nonsense_only_in_its_window() -> None:
    stranger = Nonsense("gdansk/meter/stranger", WINDOW)
    spoken = [p for t, p in messages(Model(EPOCH, faults=[stranger]), *HOURS) if t.endswith("stranger")]
    assert len(spoken) == 24
    assert len(set(spoken)) > 4


def test_a_calm_stills_the_wind_and_nothing_else() -> None:
    faults = [Calm("gdansk", WINDOW)]
    wind = [
        row["power_w"]
        for row in said(faults, "gdansk/supply/ppa-wind-1")
        if from_ms(row["ts"]) >= WINDOW.start
    ]
    assert max(wind[:24]) < 0.003 * 300_000
    assert said(faults, MAIN) == said([], MAIN)


@pytest.mark.parametrize(
    "fault", [Silent("gdansk/z", WINDOW), MeterReset("riga/meter/main-1", EPOCH), Calm("riga", WINDOW)]
)
def test_a_fault_that_names_nobody_is_refused(fault: Fault) -> None:
    with pytest.raises(ServiceError, match="names nothing"):
        Model(EPOCH, faults=[fault])


def test_the_parts_of_the_sites_are_the_whole() -> None:
    faults = [Nonsense("kaunas/meter/stranger", WINDOW)]
    model = Model(EPOCH, faults=faults)
    whole = sorted(messages(model, *HOURS))
    parts = [m for name in model.sites for m in messages(model.only(name), *HOURS)]
    assert sorted(parts) == whole


async def test_history_hands_out_everything_and_says_how_far_it_is() -> None:
    model = Model(EPOCH)
    history = History(model, *HOURS)
    shares, received = [], []
    async for message in history:
        received.append(message)
        shares.append(history.share)
    assert received == list(messages(model, *HOURS))
    assert shares == sorted(shares)
    assert history.share == 1.0
    assert History(model, HOURS[0], HOURS[0]).share == 1.0
