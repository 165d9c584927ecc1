"""What /api/v1/series can be asked for follows from the catalogue."""

from __future__ import annotations

import pytest

from dashboards.api.series import LABELS, SeriesAsked, SeriesOptions
from telemetry.catalogue import MEASUREMENTS


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_label_of_a_measurement_is_a_parameter(name: str) -> None:
    labels = MEASUREMENTS[name].labels
    asked = SeriesAsked.model_validate({"measurement": name, **{label: ["a", "b"] for label in labels}})
    assert [getattr(asked, label) for label in labels] == [["a", "b"]] * len(labels)
    assert set(labels) <= set(LABELS)


def test_no_label_takes_the_name_of_another_parameter() -> None:
    others = {field.alias or name for name, field in SeriesOptions.model_fields.items()}
    assert others.isdisjoint(LABELS), "rename that label: nobody could ask for it"
