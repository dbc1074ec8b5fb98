"""Sources, what is seen, how sets are brought together, and what can't go together."""

import dataclasses
import shutil
from collections import Counter

import numpy as np
import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios import SCENARIOS, build, offer, task_spec
from core.scenarios.cross_dataset import compression
from tests.core.scenarios.tasks import digits_task, places


@pytest.fixture
def shapes(tmp_path, monkeypatch) -> None:
    """`shapes`: 60 training and 40 test images, colour, 12 x 10; `streets`: 50 training images and no test set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    rng = np.random.default_rng(1)
    train, test = rng.integers(0, 100, (60, 12, 10, 3), np.uint8), rng.integers(156, 256, (40, 12, 10, 3), np.uint8)
    names = {"class_names": np.array(["circle", "square"])}
    np.savez(
        tmp_path / "shapes.npz",
        train_images=train,
        train_labels=np.arange(60) % 2,
        test_images=test,
        test_labels=np.arange(40) % 2,
        **names,
    )
    np.savez(
        tmp_path / "streets.npz",
        train_images=train[:50],
        train_labels=np.zeros(50, int),
        class_names=np.array(["street"]),
    )


def test_sources_of_a_cross_dataset_task(shapes):
    task = digits_task("cross-dataset", anomalies="shapes, gaussian-noise,shapes", seen="uniform-noise", most=30)
    counts = Counter(task.source)
    assert set(counts) == {"normal", "novel", "shapes", "gaussian-noise", "uniform-noise"}
    assert counts["novel"] == counts["shapes"] == counts["uniform-noise"] == 30
    assert set(task.class_names("test")[task.source == "novel"]) <= set("56789")
    assert all(pool.shape == (1, 8, 8) for pool in task.pools)


def test_an_anomaly_set_gives_its_test_images_and_the_seen_set_trains_with_others(shapes):
    task = digits_task("cross-dataset", anomalies="shapes", most=30)
    anomalies = task.images("test")[task.source == "shapes"]
    assert anomalies.mean() > 150  # the bright test half
    seen = digits_task("cross-dataset", anomalies="", seen=" shapes ", most=30)
    assert len(seen.seen) == 30 and seen.images(seen.seen).mean() < 100
    assert seen.images("test")[seen.source == "shapes"].mean() > 150


@pytest.mark.parametrize("name", ["shapes", "streets", "gaussian-noise"])
def test_a_seen_set_is_never_tested_on_what_it_trains_with(shapes, name):
    task = digits_task("cross-dataset", anomalies="", seen=name, most=30)
    trained = set(zip(task.seen.pool.tolist(), task.seen.index.tolist(), strict=True))
    assert len(task.seen) >= 10 and (task.source == name).sum() >= 10
    assert not trained & places(task, "test")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"anomalies": "digits"}, "can't be its own anomaly set"),
        ({"anomalies": "cats"}, "no dataset called 'cats'"),
        ({"anomalies": "", "seen": "shapes,streets"}, "Only one dataset can be seen in training"),
        ({"seen": "digits"}, "can't be seen in training as foreign: it is the known set. .* as seen_classes"),
        ({"seen": "twin"}, "scikit-learn digits and twin hold the same images. Name one"),
        ({"anomalies": "shapes,same-shapes"}, "shapes and same-shapes hold the same images"),
        ({"seen": "shapes", "seen_classes": "9"}, "Either a set or some classes are seen in training"),
        ({"seen": "shapes", "draw_seen": 2}, "Either a set or some classes are seen in training"),
        ({"inverted": "gaussian-noise"}, "gaussian-noise can't be inverted"),
        ({"inverted": "shapes"}, "shapes can't be inverted: .* Add it there first"),
        ({"most_train": 5}, "needs at least 2 training images; too few has .* let more images train"),
        ({"anomalies": "", "novelty": "9", "seen_classes": "0"}, "0 of .* can't be known and seen"),
    ],
)
def test_sets_and_classes_that_can_t_go_together_are_refused(shapes, tmp_path, options, sentence):
    digits = data.load("digits")
    halves = {"train": digits.images[: digits.train_count, 0], "test": digits.images[digits.train_count :, 0]}
    labels = {"train": digits.labels[: digits.train_count], "test": digits.labels[digits.train_count :]}
    arrays = {f"{half}_images": images for half, images in halves.items()}
    arrays |= {f"{half}_labels": each for half, each in labels.items()}
    np.savez(tmp_path / "twin.npz", class_names=np.array(digits.classes), **arrays)
    shutil.copy(tmp_path / "shapes.npz", tmp_path / "same-shapes.npz")
    with pytest.raises(WrongRequest, match=sentence):
        digits_task("cross-dataset", **options)


def test_the_kind_of_an_image_tells_seen_from_unseen(shapes):
    task = build(task_spec("digits", "cross-dataset", "0,1", {"anomalies": "gaussian-noise", "seen": "shapes"}))
    told = dict(zip(task.source.tolist(), task.kind.tolist(), strict=True))
    assert told == {"normal": "normal", "novel": "novelty", "gaussian-noise": "anomaly", "shapes": "seen"}


def test_the_digest_covers_the_other_sets_too(shapes):
    plain = task_spec("digits", "cross-dataset", "0,1", {"anomalies": "gaussian-noise"})
    both = task_spec("digits", "cross-dataset", "0,1", {"anomalies": "gaussian-noise", "seen": "shapes"})
    assert plain.images == data.digest("digits") != both.images
    assert both.images == data.digest_of([data.digest("digits"), data.digest("shapes")])


def test_held_out_classes_may_be_seen_in_training():
    task = digits_task("cross-dataset", anomalies="gaussian-noise", seen_classes="7,5,6")
    told = dict(zip(task.source.tolist(), task.kind.tolist(), strict=True))
    assert told == {"normal": "normal", "novel": "novelty", "other classes": "seen", "gaussian-noise": "anomaly"}
    names = task.class_names("test")
    assert set(names[task.kind == "seen"]) == set("567") and set(names[task.kind == "novelty"]) == set("89")
    digits = data.load("digits")
    assert set(digits.labels[task.seen.index]) == {5, 6, 7} and not task.seen.pool.any()
    assert len(task.seen) == np.isin(digits.labels[: digits.train_count], (5, 6, 7)).sum()
    trained = set(zip(task.seen.pool.tolist(), task.seen.index.tolist(), strict=True))
    assert not trained & (places(task, "test") | places(task, "train") | places(task, "valid"))
    offered = offer(task.spec)
    assert offered.seen and offered.fewest == np.unique(task.labels, return_counts=True)[1].min()


def test_seen_classes_of_a_set_of_one_half_are_divided(grouped):
    task = build(task_spec(grouped, "cross-dataset", "red", {"anomalies": "", "seen_classes": "green"}))
    groups = task.pools[0].groups
    tested = groups[task.test.index[task.kind == "seen"]]
    assert 100 < len(tested) < 200 and 100 < len(task.seen) < 200
    assert not set(groups[task.seen.index]) & set(tested) - {-1}


def test_classes_that_are_drawn_become_the_target():
    spec = task_spec("digits", "cross-dataset", "", {"draw": 3, "draw_seen": 4}, 7)
    task = build(spec)
    assert len(spec.target) == 3 and set(task.class_names("train")) == set(spec.target)
    assert len(set(task.class_names("test")[task.kind == "seen"])) == 4
    assert task_spec("digits", "cross-dataset", spec.target, {"draw": 3, "draw_seen": 4}, 7) == spec
    with pytest.raises(WrongRequest, match="Known classes are drawn"):
        task_spec("digits", "cross-dataset", spec.target, {"draw": 3, "draw_seen": 4}, 8)
    rule = SCENARIOS["cross-dataset"]
    assert rule.draws(rule.options(draw=3)) and not rule.draws(rule.options(draw_seen=3))


def test_options_are_written_in_one_way():
    spec = task_spec("digits", "cross-dataset", "2,6", {"anomalies": " gaussian-noise ,", "seen_classes": "8, 3"})
    assert (spec.options["anomalies"], spec.options["seen_classes"]) == ("gaussian-noise", "3,8")
    named = task_spec("digits", "cross-dataset", "2,6", {"novelty": "9,0,1,3,4,5,7,8"})
    assert named == task_spec("digits", "cross-dataset", "2,6")


def test_large_sets_are_drawn_smaller_by_the_split_seed():
    whole, small = (digits_task("cross-dataset", 3, **more) for more in ({}, {"most_train": 90, "most_test": 50}))
    assert (small.counts["train"], small.counts["valid"], small.counts["normal"]) == (90, 10, 50)
    for split in ("train", "valid", "test"):
        assert places(small, split) <= places(whole, split)
    np.testing.assert_array_equal(small.labels, whole.pools[0].labels[small.train.index])


def test_a_run_of_before_the_newer_options_has_the_same_task(shapes):
    spec = task_spec("digits", "cross-dataset", "0,1", {"anomalies": "shapes,gaussian-noise", "seen": "streets"})
    older = {name: spec.options[name] for name in ("anomalies", "seen", "most")}
    task, old = build(spec), build(dataclasses.replace(spec, options=older))
    np.testing.assert_array_equal(task.images("test"), old.images("test"))
    np.testing.assert_array_equal(task.images(task.seen), old.images(old.seen))
    assert task.source.tolist() == old.source.tolist()


def test_what_was_done_to_other_sets_is_told_and_shown(shapes):
    task = digits_task("cross-dataset", anomalies="shapes,gaussian-noise", inverted="shapes", most=30)
    (brought,) = task.brought  # noise is made in the shape of the first
    assert brought.sentence == "shapes: dark and light swapped, made grey, resized from 10x12 to 8x8."
    assert brought.before.shape[1:] == (3, 12, 10) and len(brought.before) == len(brought.after) == 4
    np.testing.assert_array_equal(data.conform(255 - brought.before, (1, 8, 8)), brought.after)
    pool = task.pools[1]
    assert all((pool.images == image).all((1, 2, 3)).any() for image in brought.after)
    assert task.notes[0] == brought.sentence


def test_sets_of_another_compression_are_named(tmp_path, monkeypatch, rng):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    for name in ("cifar10_jpeg", "svhn_part", "mine"):
        images, names = rng.integers(0, 256, (20, 8, 8, 3), np.uint8), np.array(["a", "b"])
        np.savez(tmp_path / f"{name}.npz", train_images=images, train_labels=np.arange(20) % 2, class_names=names)
    assert compression("cifar10_jpeg", ["svhn_part", "gaussian-noise"]) == (
        "The pixels of CIFAR-10, JPEG-compressed went through JPEG at quality 75, those of SVHN, a part of train and "
        "gaussian noise through no compression. A detector can tell compressed pixels from others, so these look "
        "easier to tell apart than they are."
    )
    assert "The pixels of SVHN went through no compression, those of CIFAR-10 through JPEG" in compression(
        "svhn", ["cifar10"]
    )  # by what stands in for them
    assert compression("cifar10_jpeg", ["mine"]) == compression("mine", ["cifar10_jpeg"]) == ""
    assert compression("svhn_part", ["gaussian-noise"]) == ""
    task = build(task_spec("svhn_part", "cross-dataset", "a", {"anomalies": "cifar10_jpeg"}))
    assert task.note.startswith("The pixels of SVHN")
