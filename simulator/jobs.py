"""What a site's scheduler tells: who runs on which nodes, from when to when, as the model's load has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.load import Pools, training_runs
from simulator.noise import DAY_MS
from simulator.plan import SitePlan

WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""1970 began on a Thursday."""

_TENANTS = (("northern-lights", "foundation"), ("baltic-language", "translation"))
_SERVING = ("northern-lights", "assistant")


@dataclass(frozen=True)
class Run:
    """A job on ``nodes`` (hall/rack/node) from ``begin_ms`` until ``end_ms``."""

    job: str
    name: str
    tenant: str
    project: str
    nodes: tuple[str, ...]
    begin_ms: int
    end_ms: int

    def events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """What is told of it, each with its time."""
        start = {"event": "start", "at": self.begin_ms, "tenant": self.tenant, "project": self.project}
        yield self.begin_ms, start | {"name": self.name, "nodes": list(self.nodes)}
        yield self.end_ms, {"event": "stop", "at": self.end_ms}


class Jobs:
    """The jobs of one site: two tenants train, one of them also serves, week by week."""

    def __init__(self, plan: SitePlan, seed: int) -> None:
        self._plan = plan
        self._pools = Pools.of(plan.pool_count, plan.training_share, plan.place.zone, seed, plan.name, "pool")

    def told(self, start_ms: int, end_ms: int) -> list[tuple[int, str, dict[str, Any]]]:
        """Time, topic and payload of every event of ``start_ms <= t < end_ms``."""
        found = [
            (at, f"dc/v1/{self._plan.name}/job/{run.job}", body)
            for run in self._runs(start_ms, end_ms)
            for at, body in run.events()
            if start_ms <= at < end_ms
        ]
        return sorted(found, key=lambda one: one[0])

    def _runs(self, start_ms: int, end_ms: int) -> Iterator[Run]:
        for pool, slot, begin, end in training_runs(self._pools, start_ms, end_ms):
            tenant, project = _TENANTS[pool % 2]
            job = f"train-{pool + 1}-{slot}"
            yield Run(job, f"{project} run {slot}", tenant, project, self._nodes(pool), begin, end)
        first = (start_ms - _MONDAY_MS) // WEEK_MS - 1
        for week in range(first, (end_ms - _MONDAY_MS) // WEEK_MS + 1):
            begin = week * WEEK_MS + _MONDAY_MS
            for pool in range(self._pools.training, self._pools.count):
                job = f"serve-{pool + 1}-{week}"
                yield Run(job, f"assistant {pool + 1}", *_SERVING, self._nodes(pool), begin, begin + WEEK_MS)

    def _nodes(self, pool: int) -> tuple[str, ...]:
        size = self._plan.nodes_per_pool
        names = self._plan.node_names()[pool * size : (pool + 1) * size]
        return tuple("/".join(name) for name in names)
