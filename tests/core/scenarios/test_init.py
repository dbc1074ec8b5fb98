"""What must hold for every task of every kind."""

import numpy as np
import pytest

from core import data
from core.scenarios import SCENARIOS, build, task_spec
from tests.core.scenarios.tasks import KINDS, digits_task, places

NORMAL = {  # of the digits that `digits_task` chooses
    "multimodal": "012456789",
    "unimodal": "3",
    "several-normal": "013",
    "latent-super-category": "038",
    "contaminated": "3",
    "cross-dataset": "01234",
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_image_is_on_two_sides(kind):
    task = digits_task(kind)
    train, valid, test = (places(task, split) for split in ("train", "valid", "test"))
    assert [len(train), len(valid), len(test)] == [len(task.train), len(task.valid), len(task.test)]  # none twice
    assert not train & valid and not train & test and not valid & test


@pytest.mark.parametrize("kind", KINDS)
def test_the_split_seed_alone_decides(kind):
    first, again, other = (digits_task(kind, seed) for seed in (4, 4, 5))
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(first.rows(split).index, again.rows(split).index)
        np.testing.assert_array_equal(first.images(split), again.images(split))
    np.testing.assert_array_equal(first.source, again.source)
    assert first.spec.hash == again.spec.hash != other.spec.hash
    assert places(first, "train") != places(other, "train")
    assert {name: first.counts[name] for name in ("train", "valid")} == {
        name: other.counts[name] for name in ("train", "valid")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_novelty_labels_follow_the_hidden_classes(kind):
    task, entry, rule = digits_task(kind), data.entry("digits"), SCENARIOS[kind]
    normal = set(rule.normal(entry, task.spec.target, rule.options(**task.spec.options)))
    if kind in NORMAL:
        assert normal == set(NORMAL[kind])
    here = np.isin(task.class_names("test"), list(normal)) & (task.test.pool == 0)
    np.testing.assert_array_equal(task.novel, 1 - here)
    np.testing.assert_array_equal(task.novel == 0, task.source == "normal")
    assert task.novel.dtype == np.uint8 and task.images("test").shape == (len(task.test), *task.shape)
    if kind != "contaminated":
        assert set(task.class_names("train")) | set(task.class_names("valid")) == normal
    assert (task.labels is not None) == SCENARIOS[kind].labels
    if task.labels is not None:
        np.testing.assert_array_equal(np.array(entry.classes)[task.labels], task.class_names("train"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_group_stays_on_one_side(grouped, kind, seed):
    targets = {"several-normal": "red,green", "cross-dataset": "red,green", "latent-super-category": "warm"}
    target, options = targets.get(kind, "blue"), {}
    if kind in ("unimodal", "several-normal", "latent-super-category"):
        options["split"] = "pooled"
    if kind == "latent-super-category":
        options["groups"] = "warm: red, green; cold: blue"
    task = build(task_spec(grouped, kind, target, options, seed))
    groups = task.pools[0].groups
    sides = [
        set(groups[task.rows(split).index[task.rows(split).pool == 0]]) - {-1} for split in ("train", "valid", "test")
    ]
    assert all(sides)
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
