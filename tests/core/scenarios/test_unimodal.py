"""Sizes of the published split."""

import pytest

from core.scenarios import build, task_spec

UNIMODAL = {0: (4141, 1380, 1382), 1: (4726, 1575, 1576), 5: (3787, 1262, 1264), 9: (4174, 1391, 1393)}


@pytest.mark.parametrize("c", UNIMODAL)
def test_sizes_of_unimodal_mnist(mnist, c):
    train, valid, normal = UNIMODAL[c]
    task = build(task_spec("mnist", "unimodal", str(c)))
    assert task.counts == {"train": train, "valid": valid, "normal": normal, "novel": normal}
    assert len(set(task.class_names("test")[task.novel == 1])) == 9
    every = build(task_spec("mnist", "unimodal", str(c), {"balanced": "no"}))
    assert every.counts["novel"] == 70_000 - train - valid - normal
