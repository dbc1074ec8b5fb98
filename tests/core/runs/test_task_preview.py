import pytest

from core import data, scenarios
from core.errors import MissingData
from core.runs import task_preview


def test_the_preview_counts_the_task_and_shows_each_kind_spread_over_its_classes():
    spec = scenarios.task_spec("digits", "unimodal", "4")
    seen, task = task_preview.preview(spec, most=9), scenarios.build(spec)
    normal, novel = seen.samples
    assert seen.counts == task.counts and (normal.count, novel.count) == (task.counts["normal"], task.counts["novel"])
    assert (normal.role, normal.names, novel.role) == ("normal", ("4",) * 9, "novelty")
    assert set(novel.names) == set("012356789")
    tested = {image.tobytes(): novel for image, novel in zip(task.images("test"), task.novel, strict=True)}
    assert [tested[image.tobytes()] for image in normal.images] == [0] * 9
    assert [tested[image.tobytes()] for image in novel.images] == [1] * 9


def test_every_kind_of_foreign_images_has_its_own_sample():
    options = {"anomalies": "gaussian-noise", "seen_classes": "5,6"}
    seen = task_preview.preview(scenarios.task_spec("digits", "cross-dataset", "0,1", options), most=4)
    assert [(each.role, each.title) for each in seen.samples] == [
        *(("normal", "normal"), ("novelty", "novel"), ("seen", "other classes"), ("anomaly", "gaussian noise"))
    ]
    assert seen.samples[2].names == ("5", "5", "6", "6")
    assert seen.samples[1].classes == tuple("234789") and len(seen.samples[1].images) == 4
    assert seen.seen == len(scenarios.build(scenarios.task_spec("digits", "cross-dataset", "0,1", options)).seen)
    assert not seen.brought and seen.note == data.entry("digits").note


def test_a_preview_of_absent_images_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with pytest.raises(MissingData, match="isn't on this machine"):
        task_preview.preview(scenarios.task_spec("mnist", "multimodal", "3"))


def test_each_class_shows_an_image_of_its_own():
    digits, images = data.load("digits"), task_preview.class_images("digits")
    assert images.shape == (10, 1, 8, 8)
    for label, image in enumerate(images):
        assert (digits.images[digits.labels == label] == image).all((1, 2, 3)).any()
