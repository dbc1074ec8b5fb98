"""Groups of hidden classes."""

import numpy as np
import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios import build, offer, task_spec


def test_one_group_is_normal_and_the_others_are_novel():
    task = build(task_spec("digits", "latent-super-category", "STR"))
    assert set(task.class_names("train")) == set("147")
    assert set(task.class_names("test")[task.novel == 1]) == set("0235689") and task.labels is None


def test_a_group_that_is_none_is_refused():
    with pytest.raises(WrongRequest, match="no super-category 'XYZ'"):
        task_spec("digits", "latent-super-category", "XYZ")


@pytest.mark.parametrize(
    ("group", "train", "normal", "novel"),
    [("CUR", 17_905, 2_964, 7_036), ("STR", 18_849, 3_145, 6_855), ("MIX", 23_246, 3_891, 6_109)],
)
def test_sizes_of_the_published_tasks_on_mnist(mnist, group, train, normal, novel):
    counts = build(task_spec("mnist", "latent-super-category", group)).counts
    assert (counts["train"] + counts["valid"], counts["normal"], counts["novel"]) == (train, normal, novel)
    assert counts["train"] == int(0.9 * train)


def test_own_groups_make_the_task_and_classes_in_none_take_no_part():
    task = build(task_spec("digits", "latent-super-category", "low", {"groups": "low: 0, 1, 2; high: 8, 9"}))
    assert set(task.class_names("train")) == set(task.class_names("valid")) == set("012")
    assert set(task.class_names("test")[task.novel == 0]) == set("012")
    assert set(task.class_names("test")[task.novel == 1]) == set("89")
    digits = data.load("digits")
    assert task.counts["novel"] == int(np.isin(digits.labels[digits.is_test], (8, 9)).sum())
    assert offer(task.spec).classes == 3 and task.labels is None


def test_own_groups_are_part_of_what_names_a_task():
    kind, text = "latent-super-category", "low: 0, 1, 2; high: 8, 9"
    spec = task_spec("digits", kind, "low", {"groups": text})
    assert spec.options["groups"] == text
    assert task_spec("digits", kind, "low", {"groups": "high: 9, 8; low: 2, 1, 0"}).hash == spec.hash
    others = [
        task_spec("digits", kind, "low", {"groups": "low: 0, 1, 2; high: 7, 9"}),
        task_spec("digits", kind, "high", {"groups": text}),
        task_spec("digits", kind, "STR"),
    ]
    assert len({spec.hash, *(each.hash for each in others)}) == 4
    written_out = {"groups": "STR: 1, 4, 7; CUR: 0, 3, 8; MIX: 2, 5, 6, 9"}
    assert task_spec("digits", kind, "STR", written_out) == task_spec("digits", kind, "STR")


def test_a_set_without_groups_takes_a_person_s(grouped):
    options = {"groups": "warm: red, green; cold: blue", "split": "pooled"}
    task = build(task_spec(grouped, "latent-super-category", "warm", options))
    assert task.counts["novel"] == 100
    with pytest.raises(WrongRequest, match="has no super-categories. Make groups of your own"):
        task_spec(grouped, "latent-super-category", "warm")
