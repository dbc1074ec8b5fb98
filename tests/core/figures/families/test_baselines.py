import numpy as np
import pytest

from core import methods
from core.figures.families import baselines

IMAGE = np.zeros((1, 8, 8), np.uint8)
NEAR = np.zeros((1, 8, 24), np.uint8)
FIVE = np.linspace(1, 2, 5)

# One image's row of what each method's `explain` gives.
EXPLAINED = {
    "oc-svm": {"near": NEAR, "neighbours": np.arange(5), "similarities": FIVE[::-1] / 2, "weights": FIVE},
    "svdd": {"near": NEAR, "neighbours": np.arange(5), "similarities": FIVE[::-1] / 2, "weights": FIVE}
    | {"distances": np.float32(0.8), "squared_radius": np.float32(0.7)},
    "isolation-forest": {"path_lengths": FIVE, "expected": np.float32(3)},
    "nearest-neighbours": {"near": NEAR, "neighbours": np.arange(5), "distances": FIVE},
    "pca-error": {"redrawn": IMAGE + np.uint8(9), "coordinates": FIVE, "off_mean": np.float32(20)},
    "gaussian": {"shares": np.full((8, 8), 1 / 64, np.float16), "by_axis": np.full(10, 0.1)},
    "local-outlier-factor": {"near": NEAR, "neighbours": np.arange(5), "distances": FIVE}
    | {"density": np.float32(0.5), "densities": FIVE},
    "oc-nn": {"contributions": FIVE, "bias": np.float32(8), "embedding": FIVE},
    "oc-cnn": {"contributions": FIVE, "rest": np.float32(-2), "features": FIVE},
}
FIRST = {  # the sentence that only this method's first picture says
    "oc-svm": "The most alike support vector reaches a similarity of 1",
    "svdd": "The most alike support vector reaches a similarity of 1",
    "isolation-forest": "1.5 cuts on average over 5 trees",
    "nearest-neighbours": "The nearest 5 training images lie on average 1.5 away",
    "pca-error": "Redrawn from the components that it was fitted with",
    "gaussian": "Half of the squared distance comes from 32 of 64 pixels",
    "local-outlier-factor": "Around the image the density is 0.5, around its 5 neighbours 1.5 on average",
    "oc-nn": "It is answered with 0.5 less than r = 8",
    "oc-cnn": "Its log-odds of noise are 5.5: it is taken for noise",
}


def test_every_method_of_the_family_is_explained_here():
    assert {card.name for card in methods.cards() if card.family == "baselines"} == EXPLAINED.keys()


@pytest.mark.parametrize("name", EXPLAINED)
def test_why_knows_the_method_by_what_it_explains(name):
    pictures = baselines.why(EXPLAINED[name], IMAGE)
    assert pictures[0].sentence.startswith(FIRST[name])
    assert "held-out" not in "".join(picture.sentence for picture in pictures)
    assert len({picture.name for picture in pictures}) == len(pictures) == 2


@pytest.mark.parametrize("name", EXPLAINED)
def test_why_says_how_usual_it_is_where_normal_images_are_known(name, rng):
    amounts = {n: row for n, row in EXPLAINED[name].items() if row.ndim < 3}
    normal = {f"normal_{n}": row + rng.uniform(-0.01, 0.01, (40, *row.shape)) for n, row in amounts.items()}
    pictures = baselines.why(EXPLAINED[name] | normal, IMAGE)
    said = "".join(picture.sentence for picture in pictures)
    assert "normal" in said
    legends = {trace.name for picture in pictures for trace in picture.figure.data if trace.name}
    assert any("held-out normal (40)" in legend for legend in legends)


def test_svdd_shows_the_ball_where_one_class_svm_shows_similarities():
    assert [each.name for each in baselines.why(EXPLAINED["svdd"], IMAGE)][1] == "distance-to-centre"
    assert [each.name for each in baselines.why(EXPLAINED["oc-svm"], IMAGE)][1] == "similarities"
