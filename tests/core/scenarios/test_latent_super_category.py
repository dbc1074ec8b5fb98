"""Groups of hidden classes."""

import pytest

from core.errors import WrongRequest
from core.scenarios import build, task_spec


def test_one_group_is_normal_and_the_others_are_novel():
    task = build(task_spec("digits", "latent-super-category", "STR"))
    assert set(task.class_names("train")) == set("147")
    assert set(task.class_names("test")[task.novel == 1]) == set("0235689") and task.labels is None


def test_a_group_that_is_none_is_refused():
    with pytest.raises(WrongRequest, match="no super-category 'XYZ'"):
        task_spec("digits", "latent-super-category", "XYZ")
