"""Which intervals an estimate may have changed for, when others were settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from energy.configuration.device import Device
from energy.estimation.estimate import SHORT, WEEK, WEEKS
from energy.settlement.readings import Span

SHIFT = 4
"""Quarters by which a change of the clock moves a local time."""

PATIENCE = 8
"""Quarters after which nobody waits for a register any more: a slow or late one has told by then."""


def reach(device: Device, span: Span, relied_upon: bool) -> list[Span]:
    """What of a meter to estimate anew after ``span`` of it changed, or of a backup ``relied_upon``."""
    spans = [Span(span.first - SHORT, span.until + SHORT)]
    weeks = (WEEK * number for number in range(1, WEEKS + 1))
    spans += [Span(span.first + w - SHIFT, span.until + w + SHIFT) for w in weeks]
    if device.backup is not None or relied_upon:
        spans.append(Span(span.first, span.until + WEEK))
    return spans


def waiting(
    found: Mapping[str, Device], touched: Mapping[str, Iterable[Span]], newly: Span
) -> dict[str, list[Span]]:
    """By meter, the spans up to the end of ``newly`` in which an estimate may be due or no longer right.

    ``touched`` was settled in this run; ``newly`` is what has become old enough by it.
    """
    wanted = {name: [newly] for name in found}
    for name, spans in touched.items():
        for meter, device in found.items():
            if meter == name or device.backup == name:
                for span in spans:
                    wanted[meter] += reach(device, span, meter != name)
    return {name: merged(_until(spans, newly.until)) for name, spans in wanted.items()}


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same quarters in spans that do not touch, in time order."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: s.first):
        if found and span.first <= found[-1].until:
            found[-1] = Span(found[-1].first, max(found[-1].until, span.until))
        else:
            found.append(span)
    return found


def _until(spans: Iterable[Span], end: int) -> Iterable[Span]:
    cut = (Span(span.first, min(span.until, end)) for span in spans)
    return [span for span in cut if span.first < span.until]
