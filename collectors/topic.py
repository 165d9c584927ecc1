"""Topics of the native wire contract: which device a topic names, and in which measurement."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from collectors.counter import Counter
from runtime.errors import BadPayload
from telemetry.catalogue import GPU, GRID, MEASUREMENTS, Measurement
from telemetry.job import JOB

PREFIX = "dc/v1/"
"""What every topic of the contract begins with."""

LONGEST_TOPIC = 256
"""Characters: names are kept for ever, so whoever invents them must not fill memory and disk with each."""

UNSEEN = -1
"""Series of a route that has not sent a usable row yet: only data may spend the cardinality cap."""

_LEVELS = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*", re.ASCII)
KINDS = {name: m for name, m in MEASUREMENTS.items() if len(m.labels) == 2 and m.labels[0] == "site"}
"""Every measurement that is one device of a site; a new one in the catalogue has its topic by that."""

_GPU_DEPTH = 5
_DEVICE_DEPTH = 3
_GRID_DEPTH = 2


@dataclass(slots=True)
class Route:
    """Where the messages of one topic go.

    ``source`` is the topic without ``dc/v1/`` and without ``/status``; ``labels`` lack the GPU's number on a
    GPU topic, whose series are kept by number in ``gpus``. ``seen`` counts messages, ``counter`` follows
    the publisher's own count.
    """

    source: str
    measurement: Measurement
    labels: tuple[str, ...]
    status: bool = False
    series: int = UNSEEN
    gpus: dict[int, int] = field(default_factory=dict)
    seen: int = 0
    counter: Counter | None = None


def resolve(topic: str) -> Route:
    """The route of ``topic``. Raises BadPayload ``topic`` when the contract does not know it."""
    if not topic.startswith(PREFIX):
        raise BadPayload("topic", f"does not begin with {PREFIX}")
    if len(topic) > LONGEST_TOPIC:
        raise BadPayload("topic", f"longer than {LONGEST_TOPIC} characters")
    levels = topic[len(PREFIX) :].split("/")
    if levels[0] == "grid":
        return _zone(levels)
    if not _LEVELS.fullmatch(topic, len(PREFIX)):
        raise BadPayload("topic", "each level is one or more of a-z, 0-9 and -")
    status = len(levels) in (_DEVICE_DEPTH + 1, _GPU_DEPTH + 1) and levels[-1] == "status"
    device = levels[:-1] if status else levels
    if len(device) == _DEVICE_DEPTH and device[1] in KINDS:
        return Route("/".join(device), KINDS[device[1]], (device[0], device[2]), status)
    if len(levels) == _DEVICE_DEPTH and levels[1] == JOB.name:
        return Route("/".join(levels), JOB, (levels[0], levels[2]))
    if len(device) == _GPU_DEPTH and device[-1] == "gpu":
        return Route("/".join(device), GPU, tuple(device[:-1]), status)
    raise BadPayload("topic", "not one of the topics of the wire contract")


def matcher(pattern: str) -> Callable[[str], bool]:
    """A test of topics against the MQTT filter ``pattern``. Raises ValueError when it is none.

    ``#`` at the end stands for any number of levels, none included, and ``+`` for one.
    """
    levels = pattern.split("/")
    if not pattern or any(("#" in level or "+" in level) and len(level) > 1 for level in levels):
        raise ValueError(f"{pattern!r} is no MQTT filter: + and # stand for whole levels")
    if "#" in levels[:-1]:
        raise ValueError(f"{pattern!r} is no MQTT filter: # stands at the end only")
    rest = levels[-1] == "#"
    parts = ["[^/]+" if level == "+" else re.escape(level) for level in levels[: -1 if rest else None]]
    text = "/".join(parts) + ("(/.*)?" if rest and parts else ".*" if rest else "")
    found = re.compile(text, re.DOTALL)
    return lambda topic: found.fullmatch(topic) is not None


def _zone(levels: list[str]) -> Route:
    # Bidding zones are written in capitals wherever people read them (PL, DE-LU); publishers do either.
    status = len(levels) == _GRID_DEPTH + 1 and levels[-1] == "status"
    if len(levels) != _GRID_DEPTH + status:
        raise BadPayload("topic", "below dc/v1/grid stand only bidding zones; no site may be named grid")
    if not _LEVELS.fullmatch(levels[1].lower()):
        raise BadPayload("topic", "a bidding zone is one or more letters, digits and -")
    zone = levels[1].upper()
    return Route(f"grid/{zone}", GRID, (zone,), status)
