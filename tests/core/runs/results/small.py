"""A small request on digits, for tests of what comes of a run."""

import numpy as np
import torch

from core.runs.spec import RunSpec, request

CPU = torch.device("cpu")


def spec(target: str = "3", seed: int = 0, scenario: str = "unimodal", **changes) -> RunSpec:
    changes = {"epochs": 1, "layers": 2, "batch_size": 64} | changes
    return request("digits", scenario, target, "rapp-ae", changes=changes, seed=seed, device="cpu")


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255.0
