"""A channel cannot deliver: people are told through the others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import ChannelStatus, Reading
from alerts.route import SELF_ALERT
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import counted
from runtime.options import Duration, Options


class ChannelFailingOptions(Options):
    """At once when a message is lost, and when the channel has failed for longer than ``patience``."""

    severity: Severity = Severity.HIGH
    patience: Duration = timedelta(minutes=15)


@RULES.add(SELF_ALERT, ChannelFailingOptions)
class ChannelFailing:
    """One condition per channel; routing never sends its alerts through that channel itself."""

    cadence = Cadence.LIVE

    def __init__(self, options: ChannelFailingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Ends with the first message that is delivered."""
        if read.deliveries is None:
            return []
        return [self._channel(channel) for channel in read.deliveries.channels()]

    def _channel(self, channel: ChannelStatus) -> Verdict:
        failing = channel.given_up or channel.failing_for > self._options.patience
        waits = f"{counted(channel.waiting, 'message')} {'waits' if channel.waiting == 1 else 'wait'}"
        lost = " A message was lost." if channel.given_up else ""
        return Verdict(
            key=f"channel/{channel.name}",
            rule=SELF_ALERT,
            site=None,
            severity=self._options.severity,
            active=failing,
            clears=channel.error is None,
            title=f"Channel {channel.name} cannot deliver",
            summary=f"{channel.name}: {channel.error}. {waits}.{lost}"
            if channel.error
            else f"{channel.name} delivers.",
            link="/system",
            evidence={"channel": channel.name, "error": channel.error},
            advice="Correct the channel's table in the configuration or its server. What waits is sent by "
            "itself; what was lost stays listed with its alert.",
        )
