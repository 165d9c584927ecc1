"""A meter against the invoice of the same energy: how far apart, and whether its class explains that."""

from __future__ import annotations

from dataclasses import dataclass

_COARSEST = 10.0
"""Percent; standards know classes of 0.1 to 3."""


@dataclass(frozen=True)
class Comparison:
    """``difference_wh`` is the invoice less the meter, ``share`` (0..1) its size to what was invoiced.

    ``inside``: no more than the meter's class allows, ``allowed`` (0..1).
    """

    metered_wh: float
    invoiced_wh: float
    difference_wh: float
    share: float
    allowed: float
    inside: bool

    def told(self) -> str:
        """``7,559 kWh apart, 0.0155 %: inside the class of 0.2 %``."""
        side = "inside" if self.inside else "outside"
        return (
            f"{abs(self.difference_wh) / 1000:,.0f} kWh apart, {100 * self.share:.4f} %: "
            f"{side} the class of {100 * self.allowed:g} %"
        )


def compare(metered_wh: float, invoiced_wh: float, accuracy_class: float) -> Comparison:
    """What a meter of a class (percent) counted, with what was invoiced of the same load and period, in Wh.

    Raises ValueError for an invoice that is not above 0 and for a class that is none.
    """
    if not invoiced_wh > 0:
        raise ValueError(f"invoiced_wh: {invoiced_wh:g} is no invoiced energy; write the Wh of the invoice")
    if not 0 < accuracy_class <= _COARSEST:
        raise ValueError(
            f"accuracy_class: {accuracy_class:g} is no class of a meter, which is written in percent: "
            "0.2, 0.5 or 1"
        )
    difference = invoiced_wh - metered_wh
    share, allowed = abs(difference) / invoiced_wh, accuracy_class / 100
    return Comparison(metered_wh, invoiced_wh, difference, share, allowed, share <= allowed)
