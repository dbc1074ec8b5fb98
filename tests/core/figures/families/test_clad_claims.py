import numpy as np
import pytest

from core.figures.families.clad_claims import Line, by_clusters, one_region_or_many

CLAD = Line("CLAD", {1: [0.9], 2: [0.92, 0.94], 5: [0.85, 0.87]})
BALL = Line("Deep SVDD", {1: [0.97], 2: [0.9], 5: [0.6, 0.64]})
NEAR = Line("Nearest neighbours", {1: [0.95], 2: [0.93], 5: [0.9]}, control=True)


def test_what_each_loses_as_classes_are_added_is_told():
    picture = one_region_or_many([CLAD, BALL, NEAR], "CLAD", "MNIST.")
    assert picture.sentence == (
        "What 5 normal classes change, in points of AUROC: CLAD -4 (from 1), Deep SVDD -35 (from 1); "
        "ahead of CLAD there: Nearest neighbours. MNIST."
    )
    means = {trace.name: list(trace.y) for trace in picture.figure.data if trace.name}
    assert means["CLAD"] == pytest.approx([0.9, 0.93, 0.86])
    assert picture.table["auroc"][:5] == [0.9, 0.92, 0.94, 0.85, 0.87]
    assert picture.table["normal classes"][:5] == [1, 2, 2, 5, 5]


def test_nothing_ahead_is_said_and_a_line_that_ends_early_is_left_out():
    assert "nothing here is ahead of CLAD there" in one_region_or_many([CLAD, BALL], "CLAD", "").sentence
    late, short = Line("CLAD", {2: [0.8], 5: [0.85]}), Line("OC-NN", {1: [0.5]})
    assert "CLAD +5 (from 2); nothing" in one_region_or_many([late, short], "CLAD", "").sentence


def test_the_band_spans_the_repetitions():
    band = next(trace for trace in one_region_or_many([CLAD], "CLAD", "").figure.data if trace.fill == "toself")
    assert list(band.x) == [1, 2, 5, 5, 2, 1]
    np.testing.assert_allclose(band.y, [0.9, 0.94, 0.87, 0.85, 0.92, 0.9])


def test_the_best_number_of_clusters_stands_beside_the_hidden_classes_and_the_published_curve():
    lines = [Line("CUR", {2: [0.6], 6: [0.93, 0.95], 20: [0.9]}), Line("own", {2: [0.5], 6: [0.4], 20: [0.3]})]
    picture = by_clusters(lines, {"CUR": {2: 0.64, 4: 0.85}}, {"CUR": 3}, "One seed.")
    assert picture.sentence == (
        "CUR, which holds 3 classes, is best at 6 clusters (0.940; with 2 0.600); own is best at 2 clusters (0.500). "
        "One seed."
    )
    published = [trace for trace in picture.figure.data if trace.name == "CUR, published"]
    assert len(published) == 1 and list(published[0].x) == [2, 4]
