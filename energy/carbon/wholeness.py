"""Which hours of a document lack a production type that the zone told lately: no better version."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from energy.carbon.generation import TAKEN
from energy.carbon.hours import load_hours

DAYS = 14
"""How long a type is missed that a zone has told; a plant that is gone for longer belongs to it no more."""

_HOURS = 24 * DAYS


async def lacking(
    connection: AsyncConnection, of: tuple[str, str], told: Mapping[int, Mapping[str, float]]
) -> dict[int, set[str]]:
    """The types that each hour of ``told`` (MWh by psrType) lacks; hours that lack none are not named.

    Those are the types that the zone and source ``of`` told in the :data:`DAYS` before it, or of the hour
    itself, whether in hours that are kept already or that are told now and lack nothing.
    """
    if not told:
        return {}
    first, until = min(told) - _HOURS, max(told) + 1
    kept = await load_hours(connection, of, (first, until - first))
    newest: dict[str, int] = {}
    found: dict[int, set[str]] = {}
    for number, text in enumerate(kept.generation):
        hour = first + number
        before = _types(json.loads(text)) if text is not None else set()
        if hour in told:
            wanted = before | {code for code, last in newest.items() if hour - last <= _HOURS}
            if missing := wanted - _types(told[hour]):
                found[hour] = missing
            else:
                before = _types(told[hour])
        newest |= dict.fromkeys(before, hour)
    return found


def _types(mwh: Mapping[str, float]) -> set[str]:
    return {code for code in mwh if not code.endswith(TAKEN)}
