"""What a picture says of its unit."""

from __future__ import annotations

from butlr_grafana.insight.people import in_unit
from butlr_grafana.model.factor import Factor, Known, Unknown
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.present.images.colour import sequential
from butlr_grafana.present.images.heatmap_image import DEFAULTS, _heat_lines, legend_of, nothing_of
from tests.insight.floors import box, floor, grid, heat_map, room

FACTOR = Factor(per_person_minute=100.0, person_minutes=1000.0, days=1, version="v")


def shown(factor: Known, unit: str = "auto") -> HeatMap:
    """Two cells of a square metre, seen for an hour: 3,000 and 6,000 detections."""
    one = heat_map(floor(room("a", box(0, 0, 4, 4))), grid({(0, 0): 3000.0, (1, 1): 6000.0}))
    [found] = in_unit([one], {"f": factor}, wanted=unit)
    return found


def legend(result: HeatMap) -> str:
    top = float(result.shown.value.max(initial=0.0))
    return legend_of(result, sequential(top, DEFAULTS.style, DEFAULTS.colours)).title


def lines(result: HeatMap) -> str:
    return "\n".join(line.text for line in _heat_lines(result, demo=False, options=DEFAULTS))


def test_the_legend_and_the_head_speak_of_people_where_they_are_known() -> None:
    """A hundred detections a minute: 6,000 are a person for an hour."""
    result = shown(FACTOR)
    assert result.shown.value.tolist() == [0.5, 1.0]
    assert legend(result) == "People per m², per cell of 1 m, at most 1"
    assert "1.5 person-hours" in lines(result)
    assert "detection" not in lines(result)


def test_they_speak_of_detections_where_they_are_not() -> None:
    for result in (shown(Unknown()), shown(FACTOR, "detections")):
        assert legend(result) == "Detections, per cell of 1 m, at most 6,000"
        assert "9,000 detections" in lines(result)
        assert "not known" not in lines(result), "the legend names the unit"


def test_people_that_are_not_known_are_said_in_the_middle() -> None:
    result = shown(Unknown("no presence sensor"), "people")
    assert result.shown.value.tolist() == []
    assert nothing_of(result) == "Heat in people is not known"
    assert "no presence sensor" in lines(result)
