"""Deep SVDD and multi-radius: preprocessing, objectives, radii and centres against numpy; K = 1 is Deep SVDD."""

import dataclasses

import numpy as np
import pytest
import torch

from core import data
from core.errors import RunFailed
from core.methods import svdd
from core.methods.base import build, from_state
from core.methods.cards import svdd as cards
from core.runs import files
from core.training import Progress, TaskTensors

# Smallest and largest value after contrast normalisation of each digit's training images, as in Deep SVDD's code.
MNIST_BOUNDS = [
    (-0.8826567065619495, 9.001545489292527),
    (-0.6661464580883915, 20.108062262467364),
    (-0.7820454743183202, 11.665100841080346),
    (-0.7645772083211267, 12.895051191467457),
    (-0.7253923114302238, 12.683235701611533),
    (-0.7698501867861425, 13.103278415430502),
    (-0.778418217980696, 10.457837397569108),
    (-0.7129780970522351, 12.057777597673047),
    (-0.8280402650205075, 10.581538445782988),
    (-0.7369959242164307, 10.697039838804978),
]
QUICK = {"epochs": 3, "pretrain_epochs": 2, "warm_up": 1, "batch_size": 50}
ONE = cards.Knobs(**QUICK)
MANY = cards.MultiRadiusKnobs(**QUICK, partition="clusters", clusters=3, smallest=10)


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    digits = data.load("digits")
    chosen = np.flatnonzero(np.isin(digits.labels, [0, 1, 3]))
    images = torch.from_numpy(digits.images[chosen])
    return TaskTensors(images[:300], images[300:360], torch.from_numpy(digits.labels[chosen[:300]]))


@pytest.fixture(scope="module")
def many(task) -> svdd.MultiRadiusSVDD:
    return build(svdd.MultiRadiusSVDD, MANY, task.shape, 0).fit(task)


# --- preprocessing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", range(10))
def test_the_published_constants_of_mnist(data_root, monkeypatch, digit):
    monkeypatch.setenv("NOVELTY_DATA", str(data_root))
    mnist = data.load("mnist")
    images = torch.from_numpy(mnist.images[(mnist.labels == digit) & ~mnist.is_test])
    detector = svdd.DeepSVDD(ONE, (1, 28, 28))
    stage = detector.stages(TaskTensors(images, images[:2]))[0]
    stage.begin(TaskTensors(images, images[:2]), Progress())
    stage.epoch(1)
    np.testing.assert_allclose(detector.bounds, MNIST_BOUNDS[digit], rtol=1e-5)
    prepared = detector.prepared(images)
    assert float(prepared.min()) == pytest.approx(0, abs=1e-6) and float(prepared.max()) == pytest.approx(1, abs=1e-6)


def test_contrast_is_normalised_image_by_image(rng):
    images = rng.integers(0, 256, (6, 3, 4, 4), np.uint8)
    pixels = images / 255.0
    centred = pixels - pixels.mean((1, 2, 3), keepdims=True)
    expected = centred / np.abs(centred).mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(svdd.contrast_normalised(torch.from_numpy(images)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [0, 1, 77, 255])
def test_a_constant_image_becomes_zeros_and_scores(many, value):
    image = torch.full((1, 1, 8, 8), value, dtype=torch.uint8)
    assert svdd.contrast_normalised(image).abs().max() < 1e-3
    assert all(np.isfinite(values).all() for values in many.score(image).values())


def test_what_leaves_the_bounds_of_training_is_not_clipped(many):
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    image[0, 0, 3, 3] = 255  # more contrast than any digit has
    assert many.prepared(image).max() > 1.2


# --- objectives, radii, centres ---------------------------------------------------------------------------------------


def numpy_objective(squared: np.ndarray, clusters: np.ndarray, radii: np.ndarray, nu: float) -> float:
    parts = []
    for k in range(len(radii)):
        own = squared[clusters == k]
        if len(own):
            parts.append(radii[k] ** 2 + np.maximum(0, own - radii[k] ** 2).sum() / (nu * len(own)))
    return float(np.mean(parts))


@pytest.mark.parametrize("present", [[0, 1, 2, 3], [0, 2], [3], [1, 2, 3]])
def test_the_soft_boundary_objective_skips_absent_clusters(rng, present):
    squared, clusters, radii = rng.random(40) * 4, rng.choice(present, 40), rng.random(4) * 2
    tensor = torch.from_numpy(squared).requires_grad_()
    objective = svdd.soft_boundary_objective(tensor, torch.from_numpy(clusters), torch.from_numpy(radii), 0.1)
    assert float(objective.detach()) == pytest.approx(numpy_objective(squared, clusters, radii, 0.1))
    objective.backward()
    sizes, groups = np.bincount(clusters, minlength=4), len(set(clusters))
    outside = squared > radii[clusters] ** 2
    np.testing.assert_allclose(tensor.grad, outside / (0.1 * sizes[clusters] * groups))  # only images outside teach


def test_with_one_cluster_the_objective_is_the_paper_s(rng):
    squared = rng.random(30)
    radius = 0.6
    expected = radius**2 + np.maximum(0, squared - radius**2).sum() / (0.2 * 30)
    clusters = torch.zeros(30, dtype=torch.int64)
    assert float(
        svdd.soft_boundary_objective(torch.from_numpy(squared), clusters, torch.tensor([radius]).double(), 0.2)
    ) == pytest.approx(expected)
    assert float(svdd.one_class_objective(torch.from_numpy(squared))) == pytest.approx(squared.mean())


@pytest.mark.parametrize(("count", "nu"), [(100, 0.1), (200, 0.05), (50, 0.5), (20, 1.0), (97, 0.1), (31, 0.27)])
def test_the_quantile_radius_minimises_the_objective(rng, count, nu):
    """Exactly where nu N is whole; otherwise at most one image from the minimiser, as the quantile interpolates."""
    squared = rng.gamma(4, size=count)
    radius = float(svdd.boundary_radius(torch.from_numpy(squared), nu))
    distances = np.sort(np.sqrt(squared))
    candidates = np.linspace(0, distances[-1] * 1.1, 20_001)
    values = np.square(candidates) + np.maximum(0, squared[:, None] - np.square(candidates)).sum(0) / (nu * count)
    best = candidates[values.argmin()]
    if float(nu * count).is_integer():
        assert numpy_objective(squared, np.zeros(count, int), np.array([radius]), nu) <= values.min() * (1 + 1e-9)
    assert abs(np.searchsorted(distances, radius) - np.searchsorted(distances, best)) <= 1
    assert abs((distances > radius).sum() - nu * count) <= 1  # a share nu stays outside


def test_a_cluster_of_one_and_the_ends_of_nu():
    assert float(svdd.boundary_radius(torch.tensor([4.0]), 0.1)) == 2
    squared = torch.tensor([1.0, 4.0, 9.0])
    assert float(svdd.boundary_radius(squared, 1.0)) == 1  # the nearest member
    assert float(svdd.boundary_radius(squared, 1e-9)) == pytest.approx(3)  # the farthest


def test_no_coordinate_of_a_centre_is_near_zero():
    points = torch.tensor([[0.5, -0.5, 0.05, -0.05, 0.0, 0.2], [0.3, -0.3, 0.05, -0.05, 0.0, 0.0]])
    torch.testing.assert_close(svdd.centre_of(points), torch.tensor([0.4, -0.4, 0.1, -0.1, 0.1, 0.1]))


def test_scores_take_the_best_ball():
    squared, radii = torch.tensor([[4.0, 9.0], [1.0, 9.0], [0.0, 1.0]]), torch.tensor([1.0, 3.0])
    assert svdd.boundary(squared, radii).tolist() == [0, 0, -8]  # the larger ball holds what is nearest to the smaller
    assert svdd.relative(squared, radii).tolist() == [1, 1, 0]


def test_one_ball_covers_the_gap_between_two_blobs_and_two_balls_do_not(rng, monkeypatch):
    blobs = np.concatenate([rng.normal(size=(100, 4)) * 0.5 + shift for shift in (6 * np.ones(4), -6 * np.ones(4))])
    between = rng.normal(size=(50, 4)) * 0.5
    train, fresh = (
        torch.from_numpy(blobs[::2]).float(),
        torch.from_numpy(np.concatenate([blobs[1::2], between])).float(),
    )
    novel = np.repeat([0, 1], [100, 50])

    def auroc(detector: svdd.DeepSVDD) -> float:
        monkeypatch.setattr(detector, "embed", lambda points, progress=None: points)
        detector.find_clusters(TaskTensors(train, train), Progress())
        detector.radii, _ = detector.radii_of(train)
        scores = svdd.boundary(detector.squared_distances(fresh)[0], detector.radii).numpy()
        return float((scores[novel == 1][:, None] > scores[novel == 0]).mean())

    assert auroc(svdd.DeepSVDD(ONE, (1, 8, 8))) < 0.05
    two = svdd.MultiRadiusSVDD(dataclasses.replace(MANY, clusters=2), (1, 8, 8))
    assert auroc(two) > 0.99 and len(two.centres) == 2


def test_the_collapse_guard_fires():
    far = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert svdd.collapse(0.5, torch.ones(1), far[:1]) is None
    assert svdd.collapse(0.5, torch.ones(2), far) is None
    assert "nearly the same embedding" in svdd.collapse(5e-4, torch.ones(1), far[:1])
    assert "shrunk to points" in svdd.collapse(0.5, torch.full((2,), 0.04), far)
    assert svdd.collapse(0.5, torch.full((2,), 0.06), far) is None


def test_an_embedding_that_has_shrunk_to_a_point_is_called_collapsed(task):
    detector = build(svdd.DeepSVDD, ONE, task.shape, 0).fit(task)
    assert detector.collapsed is None
    with torch.no_grad():
        detector.encoder[-1].weight.mul_(1e-4)
    measure = detector.stages(task)[-1]
    measure.begin(task, Progress())
    measure.epoch(1)
    assert "nearly the same embedding" in detector.collapsed


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["one-class", "soft-boundary"])
def test_with_one_cluster_multi_radius_is_deep_svdd_bit_for_bit(task, objective):
    one = build(svdd.DeepSVDD, dataclasses.replace(ONE, objective=objective), task.shape, 5).fit(task, seed=5)
    knobs = dataclasses.replace(MANY, clusters=1, objective=objective)
    same = build(svdd.MultiRadiusSVDD, knobs, task.shape, 5).fit(task, seed=5)
    for name, value in one.networks.state_dict().items():
        assert torch.equal(value, same.networks.state_dict()[name]), name
    assert torch.equal(one.centres, same.centres) and torch.equal(one.radii, same.radii)
    for name, values in one.score(task.valid).items():
        np.testing.assert_array_equal(values, same.score(task.valid)[name])


def test_centres_stay_and_final_radii_leave_nu_outside(task, many):
    detector = build(svdd.MultiRadiusSVDD, MANY, task.shape, 0)
    found = []
    stages = detector.stages(task)
    for stage in stages:
        stage.begin(task, Progress())
        for number in range(1, stage.epochs + 1):
            stage.epoch(number)
            found.append((stage.record.name, detector.centres.clone(), detector.radii.clone()))
        stage.end()
    after = [centres for name, centres, _ in found if name in ("cluster", "train", "measure")]
    assert len(after) == 5 and all(torch.equal(each, after[0]) for each in after)
    radii = [r for name, _, r in found if name == "train"]
    assert [name for name, _, _ in found][:4] == ["prepare", "pretrain", "pretrain", "cluster"]
    embedding = detector.embed(task.train)
    for k in range(3):
        own = embedding[detector.clusters == k]
        outside = (own - detector.centres[k]).norm(dim=1) > detector.radii[k]
        assert abs(int(outside.sum()) - 0.1 * len(own)) <= 1
    assert all((r > 0).all() for r in radii)  # from the end of the warm-up on


def test_radii_stay_zero_during_warm_up(task):
    detector = build(svdd.DeepSVDD, dataclasses.replace(ONE, warm_up=2), task.shape, 0)
    stage = detector.stages(task)[3]
    for each in detector.stages(task)[:3]:
        each.begin(task, Progress())
        for number in range(1, each.epochs + 1):
            each.epoch(number)
    stage.begin(task, Progress())
    radii = []
    for number in (1, 2, 3):
        stage.epoch(number)
        radii.append(float(detector.radii))
    assert radii[0] == 0 < radii[1]


def test_without_a_warm_up_the_first_batch_has_radii(task, monkeypatch):
    radii = []
    objective = svdd.soft_boundary_objective
    monkeypatch.setattr(svdd, "soft_boundary_objective", lambda *given: radii.append(given[2]) or objective(*given))
    build(svdd.DeepSVDD, dataclasses.replace(ONE, warm_up=0), task.shape, 0).fit(task)
    assert float(radii[0]) > 0
    radii.clear()
    build(svdd.DeepSVDD, ONE, task.shape, 0).fit(task)
    assert float(radii[0]) == 0 and float(radii[-1]) > 0


def test_training_pulls_images_to_their_centre(task):
    knobs = dataclasses.replace(ONE, objective="one-class", epochs=12, learning_rate=1e-3)
    curves = []

    class Listening(Progress):
        def epoch(self, number, told):
            curves.append(told)

    build(svdd.DeepSVDD, knobs, task.shape, 0).fit(task, progress=Listening())
    objective = [each["objective"] for each in curves if "objective" in each]
    assert len(objective) == 12 and objective[-1] < 0.5 * objective[0]
    pretrain = [each["reconstruction"] for each in curves if "reconstruction" in each]
    assert pretrain[1] < pretrain[0]


def test_the_learning_rate_drops_to_a_tenth_after_its_epoch(task):
    detector = build(svdd.DeepSVDD, dataclasses.replace(ONE, rate_drop=2, pretrain_rate_drop=1), task.shape, 0)
    _, pretrain, centre, train, _ = detector.stages(task)
    rates = {}
    for stage in (pretrain, centre, train):
        stage.begin(task, Progress())
        for number in range(1, stage.epochs + 1):
            stage.epoch(number)
            if stage is not centre:
                rates[stage.record.name, number] = stage.adam.param_groups[0]["lr"]
    assert rates == {
        ("pretrain", 1): pytest.approx(1e-3),
        ("pretrain", 2): pytest.approx(1e-4),
        ("train", 1): pytest.approx(1e-4),
        ("train", 2): pytest.approx(1e-4),
        ("train", 3): pytest.approx(1e-5),
    }


def test_clusters_can_be_the_hidden_classes(task):
    detector = build(svdd.MultiRadiusSVDD, dataclasses.replace(MANY, labels="classes"), task.shape, 0).fit(task)
    np.testing.assert_array_equal(detector.clusters, np.unique(task.labels, return_inverse=True)[1])
    assert len(detector.radii) == 3 and "hidden classes" in detector.partition["sentence"]
    assert detector.partition["level_chosen"] == -1


def test_a_diverged_training_says_so(task):
    detector = build(svdd.DeepSVDD, ONE, task.shape, 0)
    with torch.no_grad():
        detector.encoder[-1].weight[0, 0] = torch.nan
    with pytest.raises(RunFailed, match="diverged: .* Choose a smaller learning rate."):
        detector.embed(task.train)


# --- scores, reasons, state -------------------------------------------------------------------------------------------


def test_scores_follow_from_the_distances(many, task):
    reasons, scores = many.explain(task.valid), many.score(task.valid)
    distances, radii = reasons["distances"].astype(np.float64), many.radii.double().numpy()
    np.testing.assert_allclose(scores["distance"], np.square(distances).min(1), rtol=1e-5)
    np.testing.assert_allclose(scores["boundary"], (np.square(distances) - radii**2).min(1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scores["relative"], (distances / radii).min(1), rtol=1e-5)
    np.testing.assert_array_equal(reasons["nearest"], distances.argmin(1))
    np.testing.assert_array_equal(reasons["deciding"], (np.square(distances) - radii**2).argmin(1))
    embedding = reasons["embedding"]
    np.testing.assert_allclose(np.linalg.norm(embedding[:, None] - many.centres.numpy(), axis=2), distances, rtol=1e-5)


def test_state_survives_a_file(many, task, tmp_path):
    files.write_state(tmp_path / "state.safetensors", many.state())
    restored = from_state(svdd.MultiRadiusSVDD, MANY, task.shape, files.read_state(tmp_path / "state.safetensors"))
    for name, values in many.score(task.valid).items():
        np.testing.assert_array_equal(restored.score(task.valid)[name], values)
    assert restored.partition.keys() == many.partition.keys() and restored.bounds == many.bounds
    np.testing.assert_array_equal(restored.partition["level_labels"], many.partition["level_labels"])


def test_the_portrait_shows_each_cluster_s_nearest_and_farthest_images(many, task):
    portrait = many.portrait(task)
    assert portrait["clusters"].shape == portrait["distances"].shape == (300,)
    for k, (near, far) in enumerate(zip(portrait["near"], portrait["far"], strict=True)):
        own = np.flatnonzero(portrait["clusters"] == k)
        ordered = own[np.argsort(portrait["distances"][own], kind="stable")]
        np.testing.assert_allclose(portrait["distances"][near], portrait["distances"][ordered[: len(near)]])
        np.testing.assert_allclose(portrait["distances"][far], portrait["distances"][ordered[::-1][: len(far)]])
    np.testing.assert_array_equal(portrait["near_images"], task.train.numpy()[portrait["near"]])
