"""A payload that is nothing but a number of watts, of the site and meter that its topic names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from collectors.decoder import DECODERS, CountOf, DecoderOptions, nobody_counted
from collectors.source import Message
from telemetry.batch import Batch
from telemetry.catalogue import METER
from telemetry.series import SeriesRegistry


@DECODERS.add("plain", DecoderOptions)
class Plain:
    """Implements :class:`collectors.decoder.Decoder`."""

    def __init__(
        self,
        options: DecoderOptions,
        registry: SeriesRegistry,
        allow: Sequence[str] = (),
        counted: CountOf = nobody_counted,
    ) -> None:
        self._registry = registry

    def decode(self, messages: Sequence[Message], batch: Batch, arrived_ms: int) -> None:
        rows = batch.rows(METER)
        for message in messages:
            batch.received += 1
            _, site, meter = message.topic.split("/")
            series = self._registry.id(METER, (site, meter))
            rows.series.append(series)
            rows.at_ms.append(arrived_ms)
            for name, column in rows.columns.items():
                column.append(float(message.payload) if name == "power_w" else math.nan)
            batch.told.append(series)
            batch.told_ms.append(arrived_ms)
