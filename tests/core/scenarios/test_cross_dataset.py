"""Sources, and what a seen set is tested on."""

from collections import Counter

import numpy as np
import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios import build, task_spec
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
    ],
)
def test_an_anomaly_set_that_can_t_be_is_refused(shapes, options, sentence):
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
