"""A meter against its invoice."""

from __future__ import annotations

import pytest

from energy.invoice import compare


def test_t13_the_meter_and_the_invoice_differ_by_less_than_the_class():
    found = compare(metered_wh=48_797_160e3, invoiced_wh=48_804_719e3, accuracy_class=0.2)
    assert found.difference_wh == 7_559e3
    assert round(100 * found.share, 4) == 0.0155
    assert found.inside
    assert found.told() == "7,559 kWh apart, 0.0155 %: inside the class of 0.2 %"


def test_a_difference_beyond_the_class_is_told_as_such():
    found = compare(metered_wh=1_010e3, invoiced_wh=1_000e3, accuracy_class=0.5)
    assert (found.difference_wh, found.inside) == (-10e3, False)
    assert "outside the class of 0.5 %" in found.told()


@pytest.mark.parametrize(("invoiced", "accuracy"), [(0.0, 0.2), (-5.0, 0.2), (5.0, 0.0), (5.0, 20.0)])
def test_what_cannot_be_compared_is_refused(invoiced, accuracy):
    with pytest.raises(ValueError, match=r"accuracy_class|invoiced_wh"):
        compare(1.0, invoiced, accuracy)
