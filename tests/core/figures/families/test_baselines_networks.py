import numpy as np
import pytest

from core.evaluation import auroc
from core.figures import Kinds
from core.figures.families import baselines_networks as networks

IMAGE = np.zeros((1, 2, 2), np.uint8)


def test_the_answer_is_the_sum_of_what_the_units_add():
    normal = np.tile([1.0, 2.0, 0.5], (10, 1)) + np.linspace(0, 0.9, 10)[:, None] * [1, 0, 0]
    given = {"contributions": np.array([0.1, 2, 0.4]), "bias": np.float32(3), "normal_contributions": normal}
    answer, units = networks.why_answered(given, IMAGE)
    assert (
        answer.sentence == "It is answered with 0.5 less than r = 3, less than for 100 % of the held-out normal images."
    )
    assert [line.x0 for line in answer.figure.layout.shapes] == [pytest.approx(2.5), 3]
    assert list(units.table["unit"]) == [0, 2, 1]  # what is farthest from the median normal image first
    np.testing.assert_allclose(units.table["image"], [0.1 - 1.45, -0.1, 0])
    assert units.sentence.startswith("1 of 3 hidden units make up half")


def test_above_r_is_more():
    answer, _ = networks.why_answered({"contributions": np.array([4.0]), "bias": np.float32(3)}, IMAGE)
    assert answer.sentence == "It is answered with 1 more than r = 3."


@pytest.mark.parametrize(("rest", "verdict"), [(-7.0, "a normal image"), (1.0, "noise")])
def test_log_odds_are_the_sum_of_features_and_rest(rest, verdict):
    normal = {"normal_contributions": np.zeros((4, 2)), "normal_rest": np.array([-5.0, -3, -3, -8])}
    odds, _ = networks.why_noise({"contributions": np.array([1.0, 2.0]), "rest": np.float32(rest), **normal}, IMAGE)
    assert odds.figure.layout.shapes[0].x0 == pytest.approx(3 + rest)
    assert odds.sentence.endswith(f"it is taken for {verdict}.")
    assert f"are {3 + rest:g}, more than for {75 if rest < 0 else 100} %" in odds.sentence or rest < 0


def test_answers_are_counted_below_r():
    kinds = Kinds.of_test([0, 0, 1, 1])
    picture = networks.answers(np.linspace(0, 1, 100), 0.25, np.array([0.5, 0.6, 0.1, 0.9]), kinds)
    assert picture.sentence.startswith(
        "r = 0.25 lies so that 25 % of the training images are answered with less; so are 50 %"
    )
    assert [trace.name for trace in picture.figure.data] == ["training (100)", "normal, test (2)", "novel, test (2)"]
    for name in ("training", "normal, test", "novel, test"):
        assert picture.table[name].sum() == pytest.approx(1)


def test_answers_are_compared_with_the_length_of_the_code(rng):
    codes = rng.normal(size=(60, 5)) * rng.uniform(0.5, 3, size=(60, 1))
    lengths, kinds = np.sqrt((codes**2).sum(1)), Kinds.of_test(np.arange(60) % 3 == 0)
    picture = networks.against_length(lengths**3, codes, kinds)
    assert "with a correlation of 1.00" in picture.sentence
    assert f"an AUROC of {auroc(-lengths, kinds.novel):.3f}" in picture.sentence
    np.testing.assert_allclose(picture.table["length"], lengths)
    assert "of 0.00" in networks.against_length(np.ones(60), codes, kinds).sentence  # one answer for all says nothing


def test_noise_is_drawn_between_images_and_told():
    portrait = {"log_odds": np.full(5, -4.0), "noise_log_odds": np.array([1.0, 2, 3, -1])}
    picture = networks.noise(portrait, np.array([-4.0, -4, -3, 2]), Kinds.of_test([0, 0, 1, 1]))
    assert picture.sentence.startswith("75 % of the noise is recognised as such, and 50 % of the novel images")
    assert [trace.name.split(" (")[0] for trace in picture.figure.data][:2] == ["training", "noise around zero"]


def test_every_curve_of_every_stage_has_its_panel():
    progress = [
        {"stage": stage, "epoch": epoch, "curves": {name: value / epoch for name, value in curves.items()}}
        for stage, curves in (("pretrain", {"error": 8.0}), ("train", {"objective": 4.0, "bias": 2.0}))
        for epoch in (1, 2)
    ]
    picture = networks.training(progress, {"pretrain": "Autoencoder", "train": "Network"})
    assert picture.sentence == (
        "Autoencoder: error goes from 8 to 4; network: objective goes from 4 to 2; network: bias goes from 2 to 1."
    )
    assert [note.text for note in picture.figure.layout.annotations] == [
        "Autoencoder: error",
        "Network: objective",
        "Network: bias",
    ]
    assert list(picture.table["value"]) == [8, 4, 4, 2, 2, 1]
