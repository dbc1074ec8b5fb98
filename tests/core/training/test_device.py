"""Device, seeding, and what of a task a method may see."""

import random

import numpy as np
import pytest
import torch

from core import scenarios
from core.errors import WrongRequest
from core.training import choose, on_device, seed_everything


def draws() -> tuple:
    return random.random(), float(np.random.random()), *torch.randn(3).tolist(), *np.random.default_rng().random(0)


def test_seeding_depends_on_every_number_of_the_key_and_not_on_the_past():
    keys = [(0,), (1,), (0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 1), (0, 1, 2), (2**40, 1, 1)]
    seen = []
    for key in keys:
        seed_everything(*key)
        first = draws()
        seed_everything(*key)
        assert draws() == first
        seen.append(first)
    assert all(len({values[i] for values in seen}) == len(keys) for i in range(5))


def test_devices_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose("cpu").type == choose("auto").type == "cpu"
    with pytest.raises(WrongRequest, match="no CUDA GPU that torch can use. Choose the device cpu or auto"):
        choose("cuda")
    with pytest.raises(WrongRequest, match="no device 'tpu'. Choose from auto, cpu, cuda"):
        choose("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose("auto").type == choose("cuda").type == "cuda"
    assert not torch.backends.cudnn.allow_tf32


def test_a_method_sees_training_and_validation_images_and_no_test_image():
    task = scenarios.build(scenarios.task_spec("digits", "several-normal", "0,1"))
    tensors = on_device(task, torch.device("cpu"))
    np.testing.assert_array_equal(tensors.train.numpy(), task.images("train"))
    np.testing.assert_array_equal(tensors.valid.numpy(), task.images("valid"))
    np.testing.assert_array_equal(tensors.labels.numpy(), task.labels)
    assert tensors.seen is None and tensors.shape == (1, 8, 8) and tensors.device.type == "cpu"
    assert vars(tensors).keys() == {"train", "valid", "labels", "seen"}
    unlabelled = on_device(scenarios.build(scenarios.task_spec("digits", "unimodal", "3")), torch.device("cpu"))
    assert unlabelled.labels is None


def test_seen_foreign_images_come_along():
    options = {"anomalies": "uniform-noise", "seen": "gaussian-noise", "most": 20}
    task = scenarios.build(scenarios.task_spec("digits", "cross-dataset", "0,1", options))
    seen = on_device(task, torch.device("cpu")).seen
    assert seen.shape == (20, 1, 8, 8) and seen.dtype == torch.uint8
    np.testing.assert_array_equal(seen.numpy(), task.images(task.seen))
