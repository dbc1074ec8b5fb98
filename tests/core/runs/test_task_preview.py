import pytest

from core import data, scenarios
from core.errors import MissingData
from core.runs import task_preview


def test_the_preview_counts_the_task_and_shows_each_kind_spread_over_its_classes():
    spec = scenarios.task_spec("digits", "unimodal", "4")
    seen, task = task_preview.preview(spec, most=9), scenarios.build(spec)
    assert seen.counts == task.counts
    assert seen.normal_names == ("4",) * 9
    assert set(seen.novel_names) == set("012356789")
    tested = {image.tobytes(): novel for image, novel in zip(task.images("test"), task.novel, strict=True)}
    assert [tested[image.tobytes()] for image in seen.normal] == [0] * 9
    assert [tested[image.tobytes()] for image in seen.novel] == [1] * 9


def test_anomaly_sets_come_before_a_second_image_of_a_class():
    seen = task_preview.preview(scenarios.task_spec("digits", "cross-dataset", "0,1"), most=6)
    assert sorted(seen.novel_names) == ["2", "3", "gaussian-noise", "gaussian-noise", "uniform-noise", "uniform-noise"]


def test_a_preview_of_absent_images_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with pytest.raises(MissingData, match="isn't on this machine"):
        task_preview.preview(scenarios.task_spec("mnist", "multimodal", "3"))


def test_each_class_shows_an_image_of_its_own():
    digits, images = data.load("digits"), task_preview.class_images("digits")
    assert images.shape == (10, 1, 8, 8)
    for label, image in enumerate(images):
        assert (digits.images[digits.labels == label] == image).all((1, 2, 3)).any()
