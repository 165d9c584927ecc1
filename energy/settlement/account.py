"""One device's intervals from its readings: by register, or by power as long as it had no register."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from energy.configuration.device import POWER, Channel, Device
from energy.interval import QUARTER_MS
from energy.settlement.integration import settle_power
from energy.settlement.readings import Readings, Span
from energy.settlement.registers import Intervals, settle_verdict
from energy.sums.sheet import LedgerRegister
from runtime.clock import to_ms


def fields_in_use(device: Device, registers: Mapping[str, LedgerRegister]) -> tuple[str, ...]:
    """The fields from which ``device`` is accounted, given its ledger registers by channel name."""
    wanted: dict[str, None] = {}
    for channel in device.channels:
        register = registers.get(channel.name)
        if register is not None and register.register_since is not None:
            wanted[channel.field] = None
        if register is not None and _by_power(channel, register):
            wanted[POWER] = None
    return tuple(wanted)


def account(
    device: Device, registers: Mapping[str, LedgerRegister], readings: Readings, hull: Span
) -> Iterable[tuple[LedgerRegister, Span, Intervals]]:
    """The intervals of each of the device's registers within ``hull``.

    A register that is not required begins with its first reading: before that it counts nothing.
    """
    for channel in device.channels:
        register = registers.get(channel.name)
        if register is None or (not channel.required and register.since is None):
            continue
        first = hull.first if channel.required else max(hull.first, register.since or 0)
        if first < hull.until:
            span = Span(first, hull.until)
            yield register, span, _channel(device, channel, register, (readings, span))


def _channel(
    device: Device, channel: Channel, register: LedgerRegister, where: tuple[Readings, Span]
) -> Intervals:
    readings, span = where
    count = span.until - span.first
    at = readings.at_ms
    counted = Intervals.empty(count, "no reading ever arrived")
    if register.register_since is not None:
        verdict = readings.judged(channel, device.register)
        counted = settle_verdict(verdict, span.start_ms, count, device.register.of(channel.name))
    if not _by_power(channel, register):
        return counted
    power = channel.sign * readings.columns[POWER]
    integrated = settle_power(at, power, span.start_ms, count, device.register.period_ms)
    if register.register_since is None:
        return integrated
    before = to_ms(register.register_since) // QUARTER_MS - span.first
    return _spliced(integrated, counted, before) if before > 0 else counted


def _by_power(channel: Channel, register: LedgerRegister) -> bool:
    """Whether power ever stood in for the register: only until that first spoke."""
    if channel.sign == 0 or register.power_since is None:
        return False
    return register.register_since is None or register.power_since < register.register_since


def _spliced(early: Intervals, late: Intervals, at: int) -> Intervals:
    """``early`` up to interval ``at``, ``late`` from there on."""
    reasons = {i: r for i, r in early.reasons.items() if i < at}
    reasons |= {i: r for i, r in late.reasons.items() if i >= at}
    return Intervals(
        np.concatenate((early.amount[:at], late.amount[at:])),
        np.concatenate((early.quality[:at], late.quality[at:])),
        np.concatenate((early.absent[:at], late.absent[at:])),
        reasons,
    )
