"""What may be asked for, what a scenario says of itself, what a task offers."""

import os
from dataclasses import replace

import numpy as np
import pytest

from core.errors import NoveltyError, WrongRequest
from core.scenarios import SCENARIOS, build, changed, offer, sets_read, task_spec


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("cats", "unimodal", "3"), "There is no dataset called 'cats'"),
        (("digits", "sideways", "3"), "There is no scenario 'sideways'. Choose from multimodal, unimodal"),
        (("digits", "unimodal", "10"), "no class '10'. Choose from 0, 1, 2"),
        (("digits", "unimodal", "-1"), "no class '-1'"),
        (("digits", "unimodal", ""), "takes exactly one class of .*, not 0"),
        (("digits", "multimodal", "1,2"), "takes exactly one class of .*, not 2"),
        (("digits", "several-normal", []), "Choose at least one class"),
        (("digits", "several-normal", "0,1,2,3,4,5,6,7,8,9"), "If all 10 classes .* none is left to be novel"),
        (("digits", "latent-super-category", "ABC"), "no super-category 'ABC'. Choose one of"),
        (("digits", "unimodal", "3", {"splitt": "official"}), "no setting 'splitt' here. Choose from split, balanced"),
        (("digits", "unimodal", "3", {"split": "other"}), "split can't be other. Choose from pooled, official"),
        (("digits", "multimodal", "3", {"novelty_share": 0.95}), "novelty_share can't be 0.95"),
        (("digits", "contaminated", "3", {"rate": 0.6}), "rate can't be 0.6. Choose a number from 0 to 0.5"),
        (("digits", "unimodal", "3", {}, -1), "The split seed can't be -1"),
        (("tiny-imagenet", "latent-super-category", "ANML"), "isn't on this machine"),
        (("tiny-imagenet", "unimodal", "bee"), "isn't on this machine"),
    ],
)
def test_a_choice_that_no_task_can_have_is_refused(asked, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with pytest.raises(NoveltyError, match=sentence):
        task_spec(*asked)


def test_a_task_without_novel_images_is_refused():
    with pytest.raises(WrongRequest, match="leaves 0 novel images. Choose other classes."):
        build(task_spec("digits", "cross-dataset", "0,1,2,3,4,5,6,7,8,9", {"anomalies": ""}))


def test_classes_go_by_name_or_number_in_any_order(grouped):
    assert task_spec(grouped, "several-normal", "2,red").target == ("red", "blue")
    assert task_spec(grouped, "several-normal", ["blue", 0, "red"]).target == ("red", "blue")
    by_name, by_number = task_spec(grouped, "unimodal", "green"), task_spec(grouped, "unimodal", ["1"])
    assert by_name == by_number and by_name.hash == by_number.hash


@pytest.mark.parametrize(
    ("kind", "target", "count"),
    [("multimodal", "3", 9), ("unimodal", "3", 1), ("several-normal", "1,2,3", 3), ("latent-super-category", "CUR", 3)],
)
def test_how_many_classes_are_normal(kind, target, count):
    assert offer(task_spec("digits", kind, target)).classes == count


def test_an_offer_says_what_a_method_may_have_before_a_run_exists():
    offered = offer(task_spec("digits", "cross-dataset", "0,1,2"))
    assert (offered.shape, offered.kind, offered.labels, offered.seen) == ((1, 8, 8), "cross-dataset", True, False)
    assert offered.train == len(build(task_spec("digits", "cross-dataset", "0,1,2")).train)
    assert offered.fewest == 127  # of the class 2
    unlabelled = offer(task_spec("digits", "multimodal", "3"))
    assert not unlabelled.labels and unlabelled.fewest is None


def test_a_scenario_says_its_own_title_words_and_pictogram():
    assert SCENARIOS["multimodal"].in_words(("3",)) == "all but 3"
    assert SCENARIOS["several-normal"].in_words(("0", "1")) == "0, 1"
    assert SCENARIOS["several-normal"].in_words(tuple("01234567")) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert SCENARIOS["several-normal"].in_words(tuple("012345678")) == "0, 1, 2 and 6 more"
    for rule in SCENARIOS.values():
        assert rule.idea[0] == "n" and set(rule.idea) <= set("nxa|") and "|" in rule.idea and rule.asks


def test_images_that_have_changed_under_their_name_are_refused(tmp_path, monkeypatch, rng):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))

    def write() -> None:
        images, labels = rng.integers(0, 256, (60, 8, 8), np.uint8), np.repeat([0, 1], 30)
        names = np.array(["a", "b"])
        np.savez(tmp_path / "mine.npz", train_images=images, train_labels=labels, class_names=names)

    write()
    spec = task_spec("mine", "unimodal", "a")
    assert build(spec).counts["train"] == 18 and not changed(spec) and not changed(spec, quickly=True)
    both = task_spec("digits", "cross-dataset", "0,1", {"anomalies": "mine"})
    assert sets_read(both) == ("digits", "mine") and not changed(both, quickly=True)
    write()
    os.utime(tmp_path / "mine.npz", ns=(1, 1))  # another time stamp, whatever the clock's resolution
    again = task_spec("mine", "unimodal", "a")
    assert again.images != spec.images and again.hash != spec.hash and changed(spec)
    assert changed(spec, quickly=True) and changed(both, quickly=True) and not changed(again, quickly=True)
    assert not changed(replace(spec, images=""), quickly=True)
    with pytest.raises(WrongRequest, match="have changed since this task was made"):
        build(spec)
    (tmp_path / "mine.npz").unlink()
    assert not changed(spec, quickly=True) and not changed(both, quickly=True)
    with pytest.raises(WrongRequest, match="no dataset called 'mine'"):
        build(spec)
