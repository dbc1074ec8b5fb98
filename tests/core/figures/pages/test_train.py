import math
import xml.etree.ElementTree as xml

import pytest

from core import figures
from core.figures.pages import train
from core.scenarios import SCENARIOS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_every_scenario_has_its_idea_in_the_colours_of_their_meaning(scenario):
    picture = xml.fromstring(train.idea(scenario))
    circles = picture.findall(f"{SVG}circle")
    frame, marks = picture.find(f"{SVG}rect"), picture.findall(f"{SVG}polygon")
    assert circles and {each.get("fill") for each in circles} == {figures.NORMAL}
    corners = {each: [point.split(",") for point in each.get("points").split()] for each in marks}
    assert {each.get("fill") for each, of in corners.items() if len(of) == 3} <= {figures.ANOMALY}
    assert {each.get("fill") for each, of in corners.items() if len(of) == 4} == {figures.NOVEL}
    inside = float(frame.get("x")), float(frame.get("x")) + float(frame.get("width"))
    assert all(inside[0] < float(each.get("cx")) < inside[1] for each in circles)
    assert max(float(x) for of in corners.values() for x, _ in of) < train.WIDTH


def test_ideas_tell_scenarios_apart():
    assert len({train.idea(each) for each in SCENARIOS.values()}) == len(SCENARIOS)


def points(values) -> list[tuple[float, float]]:
    line = xml.fromstring(train.sparkline(values, width=108, height=28)).find(f"{SVG}polyline")
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def test_a_sparkline_runs_from_left_to_right_and_is_low_where_the_loss_is_low():
    assert points([4.0, 2.0, 0.0]) == [(4, 4), (54, 14), (104, 24)]


def test_a_sparkline_leaves_out_what_is_no_number_and_stays_flat_where_nothing_moves():
    assert points([1.0, math.nan, 1.0]) == [(4, 24), (104, 24)]


def test_a_sparkline_of_nothing_is_an_empty_picture():
    assert list(xml.fromstring(train.sparkline([math.inf]))) == []


def test_the_loss_curve_counts_epochs_up_to_the_last():
    picture = train.loss_curve([3.0, 2.0, 1.5], 12, "train")
    assert list(picture.figure.data[0].x) == [10, 11, 12]
    assert picture.sentence == "The loss of train is 1.5 after epoch 12."
