"""Metric learning: class means and scores by hand, what ODM gains on digits, the twin's confidences, clear refusals."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import softmax

from core import data, evaluation
from core.errors import RunFailed, WrongRequest
from core.methods import metric
from core.methods.base import Outlier, build, from_state
from core.methods.cards import metric as cards
from core.training import Progress, TaskTensors, train

KNOWN, SEEN, NOVEL = (2, 6, 7), (0, 3, 4, 8), (1, 5, 9)
SHORT = {"epochs": 4, "learning_rate": 1e-3, "batch_size": 64}
KNOBS = {
    metric.MetricLearning: cards.Knobs(**SHORT),
    metric.MetricMining: cards.MiningKnobs(**SHORT),
    metric.SoftmaxTwin: cards.TwinKnobs(**SHORT),
}
METHODS = pytest.mark.parametrize("method", [metric.MetricLearning, metric.MetricMining, metric.SoftmaxTwin])


@pytest.fixture(scope="module")
def digits():
    """Images and labels, a seeded 60 % for training, the rest for testing."""
    found = data.load("digits")
    order = np.random.default_rng(0).permutation(len(found.labels))
    return found, *np.split(order, [int(0.6 * len(order))])


def of(dataset, places, classes):
    return places[np.isin(dataset.labels[places], classes)]


@pytest.fixture(scope="module")
def task(digits) -> TaskTensors:
    dataset, train_half, test_half = digits
    known, seen = of(dataset, train_half, KNOWN), of(dataset, train_half, SEEN)
    images = torch.from_numpy(dataset.images.copy())
    return TaskTensors(
        images[known], images[of(dataset, test_half, KNOWN)], torch.from_numpy(dataset.labels[known]), images[seen]
    )


@pytest.fixture(scope="module")
def fitted(task):
    """Each method after a short training."""
    return {method: build(method, knobs, task.shape, 0).fit(task) for method, knobs in KNOBS.items()}


class Listening(Progress):
    def __init__(self) -> None:
        self.told: list[dict[str, float]] = []

    def epoch(self, number, curves):
        self.told.append(curves)


# --- equations --------------------------------------------------------------------------------------------------------


def test_class_means_are_those_of_each_class(rng):
    codes, members = rng.normal(size=(40, 3)), rng.integers(4, size=40)
    found = metric.class_means(torch.from_numpy(codes), torch.from_numpy(members), 4)
    np.testing.assert_allclose(found, [codes[members == k].mean(0) for k in range(4)], rtol=1e-9)


def test_the_score_is_the_squared_distance_to_the_nearest_mean_of_known_images(task, fitted):
    detector = fitted[metric.MetricMining]
    network = detector.network.eval()
    with torch.no_grad():
        train, tested = (network(each.float() / 255).double().numpy() for each in (task.train, task.valid))
    means = np.stack([train[task.labels.numpy() == label].mean(0) for label in KNOWN])
    apart = np.square(tested[:, None] - means).sum(2)
    np.testing.assert_allclose(detector.score(task.valid)["distance"], apart.min(1), rtol=1e-4)
    reasons = detector.explain(task.valid)
    np.testing.assert_allclose(reasons["distances"], np.sqrt(apart), rtol=1e-4)
    np.testing.assert_array_equal(reasons["nearest"], apart.argmin(1))
    np.testing.assert_allclose(detector.portrait(task)["centres"], means, rtol=1e-4, atol=1e-4)


@METHODS
def test_each_names_the_class_that_its_reasons_are_nearest_to(task, fitted, method):
    detector = fitted[method]
    named = detector.named(task.valid)
    np.testing.assert_array_equal(named, detector.explain(task.valid)["nearest"])
    assert named.dtype == np.int64 and set(named) == {0, 1, 2}


def test_the_histogram_counts_every_pair_of_its_kind(rng):
    apart, kind = torch.from_numpy(rng.uniform(0, 30, 500)), torch.from_numpy(rng.integers(3, size=500))
    counts = metric.histogram(apart, kind, 10.0)
    for each in range(3):
        own = apart[kind == each].clamp(max=19.99).numpy()
        np.testing.assert_array_equal(counts[each], np.histogram(own, metric.BINS, (0, 20))[0])


# --- training ---------------------------------------------------------------------------------------------------------


def test_odm_clears_the_space_of_seen_and_related_images(digits, task):
    """Section 4.2 in short, with 50 of its 150 epochs; measured over seeds 0 to 4: plain 0.953, ODM 0.996 and 0.988."""
    dataset, _, test_half = digits
    tested = {name: dataset.images[of(dataset, test_half, of_)] for name, of_ in (("seen", SEEN), ("novelty", NOVEL))}
    reached: dict[tuple[str, str], list[float]] = {}
    for method, knobs in list(KNOBS.items())[:2]:
        for seed in (0, 1):
            longer = dataclasses.replace(knobs, epochs=50, batch_size=128)
            detector = build(method, longer, task.shape, seed).fit(task, seed)
            known = detector.score(task.valid)["distance"]
            for name, images in tested.items():
                scores = np.concatenate([known, detector.score(images)["distance"]])
                novel = np.arange(len(scores)) >= len(known)
                reached.setdefault((method.card.name, name), []).append(evaluation.auroc(scores, novel))
            nearest = np.array(KNOWN)[detector.explain(task.valid)["nearest"]]
            assert (nearest == dataset.labels[of(dataset, test_half, KNOWN)]).mean() > 0.97
    means = {name: float(np.mean(values)) for name, values in reached.items()}
    assert means["metric-learning-odm", "seen"] > 0.99 and means["metric-learning-odm", "novelty"] > 0.975
    assert means["metric-learning-odm", "seen"] > means["metric-learning", "seen"] + 0.01


def test_curves_tell_each_kind_of_pair(task):
    told = Listening()
    build(metric.MetricMining, cards.MiningKnobs(**SHORT | {"epochs": 10}), task.shape, 0).fit(task, progress=told)
    first, last = told.told[1], told.told[10]
    assert last["loss"] < first["loss"] and last["active seen"] < first["active seen"] <= 1
    assert last["distance negative"] > first["distance negative"]
    assert last["distance positive"] < last["distance negative"]
    plain = Listening()
    build(metric.MetricLearning, cards.Knobs(**SHORT), task.shape, 0).fit(task, progress=plain)
    assert not any("seen" in name for curves in plain.told for name in curves)


def test_the_loss_of_the_curves_is_the_one_that_was_learned(task):
    """Without learning (a rate near 0) and without dropout: the mean loss of the same pairs by hand."""
    told = Listening()
    knobs = cards.Knobs(epochs=1, learning_rate=1e-7, batch_size=64, dropout=0.0, power=1)
    detector = build(metric.MetricLearning, knobs, task.shape, 0).fit(task, progress=told)
    curves = told.told[1]
    assert curves["loss"] == pytest.approx(0.5 * (0.25 * curves["positive"] + 0.75 * curves["negative"]), rel=1e-4)
    assert curves["active negative"] == 1 and curves["negative"] == pytest.approx(
        10 - curves["distance negative"], rel=1e-4
    )
    assert detector.pair_counts.sum(1).tolist() == [80, 240, 0]  # 10 batches of 32 pairs, a quarter of one class


def test_the_rate_drops_twice(task):
    knobs = cards.Knobs(**SHORT | {"first_drop": 2, "second_drop": 3})
    stage = metric.Embedding(build(metric.MetricLearning, knobs, task.shape, 0))
    stage.detector.set_classes(task.labels.unique())
    stage.begin(task, Progress())
    rates = []
    for number in range(1, 5):
        stage.set_rate(number, knobs.learning_rate)
        rates.append(stage.adam.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


def test_plain_learning_takes_no_notice_of_seen_images(task, fitted):
    without = dataclasses.replace(task, seen=None)
    alone = build(metric.MetricLearning, KNOBS[metric.MetricLearning], task.shape, 0).fit(without)
    np.testing.assert_array_equal(
        alone.score(task.valid)["distance"], fitted[metric.MetricLearning].score(task.valid)["distance"]
    )


def test_embedding_and_twin_start_from_the_same_network(task):
    one, other = (build(method, KNOBS[method], task.shape, 5) for method in (metric.MetricLearning, metric.SoftmaxTwin))
    for ours, theirs in zip(list(one.network)[:-1], list(other.network)[:-1], strict=True):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)


def test_on_the_unit_sphere_every_embedding_has_length_1(task):
    knobs = cards.Knobs(**SHORT | {"normalised": True, "margin": 1.0})
    detector = build(metric.MetricLearning, knobs, task.shape, 0).fit(task)
    np.testing.assert_allclose(np.linalg.norm(detector.explain(task.valid)["embedding"], axis=1), 1, rtol=1e-4)


# --- refusals ---------------------------------------------------------------------------------------------------------


@METHODS
def test_without_classes_nothing_is_learned(task, method):
    with pytest.raises(WrongRequest, match="learns from the classes .* Give it their labels."):
        build(method, KNOBS[method], task.shape, 0).fit(TaskTensors(task.train, task.valid))


def test_odm_asks_for_seen_images(task):
    for seen in (None, task.train[:0]):
        with pytest.raises(WrongRequest, match="needs seen foreign images"):
            build(metric.MetricMining, KNOBS[metric.MetricMining], task.shape, 0).fit(
                dataclasses.replace(task, seen=seen)
            )


def test_a_class_of_one_image_has_no_pair(task):
    labels = task.labels.clone()
    labels[0] = 9
    with pytest.raises(WrongRequest, match="1 of 4 known classes have a single training image"):
        train(
            build(metric.MetricLearning, KNOBS[metric.MetricLearning], task.shape, 0),
            dataclasses.replace(task, labels=labels),
            seed=0,
        )


def test_equal_images_of_two_classes_are_called_a_collapse():
    images = torch.full((40, 1, 8, 8), 128, dtype=torch.uint8)
    task = TaskTensors(images, images[:5], torch.arange(40) % 2)
    detector = build(metric.MetricLearning, KNOBS[metric.MetricLearning], (1, 8, 8), 0).fit(task)
    assert detector.collapsed == (
        "Collapsed: the means of two classes lie on one another. Train longer, or with another learning rate."
    )


def test_a_diverged_training_says_so(task, fitted):
    broken = from_state(
        metric.MetricLearning, KNOBS[metric.MetricLearning], task.shape, fitted[metric.MetricLearning].state()
    )
    with torch.no_grad():
        broken.network[-1].weight[0, 0] = torch.nan
    with pytest.raises(RunFailed, match="diverged: .* Choose a smaller learning rate."):
        broken.embed(task.valid)


# --- pages read these -------------------------------------------------------------------------------------------------


def test_the_portrait_keeps_hardest_and_easiest_pairs(task, fitted):
    detector = fitted[metric.MetricMining]
    portrait = detector.portrait(task)
    np.testing.assert_array_equal(np.array(KNOWN)[portrait["members"]], task.labels)
    assert portrait["pair_kinds"].tolist() == [0, 1, 2]
    apart, pictures = portrait["pair_distances"], portrait["pair_images"]
    assert (apart[0, 0] >= apart[0, 1]).all() and (apart[1:, 0] <= apart[1:, 1]).all()  # hard: far if alike, else near
    assert (np.diff(apart[0, 0]) <= 0).all() and (np.diff(apart[1, 0]) >= 0).all()
    codes = detector.explain(pictures.reshape(-1, *task.shape))["embedding"].reshape(*pictures.shape[:4], -1)
    np.testing.assert_allclose(np.linalg.norm(codes[..., 0, :] - codes[..., 1, :], axis=-1), apart, rtol=1e-3)
    seen = {each.tobytes() for each in task.seen.numpy()}
    assert all(each.tobytes() in seen for each in pictures[2, :, :, 1].reshape(-1, *task.shape))
    assert portrait["pair_counts"].sum() == 10 * 32 and len(portrait["edges"]) == metric.BINS + 1
    plain = fitted[metric.MetricLearning].portrait(task)
    assert plain["pair_kinds"].tolist() == [0, 1] and plain["pair_counts"][2].sum() == 0


def test_a_snapshot_is_the_embedding_of_the_probe(task, fitted):
    detector = fitted[metric.MetricLearning]
    snapshot = detector.snapshot(task.valid, "embedding")
    np.testing.assert_allclose(snapshot["embedding"], detector.explain(task.valid)["embedding"], rtol=2e-3, atol=2e-2)
    assert snapshot["pair_counts"].sum() == 320


# --- the twin ---------------------------------------------------------------------------------------------------------


def test_the_twin_s_scores_follow_from_its_outputs(task, fitted):
    detector = fitted[metric.SoftmaxTwin]
    reasons, scores = detector.explain(task.valid), detector.score(task.valid)
    still, moved = (reasons[name].astype(np.float64) for name in ("embedding", "stepped"))
    np.testing.assert_allclose(scores["softmax"], -np.log(softmax(still, axis=1).max(1)), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(scores["odin"], -np.log(softmax(moved / 1000, axis=1).max(1)), rtol=1e-6)
    np.testing.assert_array_equal(reasons["nearest"], still.argmax(1))
    surer = softmax(moved / 1000, axis=1).max(1) >= softmax(still / 1000, axis=1).max(1)
    assert surer.mean() > 0.95  # what the step is for
    assert detector.explain(task.valid)["embedding"].shape[1] == len(KNOWN)


def test_step_and_temperature_can_change_after_training(task, fitted):
    twin = metric.SoftmaxTwin
    changed = from_state(twin, KNOBS[twin], task.shape, fitted[twin].state())
    changed.set_knobs(dataclasses.replace(KNOBS[twin], epsilon=0.0, temperature=1.0), lambda: task)
    scores = changed.score(task.valid)
    np.testing.assert_allclose(scores["odin"], scores["softmax"], rtol=1e-6)


def test_the_twin_learns_its_classes(digits, task):
    dataset, _, test_half = digits
    detector = build(metric.SoftmaxTwin, cards.TwinKnobs(epochs=30, learning_rate=1e-3, batch_size=64), task.shape, 0)
    detector.fit(task)
    nearest = np.array(KNOWN)[detector.explain(task.valid)["nearest"]]
    assert (nearest == dataset.labels[of(dataset, test_half, KNOWN)]).mean() > 0.97


def test_the_colour_twin_s_last_layer_starts_as_published():
    twin = metric.SoftmaxTwin(cards.TwinKnobs(), (3, 32, 32))
    twin.set_classes(torch.arange(10))
    assert twin.network[-1].weight.std().item() == pytest.approx(0.1, rel=0.1)


# --- scikit-learn's interface -----------------------------------------------------------------------------------------


def test_the_adapter_hands_classes_and_seen_images_on(task):
    names = np.array(["two", "six", "seven"])[np.searchsorted(KNOWN, task.labels.numpy())]
    settings = dataclasses.replace(KNOBS[metric.MetricMining], epochs=20)
    outlier = Outlier(metric.MetricMining, settings).fit(task.train.numpy(), names, task.seen.numpy())
    assert outlier.score_samples(task.valid.numpy()).mean() > outlier.score_samples(task.seen.numpy()).mean()
    with pytest.raises(WrongRequest, match="hides them"):
        Outlier(metric.MetricMining, settings).fit(task.train.numpy())
    with pytest.raises(WrongRequest, match="Name some in the scenario"):
        Outlier(metric.MetricMining, settings).fit(task.train.numpy(), names)
    with pytest.raises(WrongRequest, match="Pass one class for each image."):
        Outlier(metric.MetricMining, settings).fit(task.train.numpy(), names[:5])
