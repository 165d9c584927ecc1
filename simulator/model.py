"""The simulated world: its sites, its bidding zones, and the faults that were ordered."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from runtime.clock import to_ms
from runtime.errors import ServiceError
from simulator.faults import Calm, Distortion, Fault, Nonsense, Read, Silent
from simulator.grid import LITHUANIA, POLAND, GridZone
from simulator.jobs import Jobs
from simulator.noise import Ints
from simulator.plan import GDANSK, KAUNAS, SitePlan
from simulator.site import Device, Fields, Site

_ZONES = {zone.name: zone for zone in (POLAND, LITHUANIA)}


@dataclass(frozen=True)
class Published:
    """What ``device`` says at each time; where ``spoken`` is False it says nothing."""

    device: Device
    fields: Fields
    spoken: npt.NDArray[np.bool_]


class Model:
    """Everything that is simulated: a function of (``seed``, ``epoch``, ``faults``, time) and nothing else.

    ``epoch`` is the midnight UTC from which registers count; keep it with the data, and a restart goes on
    exactly where it was. Raises ServiceError for a fault or a grid that names nobody.
    """

    def __init__(
        self,
        epoch: datetime,
        plans: Sequence[SitePlan] = (GDANSK, KAUNAS),
        seed: int = 1,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.epoch = epoch
        self.seed = seed
        self.faults = tuple(faults)
        self.jobs: dict[str, Jobs] = {}
        """What the schedulers of sites tell; of a world without them, nothing."""
        self.sites = {p.name: Site(p, seed, to_ms(epoch), _calms(p.name, self.faults)) for p in plans}
        self._zones = {_zone_device(grid): _zone(grid) for grid in dict.fromkeys(p.grid for p in plans)}
        self.devices = [*(d for site in self.sites.values() for d in site.devices), *self._zones]
        self._by_topic = {device.topic: device for device in self.devices}
        self._refuse_strangers()

    def scheduled(self) -> Model:
        """The same world with a scheduler at each site that tells what its jobs run on."""
        told = copy(self)
        told.jobs = {name: Jobs(site.plan, self.seed) for name, site in self.sites.items()}
        return told

    def only(self, site: str) -> Model:
        """The part of this world that one site's gateway publishes: its devices, and its bidding zone.

        A zone that two sites share is published by the first. Registers and caches are shared.
        """
        part = copy(self)
        part.sites = {site: self.sites[site]}
        part.jobs = {name: jobs for name, jobs in self.jobs.items() if name == site}
        first = {_zone_device(s.plan.grid): s.plan.name for s in reversed(self.sites.values())}
        part._zones = {device: zone for device, zone in self._zones.items() if first[device] == site}
        part.devices = [*self.sites[site].devices, *part._zones]
        part.faults = tuple(
            f for f in self.faults if not isinstance(f, Nonsense) or f.source.startswith(f"{site}/")
        )
        return part

    def profile(self, times_ms: Ints, measurements: Sequence[str] | None = None) -> dict[Device, Fields]:
        """The truth: every device's fields at these times, as faultless instruments would tell them."""
        found: dict[Device, Fields] = {}
        for site in self.sites.values():
            found |= site.profile(times_ms, measurements)
        if measurements is None or "grid" in measurements:
            found |= {device: self.read(device, times_ms) for device in self._zones}
        return found

    def read(self, device: Device, times_ms: Ints) -> Fields:
        """The truth of one device."""
        if device.site is not None:
            return self.sites[device.site].read(device, times_ms)
        return dict(self._zones[device].mix(self.seed, times_ms))

    def published(self, times_ms: Ints, measurements: Sequence[str] | None = None) -> list[Published]:
        """What is published at these times, metering faults included."""
        profile = self.profile(times_ms, measurements)
        return [self._distorted(device, fields, times_ms) for device, fields in profile.items()]

    def rows(self, topic: str) -> int:
        """How many rows a message on ``topic`` holds: one, one per GPU, or none if nobody known sent it."""
        device = self._by_topic.get(topic)
        if device is None:
            return 0
        return self.sites[device.site].plan.gpus if device.site and device.measurement == "gpu" else 1

    def nonsense(self) -> list[Nonsense]:
        """The strangers that publish what cannot be decoded."""
        return [fault for fault in self.faults if isinstance(fault, Nonsense)]

    def _distorted(self, device: Device, fields: Fields, times_ms: Ints) -> Published:
        spoken = np.ones(len(times_ms), dtype=np.bool_)
        read: Read = partial(self.read, device)
        for fault in self.faults:
            if isinstance(fault, Silent) and fault.concerns(device.source):
                spoken &= ~fault.window.covers(times_ms)
            elif isinstance(fault, Distortion) and fault.source == device.source:
                fields = fault.distort(device.measurement, fields, times_ms, read)
                read = partial(_seen_through, fault, device.measurement, read)
        return Published(device, fields, spoken)

    def _refuse_strangers(self) -> None:
        sources = [d.source for d in self.devices]
        for fault in self.faults:
            if isinstance(fault, Calm):
                known = fault.site in self.sites
            elif isinstance(fault, Silent):
                known = any(fault.concerns(source) for source in sources)
            else:
                known = isinstance(fault, Nonsense) or fault.source in sources
            if not known:
                raise ServiceError(f"{fault} names nothing that is simulated; there are {sources[:6]} …")


def _seen_through(fault: Distortion, measurement: str, read: Read, times_ms: Ints) -> Fields:
    """What later faults take for the truth: one meter may be reset and then get stuck."""
    return fault.distort(measurement, read(times_ms), times_ms, read)


def _calms(site: str, faults: Sequence[Fault]) -> list[tuple[int, int]]:
    mine = [f.window for f in faults if isinstance(f, Calm) and f.site == site]
    return [(to_ms(window.start), to_ms(window.end)) for window in mine]


def _zone_device(grid: str) -> Device:
    return Device(f"grid/{grid}", "grid", None)


def _zone(grid: str) -> GridZone:
    if grid not in _ZONES:
        raise ServiceError(f"no bidding zone {grid!r} is simulated; there are: {', '.join(sorted(_ZONES))}")
    return _ZONES[grid]
