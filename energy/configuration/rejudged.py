"""What a changed configuration lets registers tell otherwise: exchanges and transformers of the past."""

from __future__ import annotations

from collections.abc import Sequence

from energy.configuration.device import Device, devices
from energy.configuration.era import FOREVER, DeviceName
from energy.configuration.site import SiteOptions
from energy.counting.register import Ratio, Register
from energy.interval import QUARTER_MS
from energy.settlement.readings import Span


def rejudged(key: str, before: SiteOptions, after: SiteOptions) -> list[tuple[DeviceName, Span]]:
    """The quarters to settle anew of each device of ``[sites.key]`` that both have."""
    known = {_name(device): device.register for device in devices(key, before)}
    return [
        (_name(device), span)
        for device in devices(key, after)
        if _name(device) in known
        for span in _spans(known[_name(device)], device.register)
    ]


def _name(device: Device) -> DeviceName:
    return device.measurement.name, device.id


def _spans(before: Register, after: Register) -> list[Span]:
    swapped = set(before.swaps) ^ set(after.swaps)
    quarters = sorted({swap.at_ms // QUARTER_MS for swap in swapped})
    found = [Span(quarter, quarter + 1) for quarter in quarters]
    since = _since(before.ratios, after.ratios)
    return found if since is None else [*found, Span(since // QUARTER_MS, FOREVER)]


def _since(before: Sequence[Ratio], after: Sequence[Ratio]) -> int | None:
    """When the two histories begin to differ; 0 if their first ratios do, as these hold for all before."""
    if (before[0].ratio if before else 1.0) != (after[0].ratio if after else 1.0):
        return 0
    changed = set(before[1:]) ^ set(after[1:])
    return min((ratio.since_ms for ratio in changed), default=None)
