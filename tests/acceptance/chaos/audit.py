"""What the service makes of the messages, against the account of who sent them: minutes and completeness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from runtime.clock import MILLISECOND
from simulator.frames import node_frames
from simulator.load_account import LoadAccount
from telemetry.reason import REASONS
from telemetry.rollup import MINUTE_MS
from telemetry.rollups import RollupOptions
from tests.acceptance.chaos.ledger import Ledger
from tests.acceptance.chaos.stored import MinuteRow

Minute = tuple[str, int, int]
"""Topic, GPU, start in ms."""

Told = tuple[float, float, float, float]
"""Mean, least and greatest power, and how many readings that is."""

_GRACE_MS = RollupOptions().grace // MILLISECOND


def wrong_minutes(ledger: Ledger, account: LoadAccount, gpus: int, rows: Iterable[MinuteRow]) -> list[str]:
    """Minutes of GPUs that are not the sums of the messages stored; of the newest only those there are."""
    found: dict[Minute, Told] = {}
    twice = []
    for topic, gpu, at_ms, mean, low, high, count in rows:
        if (topic, gpu, at_ms) in found:
            twice.append(f"{topic} {gpu} {at_ms} twice")
        found[topic, gpu, at_ms] = (round(mean, 6), low, high, count)
    numbers = np.flatnonzero(~ledger.missing)
    closed_ms = (int(account.at_ms(numbers).max()) - _GRACE_MS) // MINUTE_MS * MINUTE_MS
    wanted = _minutes(account, gpus, numbers)
    keys = [key for key in wanted if key[2] < closed_ms or key in found]
    keys += found.keys() - wanted.keys()
    return twice + [
        f"{key}: {found.get(key)} for {wanted.get(key)}" for key in keys if found.get(key) != wanted.get(key)
    ]


def _minutes(account: LoadAccount, gpus: int, numbers: np.ndarray) -> dict[Minute, Told]:
    """What the rows of all minutes must tell when these messages are stored; powers are constant."""
    at = account.at_ms(numbers) // MINUTE_MS * MINUTE_MS
    told, counts = np.unique(np.stack([numbers % account.nodes, at]), axis=1, return_counts=True)
    power = []
    for frame in node_frames(account.site, account.nodes, gpus):
        payload = msgspec.json.decode(frame.raw[frame.raw.index(b'{"ts":') :])
        power.append([gpu["power_w"] for gpu in payload["gpus"]])
    return {
        (account.topic(node), gpu, at_ms): (w, w, w, float(count))
        for node, at_ms, count in zip(*told.tolist(), counts.tolist(), strict=True)
        for gpu, w in enumerate(power[node])
    }


def wrong_sums(
    ledger: Ledger, gpus: int, told: Mapping[str, Any], sources: Mapping[str, Counter[str]]
) -> list[str]:
    """Where the account of completeness differs from the ingest's counters, or from what each node sent."""
    total: Counter[str] = sum(sources.values(), Counter())
    wanted = {name: told[name] for name in ("received", "missed", "unstamped", "session_gaps")}
    wanted |= {"repeated": told["duplicates"], "not_newer": told["duplicates"] + told["late"]}
    wanted |= {f"rejected_{reason}": told["rejected"].get(reason, 0) for reason in REASONS}
    wrong = [
        f"{name}: {total[name]} by source, {all_} in all"
        for name, all_ in wanted.items()
        if total[name] != all_
    ]
    for topic, count in ledger.publishers.items():
        mine = sources.get(topic.removeprefix("dc/v1/"), Counter())
        new = mine["rows"] - mine["repeated"]
        if new != gpus * count.stored:
            wrong.append(f"{topic}: {new} new rows by source, {gpus * count.stored} stored")
    return wrong
