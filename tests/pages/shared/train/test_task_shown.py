"""What the Train page shows of a task."""

import numpy as np

from tests.pages.words import words

QUICK = {"dataset": "digits", "scenario": "cross-dataset", "target": ["2", "6"], "method": "rapp-ae"}


def test_every_kind_has_a_row_of_its_own(own_store, open_page):
    app = open_page("train", **QUICK | {"option": ["anomalies=uniform-noise", "seen_classes=3", "most=30"]})
    alts = [image.proto.imgs[0].alt for image in app.get("image")]
    assert alts == [
        "Normal images of the classes 2, 6",
        "Novelty images of the classes 0, 4, 7, 9",
        "Seen in training images of the classes 3",
        "Anomaly images of the classes uniform-noise",
    ]
    for told in ("**Novelty**, 30: ", "**Seen in training**, other classes, 30: 3", "**Anomaly**, uniform noise, 30"):
        assert any(line.startswith(told) for line in words(app).splitlines()), told
    assert "may learn from **30** foreign ones as such" in words(app)


def test_one_kind_of_novel_images_is_simply_novel(own_store, open_page):
    app = open_page("train", **QUICK | {"scenario": "several-normal"})
    assert "**Novel**: 0, 1, 3, 4, 5, 7, 8, 9" in words(app) and "may learn" not in words(app)


def test_of_many_classes_the_first_are_named(own_store, open_page, tmp_path):
    (tmp_path / "data").mkdir()
    labels = np.repeat(np.arange(40), 8)
    images, names = np.zeros((320, 8, 8), np.uint8), np.array([f"c{number}" for number in range(40)])
    np.savez(tmp_path / "data/many.npz", train_images=images, train_labels=labels, class_names=names)
    app = open_page("train", **QUICK | {"dataset": "many", "target": ["c3", "c5"]})
    assert "c0, c1, c10, c11" in words(app) and " and 14 more" in words(app)
