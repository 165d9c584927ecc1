"""What leaves a site that generates: while nobody tells of it, nothing is the site's own use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from energy.interval import QUARTER_MS
from energy.sums.balance import balance
from energy.tree.outward import outward_notes, unheard
from runtime.clock import from_ms
from tests.unit.energy.arrays import FIRST, sheet
from tests.unit.energy.plant import site


def test_what_a_site_generates_is_not_its_own_use_while_nobody_tells_what_leaves_it():
    """40 of 60 are used: what goes out unseen would pass for green."""
    lines = {
        "meter/main-1/energy": [20.0] * 8,
        "meter/ups-a/energy": [30.0] * 8,
        "supply/pv/energy": [40.0] * 8,
    }
    sun = [{"id": "pv", "kind": "onsite_solar", "max_power_kw": 1}]
    blind = site(supply=sun)
    told = sheet(lines)
    hidden = balance(blind, told)
    assert np.isnan(hidden.onsite["pv"]).all()
    assert np.isnan(hidden.volume["pv"]).all()
    assert hidden.edc.tolist() == [60.0] * 8
    assert balance(site(exports="none", supply=sun), told).onsite["pv"].tolist() == [40.0] * 8
    exported = balance(blind, sheet({**lines, "meter/main-1/export": [20.0] * 8}))
    assert (exported.onsite["pv"].tolist(), exported.edc.tolist()) == ([20.0] * 8, [40.0] * 8)
    # Power tells it too, from its first sample on.
    inlet, *others = told.registers
    since = replace(inlet, power_since=from_ms((FIRST + 4) * QUARTER_MS))
    later = balance(blind, replace(told, registers=(since, *others)))
    assert np.isnan(later.onsite["pv"]).tolist() == [True] * 4 + [False] * 4
    # Of a battery alone nothing may be claimed then: what it gave may have gone out.
    stores = site(supply=[{"id": "bat", "kind": "battery"}])
    rows = {**lines, "supply/bat/charge": [0.0] * 8, "supply/bat/discharge": [1.0] * 8}
    assert balance(stores, sheet(rows)).loose.all()
    assert not unheard(site(), told).any()
    assert [note.partition(":")[0] for note in outward_notes("gdansk", blind)] == [
        "sites.gdansk.meter 'main-1'"
    ]
    assert list(outward_notes("gdansk", site(supply=[{"id": "w", "kind": "ppa_wind", "zone": "PL"}]))) == []
