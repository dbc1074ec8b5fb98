"""Why an image is novel to the VAE threshold, and where two scores disagree."""

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import vae


@pytest.fixture
def explanation(rng) -> dict[str, np.ndarray]:
    """One image's row with those of 200 held-out images; its unit 3 lies far out."""
    mean = rng.normal(size=6)
    mean[3] = 9.0
    return {
        "reconstruction": rng.integers(0, 256, (1, 8, 8), np.uint8),
        "embedding": mean,
        "log_variance": np.full(6, -1.0),
        "error": np.float32(0.09),
        "bce": np.float32(30.0),
        "normal_error": rng.uniform(0.01, 0.05, 200),
        "normal_bce": rng.uniform(10, 20, 200),
        "normal_embedding": rng.normal(size=(200, 6)),
        "normal_log_variance": np.full((200, 6), -1.0),
    }


def test_nats_are_zero_for_the_standard_normal_and_half_a_unit_away():
    assert vae.nats(np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]
    np.testing.assert_allclose(vae.nats(np.ones(2), np.zeros(2)), 0.5)


def test_why_tells_the_summed_error_and_the_loudest_unit(explanation, rng):
    image = rng.integers(0, 256, (1, 8, 8), np.uint8)
    redrawing, units = vae.why(explanation, image)
    assert "they differ by 5.76, more than for 100 % of the held-out" in redrawing.sentence  # 64 * 0.09
    own = vae.nats(explanation["embedding"], explanation["log_variance"])
    assert units.table["unit"][0] == 3 and f"{own[3]:.3g} of them in unit 3" in units.sentence
    usual = vae.nats(explanation["normal_embedding"], explanation["normal_log_variance"])
    left = int((own > np.quantile(usual, 0.95, axis=0)).sum())
    assert f"{left} units leave their usual range" in units.sentence and left >= 1
    alone = {name: each for name, each in explanation.items() if not name.startswith("normal_")}
    assert len(vae.latent_units(alone).figure.data) == 1


def test_units_that_say_nothing_are_counted(explanation):
    silent = explanation | {"embedding": np.zeros(6), "log_variance": np.array([0, 0, 0, 0, -2.0, 0])}
    assert "5 of 6 units say nothing" in vae.latent_units(silent).sentence


def test_two_scores_count_where_they_disagree():
    error = np.array([1, 1, 3, 3, 3, 1])
    elbo = np.array([1, 9, 9, 1, 1, 1])
    kinds = Kinds.of_test([0, 1, 1, 1, 0, 0])
    picture = vae.two_scores(error, elbo, kinds, (2.0, 5.0), picked=2)
    assert "Both flag 1 novel and 0 normal images" in picture.sentence
    assert "the squared error alone 1 novel and 1 normal images" in picture.sentence
    assert "the ELBO alone 1 novel and 0 normal images" in picture.sentence
    places = np.concatenate([trace.customdata for trace in picture.figure.data[:2]])
    assert sorted(places.tolist()) == list(range(6))
    assert [shape.x0 for shape in picture.figure.layout.shapes][0] == 2.0
    assert picture.figure.data[-1].name == "test image 2"


def test_the_terms_of_an_image_are_told_against_the_median(explanation):
    picture = vae.image_terms(explanation)
    table = dict(zip(picture.table["term"], picture.table["image"], strict=True))
    assert table["squared error"] == pytest.approx(0.09) and table["cross-entropy"] == 30
    np.testing.assert_allclose(
        table["KL divergence"], vae.nats(explanation["embedding"], explanation["log_variance"]).sum()
    )
    assert "its KL divergence stands out most" in picture.sentence
    usual = explanation | {"embedding": np.zeros(6)}
    assert "its squared error stands out most" in vae.image_terms(usual).sentence
