"""How often each source was to speak in an hour: at the rhythm that held then, not at today's."""

from __future__ import annotations

import numpy as np

from telemetry.cadence import Cadences
from telemetry.completeness_hour import HourTable
from telemetry.frame import Floats, Mask
from telemetry.intake_sources import Numbers
from telemetry.intake_tally import HOUR_MS


def period_ms(table: HourTable, sources: Numbers, cadences: Cadences, before: Floats) -> Floats:
    """float64[n], the period of each source in the hour of ``table``; NaN where nobody knows one.

    As declared. Else as its messages showed by what they stand for: an hour at two rhythms is whole when all
    of its messages together cover it. One in which nothing came is held to the rhythm ``before`` it, and one
    whose messages came before anything was known, to the first that was.
    """
    received, paced = table.get("received", sources), table.get("paced", sources)
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.where(paced > 0, table.get("covers_ms", sources) / paced, np.nan)
    other = np.where(received > 0, cadences.early_ms(sources, table.at_ms + HOUR_MS), before)
    found = cadences.declared_ms(sources)
    for told in (shown, other, cadences.period_ms(sources)):
        found = np.where(np.isnan(found), told, found)
    return found


def is_final(table: HourTable, sources: Numbers, cadences: Cadences) -> Mask:
    """bool[n], of whom an hour that was closed keeps what was expected in it then.

    What was declared may change later, what was known of the silent too. Of those who spoke, their own
    messages tell the rhythm, also the ones that came after the hour was closed.
    """
    kept = ~np.isnan(table.get("expected", sources))
    spoke = np.isnan(cadences.declared_ms(sources)) & (table.get("paced", sources) > 0)
    final: Mask = kept & ~spoke
    return final
