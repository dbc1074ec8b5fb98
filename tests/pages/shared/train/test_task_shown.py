"""What the Train page shows of a task."""

from tests.pages.words import words

QUICK = {"dataset": "digits", "scenario": "cross-dataset", "target": ["2", "6"], "method": "rapp-ae"}


def test_every_kind_has_a_row_of_its_own(own_store, open_page):
    app = open_page("train", **QUICK | {"option": ["anomalies=uniform-noise", "seen_classes=3", "most=30"]})
    alts = [image.proto.imgs[0].alt for image in app.get("image")]
    assert alts == [
        "Normal images of the classes 2, 6",
        "Novelty images of the classes 0, 1, 4, 5, 7, 8, 9",
        "Seen in training images of the classes 3, other classes",
        "Anomaly images of the classes uniform-noise, uniform noise",
    ]
    assert "may learn from **30** foreign ones as such" in words(app)


def test_one_kind_of_novel_images_is_simply_novel(own_store, open_page):
    app = open_page("train", **QUICK | {"scenario": "several-normal"})
    assert "**Novel**: 0, 1, 3, 4, 5, 7, 8, 9" in words(app) and "may learn" not in words(app)
