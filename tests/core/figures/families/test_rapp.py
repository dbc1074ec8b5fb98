import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import rapp


@pytest.fixture
def layers(rng) -> np.ndarray:
    """100 images, the last 40 novel: three times as far from their reconstructions at layer 1, as far elsewhere."""
    values = rng.uniform(1, 2, (100, 3)).astype(np.float32)
    values[60:, 1] *= 3
    return values


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test(np.arange(100) >= 60)


def test_layer_scores_show_where_novel_images_stray(layers, kinds):
    picture = rapp.layer_scores(layers, kinds, window=(1, 2))
    np.testing.assert_allclose(picture.table["novel median"], np.median(layers[60:], axis=0), rtol=1e-6)
    np.testing.assert_allclose(picture.table["normal 95 %"], np.quantile(layers[:60], 0.95, axis=0), rtol=1e-6)
    assert "furthest at layer 1: " in picture.sentence and "100 % of them leave the normal band" in picture.sentence
    assert [trace.name for trace in picture.figure.data if trace.name] == ["normal (60)", "novel (40)"]
    assert (picture.figure.layout.shapes[0].x0, picture.figure.layout.shapes[0].x1) == (0.6, 2.4)
    assert not rapp.layer_scores(layers, kinds).figure.layout.shapes


@pytest.mark.parametrize(
    ("several", "said"), [(False, "At every layer novel images lie below"), (True, "No kind rises")]
)
def test_novel_images_that_lie_below_normal_ones_stray_nowhere(layers, several, said):
    layers[60:] = layers[:40] / 1_000
    source = np.repeat(["normal", "novel", "noise" if several else "novel"], [60, 20, 20])
    sentence = rapp.layer_scores(layers, Kinds.of_test(source != "normal", source)).sentence
    assert said in sentence and "stray" not in sentence


def test_the_pathway_map_is_sorted_and_normalised_by_held_out_normal_images(layers, kinds):
    scores = layers[:, 1].astype(float)
    picture = rapp.pathway_map(layers, kinds, scores, layers[:60], ["x"] * 100, "SAP")
    rows = picture.table["image"]
    assert (np.diff(scores[rows]) >= 0).all()
    assert kinds.novel[rows].sum() == 30 and len(set(rows)) == 60
    expected = np.log2(layers[rows] / np.median(layers[:60], axis=0))
    np.testing.assert_allclose(picture.figure.data[0].z, expected, rtol=1e-5, atol=1e-6)
    assert "30 of the upper 30 rows are novel, 0 of the lower 30" in picture.sentence


def test_every_cell_of_the_pathway_map_says_its_row_when_clicked(layers, kinds):
    picture = rapp.pathway_map(layers, kinds, layers[:, 1], layers[:60], ["x"] * 100, "SAP", (1, 2), shown=7)
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
    kinds = Kinds.of_test(novel)
    rows = rapp._rows(kinds, None)
    assert ((~novel[rows]).sum(), novel[rows].sum()) == expected
    np.testing.assert_array_equal(rows, rapp._rows(kinds, None))


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


def test_each_kind_of_novel_images_has_its_band_and_its_place_in_the_sentence(layers):
    layers[80:, 2] *= 9  # the last twenty stray at layer 2, and further
    source = np.repeat(["normal", "novel", "noise"], [60, 20, 20])
    picture = rapp.layer_scores(layers, Kinds.of_test(source != "normal", source))
    assert [trace.name for trace in picture.figure.data if trace.name] == ["normal (60)", "novelty (20)", "noise (20)"]
    assert "Furthest stray novelty at layer 1 (" in picture.sentence
    assert "; noise at layer 2, the latent (" in picture.sentence
    np.testing.assert_allclose(picture.table["noise median"], np.median(layers[80:], axis=0), rtol=1e-6)
    np.testing.assert_allclose(picture.table["novel median"], np.median(layers[60:], axis=0), rtol=1e-6)


def test_kinds_of_novel_images_share_the_rows_of_the_pathway_map():
    source = np.repeat(["normal", "novel", "noise"], [100, 20, 400])
    kinds = Kinds.of_test(source != "normal", source)
    assert kinds[rapp._rows(kinds, None)].counts == {"normal": 30, "novelty": 15, "noise": 15}
