import dataclasses
import sys
import types

import numpy as np
import pytest
from sklearn.decomposition import PCA

from core import scenarios
from core.runs import files
from core.runs.results import projection
from core.runs.results.projection import neighbourhoods, plane


class RecordedUMAP:
    """Stands in for umap.UMAP, whose compilation takes half a minute: keeps what it was asked."""

    asked: dict = {}

    def __init__(self, **options):
        self.asked.update(options)
        self.size = options["n_components"]

    def fit(self, points):
        self.asked["fitted"], self.embedding_ = points, points[:, : self.size].astype(np.float64)
        return self

    def transform(self, points):
        return points[:, -self.size :].astype(np.float64)


@pytest.fixture
def umap(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=RecordedUMAP))
    return RecordedUMAP.asked


class ByPixels:
    """A detector whose embedding is the first five pixels."""

    def explain(self, images):
        return {"embedding": images.reshape(len(images), -1)[:, 20:25].astype(np.float32)}


@pytest.fixture
def run_and_task(new_run):
    task = scenarios.build(scenarios.task_spec("digits", "several-normal", "0,1,3", {"split": "pooled"}))
    run = new_run()
    tested = ByPixels().explain(task.images("test"))
    files.write_arrays(run.folder / "explanations.npz", {"test/embedding": tested["embedding"]})
    files.write_arrays(run.folder / "portrait.npz", {"centres": np.eye(5, dtype=np.float32)[:2]})
    return run, task


def test_the_plane_is_that_of_scikit_learns_pca(rng):
    train, test = rng.normal(size=(60, 6)) * [5, 3, 1, 1, 1, 1], rng.normal(size=(9, 6))
    found, expected = plane(train, test, train[:0]), PCA(2).fit(train)
    np.testing.assert_allclose(found["pca/ratio"], expected.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found["pca/test"]), np.abs(expected.transform(test)), atol=1e-5)
    assert "pca/centres" not in found


def test_the_plane_is_an_orthogonal_projection_so_no_distance_grows(rng):
    train, centres = rng.normal(size=(50, 8)), rng.normal(size=(3, 8)) * 4
    found = plane(train, train, centres)
    np.testing.assert_allclose(found["pca/axes"] @ found["pca/axes"].T, np.eye(2), atol=1e-6)
    full = np.linalg.norm(train[:, None] - centres, axis=2)
    drawn = np.linalg.norm(found["pca/train"][:, None] - found["pca/centres"], axis=2)
    assert (drawn <= full + 1e-5).all()


def test_the_plane_is_fitted_on_training_images_and_centres_alone(rng):
    train, centres = rng.normal(size=(50, 4)), np.array([[100.0, 0, 0, 0]])
    apart = plane(train, rng.normal(size=(9, 4)) * 1000, centres)
    assert abs(apart["pca/axes"][0, 0]) > 0.99
    np.testing.assert_allclose(apart["pca/mean"], np.concatenate([train, centres]).mean(0), rtol=1e-5)


def test_the_axes_do_not_depend_on_the_sign_of_an_eigenvector(rng):
    axes = plane(rng.normal(size=(50, 4)) * [9, 3, 1, 1], np.zeros((1, 4)), np.zeros((0, 4)))["pca/axes"]
    assert (np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) > 0).all()


def test_a_collapsed_embedding_has_a_plane_without_variance():
    found = plane(np.ones((30, 4)), np.ones((2, 4)), np.ones((1, 4)))
    assert found["pca/ratio"].tolist() == [0, 0]
    assert np.isfinite(found["pca/test"]).all()


def test_the_stored_plane_holds_a_seeded_choice_of_images(run_and_task, monkeypatch):
    run, task = run_and_task
    monkeypatch.setattr(projection, "MOST", 100)
    projection.store_plane(run, ByPixels(), task)
    first = run.arrays("projection")
    assert len(set(first["train_of"].tolist())) == len(first["pca/train"]) == len(first["pca/test"]) == 100
    embedding = ByPixels().explain(task.images("train"))["embedding"]
    np.testing.assert_array_equal(first["embedding"], embedding[first["train_of"]])
    tested = run.arrays("explanations")["test/embedding"][first["test_of"]]
    np.testing.assert_allclose(first["pca/test"], (tested - first["pca/mean"]) @ first["pca/axes"].T, atol=1e-4)
    assert first["pca/centres"].shape == (2, 2)
    projection.store_plane(run, ByPixels(), task)
    np.testing.assert_array_equal(first["pca/train"], run.arrays("projection")["pca/train"])


def test_a_method_without_embedding_has_no_projection(run_and_task):
    run, task = run_and_task
    files.write_arrays(run.folder / "explanations.npz", {"test/layers": np.zeros((4, 3))})
    projection.store_plane(run, ByPixels(), task)
    projection.store_map(run)
    assert not run.has("projection")


def test_the_map_is_fitted_on_training_images_with_a_seed_and_test_images_are_put_into_it(run_and_task, umap):
    run, task = run_and_task
    projection.store_plane(run, ByPixels(), task)
    before = run.version
    projection.store_map(run)
    stored, tested = run.arrays("projection"), run.arrays("explanations")["test/embedding"]
    np.testing.assert_array_equal(umap["fitted"], stored["embedding"])
    assert (umap["random_state"], umap["n_jobs"]) == (0, 1)
    np.testing.assert_array_equal(stored["umap/train"], stored["embedding"][:, :2])
    np.testing.assert_array_equal(stored["umap/test"], tested[stored["test_of"]][:, -2:])
    assert "pca/train" in stored and "umap3/train" not in stored
    assert run.version > before  # pages that kept the plane read the file again


@pytest.mark.parametrize("size", [5, 2])
def test_a_method_whose_page_turns_it_has_a_map_of_three_axes_too_where_there_are_so_many(
    run_and_task, umap, monkeypatch, size
):
    run, task = run_and_task
    detector = ByPixels()
    detector.explain = lambda images: {"embedding": ByPixels().explain(images)["embedding"][:, :size]}
    files.write_arrays(
        run.folder / "explanations.npz", {"test/embedding": detector.explain(task.images("test"))["embedding"]}
    )
    files.write_arrays(run.folder / "portrait.npz", {})
    projection.store_plane(run, detector, task)
    monkeypatch.setattr(type(run.spec), "card", dataclasses.replace(run.spec.card, maps=(2, 3)))
    projection.store_map(run)
    stored = run.arrays("projection")
    np.testing.assert_array_equal(stored["umap/train"], stored["embedding"][:, :2])
    if size == 2:
        assert "umap3/train" not in stored
    else:
        np.testing.assert_array_equal(stored["umap3/train"], stored["embedding"][:, :3])
        assert stored["umap3/test"].shape == (len(stored["test_of"]), 3)


def test_without_umap_or_with_few_images_a_sentence_says_why_there_is_no_map(monkeypatch, rng):
    assert "at least 30 training images" in str(neighbourhoods(np.zeros((29, 4)), np.zeros((2, 4)))["umap_note"])
    monkeypatch.setitem(sys.modules, "umap", None)
    assert "umap-learn" in str(neighbourhoods(rng.normal(size=(30, 4)), np.zeros((2, 4)))["umap_note"])
