"""CLAD: what each stage leaves behind, scores from the stored logits, clear outcomes where there is nothing to find."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax

from core import data
from core.algorithms import odin
from core.errors import RunFailed
from core.methods import clad
from core.methods.base import build, from_state
from core.methods.cards import clad as cards
from core.runs import files
from core.training import Checkpoint, Progress, TaskTensors, train

KNOBS = cards.Knobs(
    clusters=4,
    latent=6,
    pretrain_epochs=40,
    cluster_epochs=3,
    epochs=3,
    stem="small",
    width=8,
    encoder_batch_size=32,
    batch_size=32,
    learning_rate=1e-3,
)


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    digits = data.load("digits")
    chosen = np.flatnonzero(np.isin(digits.labels, [0, 3, 8]))
    images = torch.from_numpy(digits.images[chosen])
    return TaskTensors(images[:300], images[300:360], torch.from_numpy(digits.labels[chosen[:300]]))


@pytest.fixture(scope="module")
def trained(task) -> clad.Clad:
    return build(clad.Clad, KNOBS, task.shape, 0).fit(task)


class Listening(Progress):
    """Remembers the curves of every stage."""

    def __init__(self) -> None:
        self.told: dict[str, list[dict[str, float]]] = {}

    def stage(self, name, number, stages, epochs, samples):
        self.told[name] = []

    def epoch(self, number, curves):
        list(self.told.values())[-1].append(curves)


def with_(**changes) -> cards.Knobs:
    return dataclasses.replace(KNOBS, **changes)


def run_stages(detector: clad.Clad, task: TaskTensors, *names: str) -> None:
    for stage in detector.stages(task):
        if stage.record.name in names:
            stage.begin(task, Progress())
            for number in range(1, stage.epochs + 1):
                stage.epoch(number)
            stage.end()


# --- stages -----------------------------------------------------------------------------------------------------------


def test_pixels_are_standardised_by_the_training_images(task, trained):
    pixels = task.train.double().numpy() / 255
    np.testing.assert_allclose(trained.mean, pixels.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(trained.deviation, pixels.std((0, 2, 3)), rtol=1e-5)
    prepared = trained.standardised(task.train)
    assert prepared.mean().item() == pytest.approx(0, abs=1e-5)
    assert prepared.std().item() == pytest.approx(1, abs=1e-3)


def test_each_channel_has_its_own_mean_and_deviation(rng):
    images = torch.from_numpy(rng.integers(0, (60, 120, 256), (50, 8, 8, 3), np.uint8)).permute(0, 3, 1, 2).contiguous()
    detector = clad.Clad(KNOBS, (3, 8, 8))
    run_stages(detector, TaskTensors(images, images[:9]), "prepare")
    np.testing.assert_allclose(detector.mean, (images.double() / 255).mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(detector.standardised(images).std((0, 2, 3)), 1, rtol=1e-3)


def test_every_stage_gets_better_at_its_own_aim(task):
    told = Listening()
    build(clad.Clad, with_(epochs=6, cluster_epochs=12), task.shape, 0).fit(task, progress=told)
    redrawn = [each["reconstruction"] for each in told.told["autoencoder"]]
    assert redrawn[-1] < 0.7 * redrawn[0]
    assert told.told["cluster"][-1]["sureness"] > told.told["cluster"][0]["sureness"]  # clustering sharpens
    classifier = told.told["classifier"]
    assert classifier[-1]["cross-entropy"] < 0.5 * classifier[0]["cross-entropy"]
    assert classifier[-1]["accuracy"] > 0.85 and classifier[-1]["held-out accuracy"] > 0.6


def test_centres_start_at_the_means_of_their_clusters(task):
    detector = build(clad.Clad, KNOBS, task.shape, 0)
    run_stages(detector, task, "prepare", "autoencoder", "centres")
    codes = detector.embed(task.train)
    means = torch.stack([codes[detector.clusters == k].mean(0) for k in range(4)])
    assert float((means - detector.centres).norm(dim=1).max()) < 0.05 * float(codes.std(0).mean())
    apart = (codes[:, None] - detector.centres).norm(dim=2)
    np.testing.assert_array_equal(detector.clusters, apart.argmin(1))
    kernel = 1 / (1 + apart.double().square())
    np.testing.assert_allclose(detector.first_sureness, (kernel / kernel.sum(1, True)).amax(1), rtol=1e-4)


def test_labels_are_the_largest_assignments_of_the_final_encoder(task, trained):
    np.testing.assert_array_equal(trained.clusters, trained.log_assignment(task.train).argmax(1))
    assert not trained.centres.requires_grad


def test_clustering_ends_early_where_nobody_changes(task):
    told = Listening()
    patient = build(clad.Clad, with_(cluster_epochs=5, cluster_rate=1e-7), task.shape, 0).fit(task, progress=told)
    assert len(told.told["cluster"]) == 1 and told.told["cluster"][0]["changed"] == 0
    assert patient.log_assignment(task.train).argmax(1).equal(patient.clusters)
    told = Listening()
    build(clad.Clad, with_(cluster_epochs=5, tolerance=0.0), task.shape, 0).fit(task, progress=told)
    assert len(told.told["cluster"]) == 5


def test_the_target_is_made_anew_at_its_interval(task):
    told = Listening()
    knobs = with_(cluster_epochs=5, interval=2, tolerance=0.0)
    build(clad.Clad, knobs, task.shape, 0).fit(task, progress=told)
    assert ["changed" in each for each in told.told["cluster"]] == [False, True, False, True, False]


def test_without_clustering_the_clusters_are_those_of_k_means(task):
    detector = build(clad.Clad, with_(cluster_epochs=0), task.shape, 0).fit(task)
    apart = (detector.embed(task.train)[:, None] - detector.centres).norm(dim=2)
    np.testing.assert_array_equal(detector.clusters, apart.argmin(1))


def test_hidden_classes_never_reach_the_training(task, trained):
    shuffled = TaskTensors(task.train, task.valid, task.labels.flip(0))
    again = build(clad.Clad, KNOBS, task.shape, 0).fit(shuffled)
    assert torch.equal(again.clusters, trained.clusters)
    np.testing.assert_array_equal(again.score(task.valid)["odin"], trained.score(task.valid)["odin"])


def test_a_starved_cluster_joins_its_neighbour_and_the_classifier_has_a_class_less(task):
    detector = build(clad.Clad, with_(cluster_epochs=0), task.shape, 0)
    run_stages(detector, task, "prepare", "autoencoder", "centres")
    with torch.no_grad():
        detector.centres[3] = detector.centres[1] + 0.01
    detector.clusters[detector.clusters == 3] = 1
    detector.clusters[0] = 3  # one of 300 images: 0.3 %
    run_stages(detector, task, "cluster", "classifier", "measure")
    assert detector.into.tolist() == [0, 1, 2, 1]
    assert detector.merged == "1 of 4 clusters holds less than 0.5% of the images and joined the nearest; 3 are left."
    assert detector.explain(task.valid)["logits"].shape[2] == 3
    assert detector.portrait(task)["sizes"].sum() == 300 and len(detector.portrait(task)["sizes"]) == 3
    restored = from_state(clad.Clad, detector.knobs, task.shape, detector.state())
    np.testing.assert_array_equal(restored.score(task.valid)["odin"], detector.score(task.valid)["odin"])


def test_images_that_are_all_equal_have_no_kinds(task):
    alike = TaskTensors(task.train[:1].repeat(60, 1, 1, 1), task.valid)
    with pytest.raises(RunFailed, match="all images lie in one cluster.* Train the autoencoder for more epochs"):
        build(clad.Clad, KNOBS, task.shape, 0).fit(alike)


def test_a_cluster_with_nearly_all_images_is_called_a_collapse(task):
    detector = build(clad.Clad, with_(cluster_epochs=0), task.shape, 0)
    run_stages(detector, task, "prepare", "autoencoder", "centres")
    detector.clusters = (torch.arange(300) < 6).long()
    run_stages(detector, task, "cluster")
    assert "one of 2 clusters holds 98.0% of the images" in detector.collapsed


def test_a_diverged_training_says_so(task, trained):
    diverged = from_state(clad.Clad, KNOBS, task.shape, trained.state())
    with torch.no_grad():
        diverged.classifier.fc.weight[0, 0] = torch.nan
    with pytest.raises(RunFailed, match="has diverged. Choose a smaller learning rate of the classifier."):
        diverged.choose_step(task.valid)
    with torch.no_grad():
        diverged.networks["encoder"][-1].weight[0, 0] = torch.nan
    with pytest.raises(RunFailed, match="diverged: .* Choose a smaller learning rate of the autoencoder"):
        diverged.embed(task.train)


def test_resume_in_the_middle_of_the_clustering_keeps_its_target(task, tmp_path):
    knobs, kept = with_(interval=3, cluster_epochs=4), {}

    def keep(stage, epoch, make):
        if stage.record.name == "cluster":
            files.write_state(tmp_path / f"{epoch}.safetensors", vars(make()))
            kept[epoch] = tmp_path / f"{epoch}.safetensors"

    whole = build(clad.Clad, knobs, task.shape, 0)
    train(whole, task, seed=0, after_epoch=keep)
    for path in kept.values():
        resumed = build(clad.Clad, knobs, task.shape, 9)
        train(resumed, task, seed=0, resume=Checkpoint(**files.read_state(path)))
        assert torch.equal(resumed.centres, whole.centres) and torch.equal(resumed.clusters, whole.clusters)


# --- scores, reasons, state -------------------------------------------------------------------------------------------


def test_scores_follow_from_the_stored_logits_and_embedding(task, trained):
    reasons, scores = trained.explain(task.valid), trained.score(task.valid)
    logits, step = reasons["logits"].astype(np.float64), trained.step
    np.testing.assert_allclose(scores["softmax"], -np.log(softmax(logits[:, 0], axis=1).max(1)), rtol=1e-4, atol=1e-9)
    for name, place in (("temperature", 0), ("odin", step)):
        expected = -np.log(softmax(logits[:, place] / 1000, axis=1).max(1))
        np.testing.assert_allclose(scores[name], expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(scores["energy"], -logsumexp(logits[:, 0], axis=1), rtol=1e-5)
    np.testing.assert_allclose(scores["logit"], -logits[:, 0].max(1), rtol=1e-5)
    apart = np.linalg.norm(reasons["embedding"][:, None] - trained.centres.numpy(), axis=2)
    np.testing.assert_allclose(scores["embedding-distance"], apart.min(1), rtol=1e-4)
    kernel = 1 / (1 + np.square(apart))
    np.testing.assert_allclose(reasons["assignments"], kernel / kernel.sum(1, keepdims=True), rtol=1e-4)
    np.testing.assert_array_equal(reasons["cluster"], trained.into.numpy()[reasons["assignments"].argmax(1)])
    np.testing.assert_allclose(reasons["confidence"], softmax(logits[:, 0], axis=1).max(1), rtol=1e-4)
    assert (reasons["epsilons"] == np.float32(cards.EPSILONS)).all() and (reasons["step"] == step).all()
    assert (reasons["temperature"] == 1000).all()


def test_the_stored_direction_is_that_of_the_stored_logits(task, trained):
    reasons, epsilon = trained.explain(task.valid), cards.EPSILONS[-1]
    moved = task.valid.numpy() / 255 + epsilon * reasons["direction"]
    standardised = (moved - trained.mean.numpy()[:, None, None]) / trained.deviation.numpy()[:, None, None]
    with torch.no_grad():
        logits = trained.classifier(torch.from_numpy(standardised).float()).numpy()
    np.testing.assert_allclose(logits, reasons["logits"][:, -1], rtol=1e-3, atol=1e-4)
    assert set(np.unique(reasons["direction"])) <= {-1, 0, 1} and np.any(reasons["direction"])


def test_the_step_is_the_surest_on_held_out_images(task, trained):
    logits = trained.explain(task.valid)["logits"].astype(np.float64)
    means = softmax(logits / 1000, axis=2).max(2).mean(0)
    np.testing.assert_allclose(trained.confidences, means, rtol=1e-6)
    assert trained.step == trained.best_step == means.argmax()


@pytest.mark.parametrize("epsilon", ["0", "0.005"])
def test_step_and_temperature_can_change_after_training(task, trained, epsilon):
    changed = from_state(clad.Clad, KNOBS, task.shape, trained.state())
    changed.set_knobs(with_(epsilon=epsilon, temperature=10.0), lambda: pytest.fail("no images are needed"))
    logits = changed.explain(task.valid)["logits"].astype(np.float64)[:, cards.EPSILONS.index(float(epsilon))]
    expected = -np.log(softmax(logits / 10, axis=1).max(1))
    scores = changed.score(task.valid)
    np.testing.assert_allclose(scores["odin"], expected, rtol=1e-4)
    if epsilon == "0":
        np.testing.assert_array_equal(scores["odin"], scores["temperature"])
    np.testing.assert_array_equal(scores["softmax"], trained.score(task.valid)["softmax"])


def test_another_temperature_chooses_its_own_step(task, trained):
    """As a training at that temperature would."""
    changed = from_state(clad.Clad, KNOBS, task.shape, trained.state())
    changed.set_knobs(with_(temperature=2.0, epsilon="0"), lambda: pytest.fail("no images are needed"))
    changed.set_knobs(with_(temperature=2.0), lambda: task)
    fresh = build(clad.Clad, with_(temperature=2.0), task.shape, 0).fit(task)
    assert changed.confidences == fresh.confidences and changed.best_step == fresh.best_step
    assert changed.confidences != trained.confidences
    np.testing.assert_array_equal(changed.score(task.valid)["odin"], fresh.score(task.valid)["odin"])


def test_networks_that_score_are_in_evaluation_mode(task, trained):
    alone = trained.score(task.valid[:1])
    trained.networks.train()
    together = trained.score(task.valid)
    for name, values in alone.items():
        np.testing.assert_allclose(values, together[name][:1], rtol=1e-3, atol=1e-5, err_msg=name)


def test_what_scores_follows_the_classifier_when_it_learns_on_or_is_loaded(task, trained):
    detector, first = build(clad.Clad, KNOBS, task.shape, 0), trained.score(task.valid)["energy"]
    detector.load(trained.state())
    np.testing.assert_allclose(detector.score(task.valid)["energy"], first, rtol=1e-5)
    run_stages(detector, task, "classifier")
    on = detector.score(task.valid)["energy"]
    np.testing.assert_allclose(on, odin.energy(detector.logits(task.valid)).numpy(), rtol=1e-4)
    assert np.abs(on - first).max() > 1e-3
    detector.load(trained.state())
    np.testing.assert_allclose(detector.score(task.valid)["energy"], first, rtol=1e-5)


def test_the_portrait_tells_clusters_and_doubts(task, trained):
    portrait = trained.portrait(task)
    doubt, clusters = portrait["doubt"], portrait["clusters"]
    np.testing.assert_allclose(doubt, trained.score(task.train)["softmax"], rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(portrait["sizes"], np.bincount(clusters))
    for cluster, (sure, unsure) in enumerate(zip(portrait["sure"], portrait["unsure"], strict=True)):
        own = np.sort(doubt[clusters == cluster])
        np.testing.assert_array_equal(doubt[sure], own[: len(sure)])
        np.testing.assert_array_equal(doubt[unsure], own[::-1][: len(unsure)])
        assert set(clusters[np.concatenate([sure, unsure])]) == {cluster}
    np.testing.assert_array_equal(portrait["sure_images"], task.train.numpy()[portrait["sure"]])
    np.testing.assert_array_equal(portrait["sureness_before"], trained.first_sureness)
    assert portrait["sureness_after"].mean() > portrait["sureness_before"].mean()


def test_snapshots_follow_the_clustering(task, trained):
    snapshot, reasons = trained.snapshot(task.valid, "cluster"), trained.explain(task.valid)
    np.testing.assert_allclose(snapshot["embedding"], reasons["embedding"], rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(snapshot["assignments"], reasons["assignments"], atol=1e-3)
    np.testing.assert_array_equal(snapshot["sizes"], np.bincount(trained.clusters, minlength=4))
