"""What a simulated site is made of: every size is a parameter, two racks or a gigafactory."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase

from simulator.weather import Place

GPU_IDLE_W = 74.0
GPU_FULL_W = 700.0
NODE_BASE_W = 450.0
"""Processors, memory and network of a node, whatever its GPUs do."""

NODE_FANS = 1.18
"""A node's supply losses and fans, per watt of its GPUs."""


@dataclass(frozen=True)
class SitePlan:
    """One site. Ratios are per watt of rated IT power; ``nodes`` is per rack; ``name`` is used in topics."""

    name: str
    title: str
    place: Place
    grid: str
    halls: int = 2
    racks: int = 2
    nodes: int = 4
    gpus: int = 8
    nodes_per_pool: int = 2
    training_share: float = 0.6
    pv_ratio: float = 0.25
    wind_ratio: float = 0.0
    ppa_wind_ratio: float = 2.6
    ppa_solar_ratio: float = 0.0
    battery_hours: float = 0.15
    reuses_heat: bool = False

    @property
    def node_count(self) -> int:
        """How many nodes stand on the site."""
        return self.halls * self.racks * self.nodes

    @property
    def pool_count(self) -> int:
        """How many groups of nodes run one job each."""
        return -(-self.node_count // self.nodes_per_pool)

    @property
    def rated_it_w(self) -> float:
        """IT power when every GPU is at full load."""
        return self.node_count * (self.gpus * GPU_FULL_W * NODE_FANS + NODE_BASE_W)

    def node_names(self) -> list[tuple[str, str, str]]:
        """(hall, rack, node) of every node, in the order in which jobs are dealt."""
        digits = max(2, len(str(self.nodes)))
        return [
            (_hall(hall), f"r{rack + 1}", f"n{node + 1:0{digits}d}")
            for hall in range(self.halls)
            for rack in range(self.racks)
            for node in range(self.nodes)
        ]

    @property
    def plants(self) -> dict[str, float]:
        """Id -> peak power, per watt of rated IT power, of every plant that this plan has."""
        sized = {
            "pv-roof": self.pv_ratio,
            "wind-yard": self.wind_ratio,
            "ppa-wind-1": self.ppa_wind_ratio,
            "ppa-solar-1": self.ppa_solar_ratio,
        }
        return {name: size for name, size in sized.items() if size > 0}

    def supplies(self) -> dict[str, str]:
        """Id -> kind (as ``[[sites.X.supply]] kind`` names it) of every supply that this plan has."""
        battery = {"battery-1": "battery"} if self.battery_hours > 0 else {}
        return {name: _KINDS[name] for name in self.plants} | battery


_KINDS = {
    "pv-roof": "onsite_solar",
    "wind-yard": "onsite_wind",
    "ppa-wind-1": "ppa_wind",
    "ppa-solar-1": "ppa_solar",
}


def _hall(number: int) -> str:
    return ascii_lowercase[number] if number < len(ascii_lowercase) else f"h{number + 1}"


GDANSK = SitePlan("gdansk", "Gdańsk", Place(54.35, 18.65, "Europe/Warsaw", 8.6), "pl", reuses_heat=True)
KAUNAS = SitePlan(
    "kaunas",
    "Kaunas",
    Place(54.90, 23.90, "Europe/Vilnius", 7.6),
    "lt",
    nodes=3,
    training_share=0.45,
    ppa_wind_ratio=2.2,
    ppa_solar_ratio=0.8,
)
