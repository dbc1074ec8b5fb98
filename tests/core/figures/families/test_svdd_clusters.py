import numpy as np

from core import figures
from core.figures import Kinds
from core.figures.families import svdd_clusters


def test_the_hierarchy_draws_every_cluster_as_one_stretch_within_its_parent():
    fine, coarse = np.array([0, 1, 0, 2, 1, 0]), np.array([0, 1, 0, 1, 1, 0])
    picture = svdd_clusters.hierarchy(np.stack([fine, coarse]), [0.1, 0.4], 1, coarse, "Because.")
    below, above = picture.figure.data
    assert sorted(below.x) == [1, 2, 3]
    assert list(above.x) == [3, 3]
    edges = {float(base) for base in (*above.base, *(above.base + above.x))}
    assert edges <= {float(base) for base in (*below.base, *(below.base + below.x))}  # nested
    assert picture.table["clusters"] == (3, 2)
    assert picture.table["smallest"] == (1, 3)
    assert picture.sentence == "6 images join into 3 to 2 clusters. Because."
    assert "chosen" in picture.figure.layout.yaxis.ticktext[1]
    assert "chosen" not in picture.figure.layout.yaxis.ticktext[0]


def test_a_level_of_very_many_clusters_is_one_bar_that_says_so():
    count = svdd_clusters.MOST_BARS + 1
    fine, coarse = np.arange(count).repeat(2), np.zeros(2 * count, int)
    picture = svdd_clusters.hierarchy(np.stack([fine, coarse]), [0, 0], 0, coarse, "")
    assert list(picture.figure.data[0].x) == [2 * count]
    assert picture.figure.data[0].text == "401 clusters"


def test_the_map_counts_test_images_that_lie_among_training_images(rng):
    train = rng.normal(size=(200, 2))
    test = np.concatenate([train[:10] + 1e-6, np.full((30, 2), 50.0)])
    novel = np.repeat([0, 1], [10, 30])
    picture = svdd_clusters.neighbour_map(
        train, test, np.zeros(200, int), Kinds.of_test(novel), np.arange(40), ["ball A"]
    )
    assert picture.sentence.startswith("0 % of the novel and 100 % of the normal test images")
    assert not picture.figure.layout.shapes  # no circle: distances mean nothing
    marks = {trace.name: trace.marker.color for trace in picture.figure.data}
    assert marks["novel test images (30)"] == figures.NOVEL
    assert marks["normal test images (10)"] == figures.NORMAL
    assert len(picture.table["x"]) == len(picture.table["image"]) == 240
