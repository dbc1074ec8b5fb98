"""OC-NN and OC-CNN: objectives, bias, noise and scores against numpy; what their stages leave alone; odd trainings."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.svm import OneClassSVM
from torch import nn

from core import data, methods
from core.errors import RunFailed
from core.methods import one_class_networks as networks
from core.methods.base import build
from core.methods.cards import one_class_networks as cards
from core.training import Progress, TaskTensors

SHORT = {"epochs": 3, "pretrain_epochs": 2, "batch_size": 50}


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    digits = data.load("digits")
    images = torch.from_numpy(digits.images[np.isin(digits.labels, [1, 4])][:220].copy())
    return TaskTensors(images[:200], images[200:])


def fitted(name: str, task: TaskTensors, seed: int = 0, **changes):
    settings = dataclasses.replace(methods.card(name).knobs(), **(SHORT | changes))
    return build(methods.load(name), settings, task.shape, seed).fit(task, seed)


# --- OC-NN ------------------------------------------------------------------------------------------------------------


def test_the_one_class_objective(rng):
    answers, w, V = rng.normal(size=20), rng.normal(size=(1, 4)), rng.normal(size=(4, 6))
    hinge = np.maximum(0, 0.3 - answers).mean() / 0.1
    expected = 0.5 * np.linalg.norm(w) ** 2 + 0.5 * np.linalg.norm(V, "fro") ** 2 + hinge - 0.3
    tensors = [torch.from_numpy(each) for each in (answers, w, V)]
    assert float(networks.one_class_objective(*tensors, 0.3, 0.1)) == pytest.approx(expected)


def test_only_images_below_the_bias_pull(rng):
    answers = torch.from_numpy(rng.normal(size=20)).requires_grad_()
    networks.one_class_objective(answers, torch.zeros(1, 2), torch.zeros(2, 2), 0.2, 0.1).backward()
    np.testing.assert_allclose(answers.grad, np.where(answers.detach() < 0.2, -1 / (20 * 0.1), 0))


def test_its_ranking_is_that_of_a_linear_one_class_svm_on_the_codes(task):
    detector = fitted("oc-nn", task, epochs=100, pretrain_epochs=30)
    codes = [detector.embed(images).numpy() for images in (task.train, task.valid)]
    machine = OneClassSVM(kernel="linear", nu=detector.knobs.nu).fit(codes[0])
    scores = detector.score(task.valid)["margin"]
    assert spearmanr(scores, -machine.score_samples(codes[1])).statistic > 0.9


@pytest.mark.parametrize("nu", [0.01, 0.04, 0.5])
def test_the_bias_minimises_the_objective_at_fixed_weights(rng, nu):
    answers = torch.from_numpy(rng.normal(size=501))
    r = networks.bias(answers, nu)
    assert r == pytest.approx(np.quantile(answers.numpy(), nu))
    nothing = torch.zeros(1, 1, dtype=torch.float64)

    def objective(bias):
        return float(networks.one_class_objective(answers, nothing, nothing, bias, nu))

    assert all(objective(r) <= objective(r + step) + 1e-12 for step in (-0.5, -0.02, 0.02, 0.5))


def test_less_than_the_bias_is_novel():
    assert networks.margin(torch.tensor([1.0, 3.0]), 2.0).tolist() == [1, -1]


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_the_bias_is_the_quantile_of_the_answers_after_each_outer_step(task, activation):
    detector = build(networks.OcNN, cards.OcNnKnobs(**SHORT, activation=activation, nu=0.1), task.shape, 0)
    prepare, pretrain, train = detector.stages(task)
    for stage in (prepare, pretrain, train):
        torch.manual_seed(1)
        stage.begin(task, Progress())
        before = {name: each.clone() for name, each in detector.networks["encoder"].state_dict().items()}
        for number in (1, 2):
            curves = stage.epoch(number)
            if stage is train:
                V, _, w = (getattr(layer, "weight", None) for layer in detector.head)
                hidden = detector.embed(task.train).double().numpy() @ V.detach().double().numpy().T
                g = hidden if activation == "linear" else 1 / (1 + np.exp(-hidden))
                answers = g @ w.detach().double().numpy()[0]
                assert detector.r == curves["bias"] == pytest.approx(np.quantile(answers, 0.1), rel=1e-4)
                np.testing.assert_allclose(
                    detector.score(task.train)["margin"], detector.r - answers, rtol=1e-4, atol=1e-5
                )
    for name, each in detector.networks["encoder"].state_dict().items():
        assert torch.equal(each, before[name]), "the features stay as pre-trained"


def test_contributions_of_hidden_units_sum_to_the_answer(task):
    detector = fitted("oc-nn", task)
    reasons, score = detector.explain(task.valid), detector.score(task.valid)["margin"]
    np.testing.assert_allclose(reasons["bias"] - reasons["contributions"].sum(1), score, rtol=1e-4, atol=1e-5)
    shown = detector.portrait(task)
    assert shown["bias"] == pytest.approx(np.quantile(shown["answers"].astype(float), detector.knobs.nu), rel=1e-5)
    assert detector.snapshot(task.valid, "train")["answers"].shape == (20,)


# --- OC-CNN -----------------------------------------------------------------------------------------------------------


def test_instance_normalisation(rng):
    features = rng.normal(size=(5, 12)) * 3 + 2
    expected = (features - features.mean(1, keepdims=True)) / np.sqrt(features.var(1, keepdims=True) + 1e-5)
    given = networks.instance_normalised(torch.from_numpy(features))
    np.testing.assert_allclose(given, expected)
    layer = nn.InstanceNorm1d(1)(torch.from_numpy(features)[:, None])[:, 0]
    np.testing.assert_allclose(given, layer)
    assert not networks.instance_normalised(torch.ones(1, 4)).any()


def test_pseudo_negatives_lie_around_zero():
    torch.manual_seed(0)
    noise = networks.pseudo_negatives(4000, 10, 0.01)
    assert noise.shape == (4000, 10) and abs(float(noise.mean())) < 3e-4
    assert float(noise.std()) == pytest.approx(0.01, rel=0.02)


def test_the_loss_is_the_cross_entropy_of_both_classes(rng):
    normal, noise = (torch.from_numpy(rng.normal(size=(7, 2))) for _ in range(2))
    classes = torch.tensor([0] * 7 + [1] * 7)
    expected = nn.functional.cross_entropy(torch.cat([normal, noise]), classes)
    assert float(networks.telling_loss(normal, noise)) == pytest.approx(float(expected))
    by_hand = [np.log(np.exp(row).sum()) - row[cls] for rows, cls in ((normal, 0), (noise, 1)) for row in rows.numpy()]
    assert float(networks.telling_loss(normal, noise)) == pytest.approx(np.mean(by_hand))


def test_probability_and_log_odds_rank_alike_and_odds_have_no_ties(rng):
    logits = torch.from_numpy(rng.normal(size=(30, 2)))
    odds, chance = networks.log_odds(logits), networks.noise_probability(logits)
    np.testing.assert_allclose((chance / (1 - chance)).log(), odds)
    assert float(networks.noise_probability(torch.tensor([[0.0, 2.0]]))) == pytest.approx(1 / (1 + np.exp(-2)))
    far = torch.tensor([[0.0, 50.0], [0.0, 60.0]])
    assert networks.noise_probability(far).tolist() == [1, 1] and networks.log_odds(far).tolist() == [50, 60]


@pytest.mark.parametrize(("trainable", "moves"), [("last", True), ("none", False)])
def test_what_trains_with_the_classifier(task, trainable, moves):
    detector = build(networks.OcCNN, cards.OcCnnKnobs(**SHORT, trainable=trainable), task.shape, 0)
    prepare, pretrain, train = detector.stages(task)
    prepare.begin(task, Progress())
    prepare.epoch(1)
    pretrain.begin(task, Progress())
    pretrain.epoch(1)
    train.begin(task, Progress())
    before = {name: each.clone() for name, each in detector.networks.state_dict().items()}
    curves = train.epoch(1)
    changed = {name for name, each in detector.networks.state_dict().items() if not torch.equal(each, before[name])}
    last = {"encoder.3.weight"} if moves else set()
    assert changed == {"head.1.weight", "head.1.bias"} | last
    assert 0 <= curves["noise recognised"] <= 1 and curves["cross-entropy"] < 1
    assert detector.portrait(task)["trainable"] == trainable


def test_contributions_of_features_sum_to_the_log_odds(task):
    detector = fitted("oc-cnn", task, epochs=30, learning_rate=1e-2)
    reasons, scores = detector.explain(task.valid), detector.score(task.valid)
    np.testing.assert_allclose(
        reasons["contributions"].sum(1) + reasons["rest"], scores["log-odds"], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(scores["noise"], 1 / (1 + np.exp(-scores["log-odds"])), rtol=1e-4)
    shown = detector.portrait(task)
    assert (shown["noise_log_odds"] > 0).all() and (shown["log_odds"] < 0).mean() > 0.95
    assert detector.snapshot(task.valid, "train")["log_odds"].shape == (20,)


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["oc-nn", "oc-cnn"])
def test_the_stages_of_both(task, name):
    detector = fitted(name, task)
    pixels = detector.prepared(task.train)
    assert float(pixels.min()) == pytest.approx(0, abs=1e-6) and float(pixels.max()) == pytest.approx(1)
    assert detector.collapsed is None
    restored = build(type(detector), detector.knobs, task.shape, 9)
    restored.load(detector.state())
    for score, each in detector.score(task.valid).items():
        np.testing.assert_array_equal(restored.score(task.valid)[score], each)


@pytest.mark.parametrize("name", ["oc-nn", "oc-cnn"])
def test_equal_training_images_are_a_collapse_that_is_told(name):
    images = torch.full((40, 1, 8, 8), 90, dtype=torch.uint8)
    detector = fitted(name, TaskTensors(images, images[:5]))
    assert detector.collapsed.startswith("Collapsed: the network answers all training images alike")
    assert all(np.isfinite(each).all() for each in detector.score(images).values())


def test_a_diverged_training_is_told():
    detector = build(networks.OcNN, cards.OcNnKnobs(), (1, 8, 8), 0)
    with pytest.raises(RunFailed, match="Choose a smaller learning rate"):
        detector.settle(torch.tensor([1.0, float("nan")]))
    nn.init.constant_(detector.networks["encoder"][-1].weight, float("inf"))
    with pytest.raises(RunFailed, match="no longer a number"):
        detector.embed(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
