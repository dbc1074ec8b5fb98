"""What one training leaves for the next in the same process."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import scenarios
from core.errors import WrongRequest
from core.runs.process import task_cache

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(task_cache, "_last", {})


def test_the_next_run_of_a_task_finds_it_loaded(monkeypatch):
    three, four = (scenarios.task_spec("digits", "unimodal", each) for each in "34")
    task, tensors = task_cache.loaded(three, CPU)
    np.testing.assert_array_equal(tensors.train.numpy(), scenarios.build(three).images("train"))
    assert task_cache.loaded(three, CPU) == (task, tensors)
    other, _ = task_cache.loaded(four, CPU)
    assert other.spec == four and len(task_cache._last) == 1
    assert task_cache.loaded(three, CPU)[0] is not task


def test_changed_images_are_never_those_that_were_kept(monkeypatch):
    spec = scenarios.task_spec("digits", "unimodal", "3")
    task_cache.loaded(spec, CPU)
    monkeypatch.setattr("core.data.digest", lambda name: "another")
    with pytest.raises(WrongRequest, match="have changed"):
        task_cache.loaded(spec, CPU)


def test_a_task_whose_images_nobody_knows_is_built_each_time():
    spec = replace(scenarios.task_spec("digits", "unimodal", "3"), images="")
    assert task_cache.loaded(spec, CPU)[0] is not task_cache.loaded(spec, CPU)[0]


def test_threads_are_those_of_before_the_first_training():
    before = task_cache.default_threads()
    now = torch.get_num_threads()
    try:
        torch.set_num_threads(now + 1)
        assert task_cache.default_threads() == before
    finally:
        torch.set_num_threads(now)
