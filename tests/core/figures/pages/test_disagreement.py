import dataclasses

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.pages import disagreement
from core.figures.pages.compare_lines import Entrant
from tests.core.figures.pages.entrants import CLASSES, KINDS, NOVEL


def calling(one: Entrant, called: np.ndarray) -> Entrant:
    """The entrant with scores that call exactly these images novel."""
    return dataclasses.replace(one, values=np.where(called, one.threshold + 1, one.threshold - 1))


def test_quadrants_part_the_test_set(pair):
    masks = disagreement.quadrants(*pair)
    assert np.sum([mask.astype(int) for mask in masks.values()], axis=0).tolist() == [1] * 100
    np.testing.assert_array_equal(masks["only a"], pair[0].called & ~pair[1].called)


def test_disagreement_says_who_alone_catches_how_many_and_of_which_class(pair):
    alone = np.zeros(100, bool)
    alone[[60, 61, 62, 90]] = True  # three of class 5, one of class 7
    a, b = calling(pair[0], alone), calling(pair[1], np.arange(100) == 99)
    picture = disagreement.disagreement(a, b, KINDS, CLASSES)
    assert picture.sentence == "Only A catches 4 of 40 novel images; most are class 5. Only B catches 1."
    other_way = disagreement.disagreement(b, a, KINDS, CLASSES)
    assert other_way.sentence == picture.sentence
    one_class = disagreement.disagreement(a, b, KINDS, np.where(NOVEL, "3", "0"))
    assert one_class.sentence == "Only A catches 4 of 40 novel images. Only B catches 1."


def test_disagreement_draws_each_image_on_the_side_that_its_verdict_says(pair):
    picture = disagreement.disagreement(*pair, KINDS, CLASSES, picked=70)
    normal, novel, ring = picture.figure.data
    assert sorted([*normal.customdata, *novel.customdata]) == list(range(100))
    across, up = picture.figure.layout.shapes
    for trace in (normal, novel):
        of = np.asarray(trace.customdata)
        np.testing.assert_array_equal(np.asarray(trace.x) > across.x0, pair[0].called[of])
        np.testing.assert_array_equal(np.asarray(trace.y) > up.y0, pair[1].called[of])
    place = list(novel.customdata).index(70)
    assert (ring.x[0], ring.y[0]) == pytest.approx((novel.x[place], novel.y[place]), abs=1e-6)


def test_disagreement_counts_its_quadrants(pair):
    masks = disagreement.quadrants(*pair)
    texts = [note.text for note in disagreement.disagreement(*pair, KINDS, CLASSES).figure.layout.annotations]
    for title, name in (("only A", "only a"), ("only B", "only b"), ("both say novel", "both")):
        text = next(text for text in texts if title in text)
        assert f"{int(NOVEL[masks[name]].sum())} novel, {int((NOVEL[masks[name]] == 0).sum())} normal" in text


def test_several_kinds_are_drawn_apart_and_named_in_the_sentence(pair):
    source = np.array([*["normal"] * 60, *["novel"] * 25, *["noise"] * 15])
    alone = np.isin(np.arange(100), [60, 61, 62, 90])
    a, b = calling(pair[0], alone), calling(pair[1], np.arange(100) == 99)
    picture = disagreement.disagreement(a, b, Kinds.of_test(NOVEL, source), CLASSES)
    assert [trace.name for trace in picture.figure.data] == ["normal (60)", "novelty (25)", "noise (15)"]
    assert picture.sentence.startswith("Only A catches 4 of 40 novel images (novelty 3 of 25, noise 1 of 15). Only B")
    assert set(picture.table["kind"]) == {"normal", "novelty", "noise"}
