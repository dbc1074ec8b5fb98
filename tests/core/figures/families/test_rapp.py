import numpy as np
import pytest

from core import figures
from core.algorithms import nap
from core.figures.families import rapp

WINDOWS = np.array([[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]])


@pytest.fixture
def layers(rng) -> np.ndarray:
    """100 images, the last 40 novel: three times as far from their reconstructions at layer 1, as far elsewhere."""
    values = rng.uniform(1, 2, (100, 3)).astype(np.float32)
    values[60:, 1] *= 3
    return values


@pytest.fixture
def novel() -> np.ndarray:
    return (np.arange(100) >= 60).astype(np.uint8)


def test_the_spectrum_draws_the_cut_that_nap_uses():
    assert rapp.SPECTRUM_CUT == nap.SINGULAR_CUT


def test_layer_scores_show_where_novel_images_stray(layers, novel):
    picture = rapp.layer_scores(layers, novel, window=(1, 2))
    np.testing.assert_allclose(picture.table["novel median"], np.median(layers[60:], axis=0), rtol=1e-6)
    np.testing.assert_allclose(picture.table["normal 95 %"], np.quantile(layers[:60], 0.95, axis=0), rtol=1e-6)
    assert "furthest at layer 1: " in picture.sentence and "100 % of them leave the normal band" in picture.sentence
    assert [trace.name for trace in picture.figure.data if trace.name] == ["normal (60)", "novel (40)"]
    assert (picture.figure.layout.shapes[0].x0, picture.figure.layout.shapes[0].x1) == (0.6, 2.4)
    assert not rapp.layer_scores(layers, novel).figure.layout.shapes


def test_the_pathway_map_is_sorted_and_normalised_by_held_out_normal_images(layers, novel):
    scores = layers[:, 1].astype(float)
    picture = rapp.pathway_map(layers, novel, scores, layers[:60], ["x"] * 100, "SAP")
    rows = picture.table["image"]
    assert (np.diff(scores[rows]) >= 0).all()
    assert novel[rows].sum() == 30 and len(set(rows)) == 60
    expected = np.log2(layers[rows] / np.median(layers[:60], axis=0))
    np.testing.assert_allclose(picture.figure.data[0].z, expected, rtol=1e-5, atol=1e-6)
    assert "30 of the upper 30 rows are novel, 0 of the lower 30" in picture.sentence


def test_every_cell_of_the_pathway_map_says_its_row_when_clicked(layers, novel):
    picture = rapp.pathway_map(layers, novel, layers[:, 1], layers[:60], ["x"] * 100, "SAP", (1, 2), shown=7)
    points = next(trace for trace in picture.figure.data[1:] if trace.marker.opacity == 0)
    rows = picture.table["image"]
    np.testing.assert_array_equal(points.customdata, rows[points.y.astype(int)])
    assert len(points.x) == 3 * len(rows)
    assert 7 in rows
    pointer = next(trace for trace in picture.figure.data[1:] if trace.name == "shown beside")
    assert rows[int(pointer.y[0])] == 7


@pytest.mark.parametrize(("normals", "novels", "expected"), [(100, 5, (55, 5)), (10, 100, (10, 50)), (4, 6, (4, 6))])
def test_the_pathway_map_takes_what_there_is(normals, novels, expected):
    novel = np.repeat([False, True], [normals, novels])
    rows = rapp._rows(novel, None)
    assert ((~novel[rows]).sum(), novel[rows].sum()) == expected
    np.testing.assert_array_equal(rows, rapp._rows(novel, None))


def test_why_shows_the_redrawing_and_the_path(rng, layers):
    image = rng.integers(0, 256, (1, 8, 8), np.uint8)
    explanation = {"reconstruction": image // 2, "layers": np.array([1.5, 9.0, 1.5]), "windows": np.zeros(6)}
    alone = rapp.why(explanation, image)
    assert [picture.name for picture in alone] == ["redrawing", "path"]
    assert "largest at layer 1: 9" in alone[1].sentence
    among = rapp.why(explanation | {"normal_layers": layers[:60]}, image)
    assert "at 1 of 3 layers, first at layer 1, and strays furthest at layer 1: " in among[1].sentence
    assert "held-out normal images" in among[0].sentence
    usual = rapp.why(explanation | {"layers": np.ones(3), "normal_layers": layers[:60]}, image)
    assert "looks normal" in usual[1].sentence


def test_a_path_of_zeros_can_be_drawn(layers):
    picture = rapp.layer_path(np.zeros(3), layers[:60])
    assert np.isfinite(np.log10(picture.figure.data[-1].y)).all()


def test_curves_give_each_score_its_area_and_controls_their_intervals(layers, novel):
    points = {"roc/a/fpr": [0, 1], "roc/a/tpr": [0, 1], "pr/a/recall": [0, 1], "pr/a/precision": [1, 0.4]}
    control = {"auroc": {"value": 0.5, "low": 0.4, "high": 0.6}, "aupr_novel": {"value": 0.7}}
    scores = {"SAP": layers[:, 1], "reconstruction": layers[:, 0]}
    roc, pr = rapp.curves(scores, novel, {}, points, {"a": "nearest", "b": "not computed"}, {"a": control})
    assert [trace.name for trace in roc.figure.data][0] == "SAP 1.000"
    assert [trace.name for trace in roc.figure.data][2] == "nearest 0.500 (0.400 to 0.600)"
    assert [trace.name for trace in pr.figure.data][2] == "nearest 0.700"
    assert len(rapp.curves(scores, novel, {}, {}, {"a": "nearest"}, {"a": control})[0].figure.data) == 2


@pytest.fixture
def portrait() -> dict[str, np.ndarray]:
    """Widths 3, 2, 1; the window 1..2 has three directions, the last of them null; 0..2 has six of which four count."""
    spectra = {(1, 2): [8.0, 2.0, 1e-9], (0, 2): [8.0, 4.0, 2.0, 1.0, 1e-9, 0.0], (2, 2): [3.0]}
    stored = [spectra.get(tuple(window), []) for window in WINDOWS.tolist()]
    return {
        "widths": np.array([3, 2, 1]),
        "windows": WINDOWS,
        "ranks": np.array([3, 5, 4, 2, 2, 1]),
        "count": np.array(50),
        "spectra": np.concatenate(stored),
        "spectrum_ends": np.cumsum([len(values) for values in stored]),
    }


def test_singular_values_are_those_of_the_window(portrait):
    assert rapp.singular_values(portrait, (1, 2)).tolist() == [8, 2, 1e-9]
    assert rapp.singular_values(portrait, (2, 2)).tolist() == [3]
    assert len(rapp.singular_values(portrait, (0, 1))) == 0


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ((1, 2), "The last 1 of 3 are left out: layer 2 is a linear map of layer 1"),
        ((0, 2), "The last 2 of 6 are left out: there the training images don't spread"),
        ((2, 2), "All 1 directions count"),
    ],
)
def test_the_spectrum_says_what_nap_leaves_out_and_why(portrait, window, says):
    values = rapp.singular_values(portrait, window)
    picture = rapp.nap_spectrum(values, portrait, window)
    assert says in picture.sentence
    assert f"weighs {figures.number(values[0] / values[values > 1e-6][-1])} times" in picture.sentence
    np.testing.assert_array_equal(picture.table["counts"], values > 1e-6)


@pytest.fixture
def snapshots(layers, rng) -> dict[int, dict[str, np.ndarray]]:
    pictures = rng.integers(0, 256, (24, 1, 8, 8), np.uint8)
    early = {"layers": np.ones((100, 3), np.float32), "reconstruction": np.zeros_like(pictures)}
    return {1: early, 10: {"layers": layers, "reconstruction": pictures}}


def test_learning_follows_the_auroc_through_the_epochs(snapshots, novel):
    picture = rapp.learning(snapshots, {"novel": novel}, (1, 1), shown=10)
    assert picture.table["epoch"] == [1, 10]
    assert picture.table["SAP, layers 1 to 1"] == [0.5, 1.0]
    assert "begins at 0.500 and ends at 1.000." in picture.sentence
    backwards = dict(zip([1, 10], reversed(snapshots.values()), strict=True))
    assert "it was highest, 1.000, after epoch 1" in rapp.learning(backwards, {"novel": novel}, (1, 1), 1).sentence


def test_all_epochs_of_a_replay_share_one_axis(snapshots, novel):
    one, ten = (rapp.layers_after(epoch, snapshots, {"novel": novel}, None).figure for epoch in (1, 10))
    assert one.layout.yaxis.range == ten.layout.yaxis.range
    assert one.layout.title.text.endswith("after epoch 1")


def test_redrawings_are_half_novel_where_there_are_enough(snapshots, rng):
    probe = {"images": snapshots[10]["reconstruction"], "novel": np.arange(24) % 4 == 0}
    picture = rapp.redrawings(10, snapshots, probe)
    assert picture.table["novel"].tolist() == [0] * 5 + [1] * 5
    assert (picture.table["squared difference"] == 0).all()
    assert "for the normal ones and" in picture.sentence
    probe["novel"][:] = False
    assert rapp.redrawings(1, snapshots, probe).table["novel"].tolist() == [0] * 10
