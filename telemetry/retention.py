"""How long the stores keep what: readings for days, minutes for a year, hours for ten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from pydantic import Field, model_validator

from runtime.clock import Clock, to_ms
from runtime.errors import StoreError
from runtime.options import Duration, Options
from telemetry.catalogue import GPU, Measurement
from telemetry.rollup import ALL_ROLLUPS, HOUR_MS, MINUTE_MS
from telemetry.store import Store
from telemetry.stored import STORED, is_told

log = structlog.get_logger(__name__)

_EARLY = timedelta(hours=2)
"""How much earlier than rows go their release is asked for: two hours' turns, and what a server of somebody
else forgets by itself is not missed either."""

_LEDGER = timedelta(days=62)
"""A month's report can be restated until the end of the next one: that long its registers are needed."""


class RetentionOptions(Options):
    """The ``[retention]`` table: how long each store keeps rows, by their own time.

    Attributes:
        raw: readings of GPUs, the one measurement that the ledger does not read.
        minute: rollups of a minute.
        hour: rollups of an hour, and the account of who told what in which hour.
        accounting: readings of everything else: a restatement of the ledger needs the registers.
    """

    raw: Duration = Field(default=timedelta(days=7), ge=timedelta(days=1))
    minute: Duration = timedelta(days=400)
    hour: Duration = timedelta(days=3650)
    accounting: Duration = Field(default=timedelta(days=400), ge=_LEDGER)

    @model_validator(mode="after")
    def _coarser_is_kept_longer(self) -> RetentionOptions:
        spans = {name: getattr(self, name) for name in ("raw", "minute", "hour")}
        for finer, coarser in (("raw", "minute"), ("minute", "hour")):
            if spans[coarser] < spans[finer]:
                least = -(-spans[finer] // timedelta(days=1))
                raise ValueError(
                    f"{coarser} is less than {finer}, of which it is what remains; "
                    f'write {coarser} = "{least}d" or more'
                )
        return self

    def kept(self, measurement: Measurement) -> timedelta:
        """How long rows of ``measurement`` are kept."""
        if measurement.name in ALL_ROLLUPS:
            minutes = ALL_ROLLUPS[measurement.name].step_ms == MINUTE_MS
            return self.minute if minutes else self.hour
        if not is_told(measurement):
            return self.hour
        return self.raw if measurement is GPU else self.accounting

    def before(self, at: datetime) -> Mapping[Measurement, datetime]:
        """From when on each measurement is kept at ``at``: what is older goes."""
        return {measurement: at - self.kept(measurement) for measurement in STORED.values()}


Releases = Callable[[Measurement, datetime], datetime]
"""Asked to need rows older than a moment no more; answers until when they are not needed, at most then."""


class Retention:
    """Prunes ``stores`` by ``clock``, as far as ``release`` lets rows go."""

    def __init__(
        self,
        stores: Sequence[Store],
        options: RetentionOptions,
        clock: Clock,
        release: Releases = lambda _, before: before,
    ) -> None:
        self._stores, self._options, self._clock = tuple(stores), options, clock
        self._release = release

    async def prune(self, due: datetime) -> None:
        """Let every store forget what it need not keep at ``due``; one that fails hinders no other.

        Raises StoreError, of the last that failed: the next hour asks again for all.
        """
        failed: StoreError | None = None
        limits = {m: self._released(m, before) for m, before in self._options.before(due).items()}
        for store in self._stores:
            try:
                for measurement, before in limits.items():
                    await store.prune(measurement, before)
            except StoreError as error:
                log.warning("prune_failed", store=store.name, error=str(error))
                failed = error
        if failed is not None:
            raise failed

    def gone(self, measurement: Measurement) -> datetime:
        """Rows of ``measurement`` before this moment may have been pruned by now."""
        return self._clock.now() - self._options.kept(measurement)

    def _released(self, measurement: Measurement, before: datetime) -> datetime:
        """Until when rows that are due to go may go. Asked for early: it may be granted only later."""
        return min(before, self._release(measurement, before + _EARLY))

    def whole_ms(self, step_ms: int, known: tuple[int, int]) -> tuple[int, int]:
        """What pruning left of ``known``, a range in ms in which all rollup rows of a step stood."""
        kept = self._options.minute if step_ms < HOUR_MS else self._options.hour
        since = -(-to_ms(self._clock.now() - kept) // step_ms) * step_ms
        return max(known[0], since), max(known[1], since)
