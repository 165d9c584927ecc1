"""MQTT 5 by a protocol of our own on the Rust codec ``mqtt5``, and MQTT 3.1.1 by mqttium.

The codec knows MQTT 5 only. With ``protocol = "auto"`` a broker that refuses version 5 is therefore spoken
to in 3.1.1 by mqttium's link, at mqttium's cost; the session, its client id and what is remembered of it
are the same. So this file joins two links, where the other sources each bring one.
"""

from __future__ import annotations

from pathlib import Path

from collectors.link import Dial, Link
from collectors.mqtt5.link import Mqtt5Link
from collectors.session import BrokerSession, Pace
from collectors.source import SOURCES, BrokerOptions
from collectors.sources.mqttium import MqttiumLink


@SOURCES.add("mqtt5", BrokerOptions)
def mqtt5_source(
    options: BrokerOptions, *, memory: Path | None = None, pace: Pace | None = None
) -> BrokerSession:
    """A message source over our own MQTT 5 connection."""
    return BrokerSession(_link, options, memory=memory, pace=pace)


def _link(dial: Dial) -> Link:
    return Mqtt5Link(dial) if dial.version == "5" else MqttiumLink(dial)
