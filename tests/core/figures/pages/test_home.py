import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.kinds import HATCHES
from core.figures.pages import home

SVG = "{http://www.w3.org/2000/svg}"
NOVEL = np.array([True, False, True, False])
CALLED = np.array([True, False, False, False])
PICKED = np.array([True, True, True, False])


def pictures(html: str) -> list[ElementTree.Element]:
    """The SVG images of a piece of a page, in order."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [ElementTree.fromstring(base64.b64decode(each)) for each in found]


def test_surprise_orders_the_images_and_parts_them_at_the_threshold():
    images = np.zeros((4, 1, 8, 8), np.uint8)
    picture = home.surprise(images, list("3132"), Kinds.of_test(NOVEL), np.array([99.0, 10, 60, 20]), CALLED, PICKED)
    assert picture.table["percentile"].tolist() == [10, 20, 60, 99]
    assert picture.table["class"] == ["1", "2", "3", "3"]
    assert picture.table["you say novel"].tolist() == [1, 0, 1, 1]
    (line,) = picture.figure.layout.shapes
    at = picture.figure.layout.xaxis.tickvals
    assert at[2] < line.x0 < at[3]
    assert picture.figure.layout.xaxis.ticktext[0].endswith("network ✓ 10<br>you ✗ novel")


@pytest.mark.parametrize(
    ("picked", "result"),
    [
        (
            PICKED,
            "You found 2 of 2 novel images with 1 false alarm, the network 1 of 2 novel images with 0 false alarms",
        ),
        (PICKED, "3 against 3 right, a draw"),
        (NOVEL, "4 against 3 right, you win"),
        (~NOVEL, "0 against 3 right, the network wins"),
    ],
)
def test_surprise_says_who_was_right(picked, result):
    picture = home.surprise(
        np.zeros((4, 1, 8, 8), np.uint8), list("3132"), Kinds.of_test(NOVEL), np.arange(4.0), CALLED, picked
    )
    assert result in picture.sentence


def test_miniature_counts_every_image_about_the_threshold_at_1(rng):
    scores, novel = np.concatenate([rng.normal(size=50), rng.normal(size=30) + 100]), np.repeat([0, 1], [50, 30])
    picture = home.miniature(scores, Kinds.of_test(novel), 2.0, rng.normal(size=40))
    assert 'alt="Right of the dashed threshold: 100 % of the novel images."' in picture
    *_, drawn = pictures(picture)
    assert "currentColor; left: 50%" in picture  # the threshold, 1 between -1 and 3
    normal, foreign = drawn.findall(f"{SVG}g")
    for bars in (normal, foreign):  # every image of the kind is in some bar, each rounded to hundredths
        assert sum(float(bar.get("height")[:-1]) for bar in bars) == pytest.approx(100 / 1.05, abs=0.3)
    assert [bar.get("x") for bar in foreign] == ["97.5%"]  # clipped into the last bin
    assert float(foreign[0].get("y")[:-1]) == pytest.approx(100 - 100 / 1.05, abs=0.01)  # the highest bar


def test_miniature_tells_kinds_by_colour_hatch_and_name(rng):
    scores, novel = rng.normal(size=60), np.repeat([0, 1], [20, 40])
    source = np.repeat(["normal", "novel", "a <b>", "other"], [20, 20, 10, 10])
    kinds = Kinds.of_test(novel, source)
    picture = home.miniature(scores, kinds, 0.5, scores)
    *swatches, drawn = pictures(picture)
    assert len(swatches) == len(kinds.kinds) == 4
    for kind, swatch in zip(kinds.kinds, swatches, strict=True):
        assert kind.label in picture and kind.colour in ElementTree.tostring(swatch, "unicode")
    assert "<b>" not in picture
    fills = [group.get("fill") for group in drawn.findall(f"{SVG}g")]
    assert fills[0] == kinds.kinds[0].colour and len(set(fills)) == 4
    tiles = {f"url(#{tile.get('id')})": tile.find(f"{SVG}rect").get("fill") for tile in drawn.findall(f"{SVG}pattern")}
    assert [tiles[fill] for fill in fills[1:]] == [kind.colour for kind in kinds.kinds[1:]]
    bars = [bar for group in drawn.findall(f"{SVG}g")[1:] for bar in group]  # of foreign kinds, one upon the other
    lowest = {}
    for bar in bars:
        bottom = float(bar.get("y")[:-1]) + float(bar.get("height")[:-1])
        assert bottom == pytest.approx(lowest.get(bar.get("x"), 100), abs=0.02)
        lowest[bar.get("x")] = float(bar.get("y")[:-1])


def test_every_hatch_of_a_kind_has_a_tile():
    assert {hatch for row in HATCHES.values() for hatch in row} <= {*home.TILES}


@pytest.mark.parametrize(("number", "words"), [(1, "One"), (5, "Five"), (10, "Ten"), (12, "12")])
def test_count_in_words(number, words):
    assert home.count_in_words(number) == words
