"""What the classical methods have in common: features, a fit in a single step, arrays for a state, shared pictures."""

from abc import abstractmethod
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.algorithms.neighbours import PrincipalComponents, rows_of
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.training import Stage, TaskTensors
from core.training.loop import State
from core.training.stages import DetectorStage

GALLERY = 8  # training images of a portrait, most and least usual


class Fit(DetectorStage):
    """The single step."""

    def epoch(self, number: int) -> dict[str, float]:
        self.progress.step(len(self.task.train))
        self.detector.take(self.task.train)
        return {"images": float(self.detector.used)}


class Baseline(Detector):
    """Features of images, and arrays that were fitted to them.

    components: the axes of the features, None where they are pixels.  fitted: what `learn` returned.
    used: training images that were fitted.  notes: sentences about how.
    """

    def __init__(self, knobs: Any, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.components: PrincipalComponents | None = None
        self.fitted: State = {}
        self.used = 0
        self.notes: list[str] = []

    @abstractmethod
    def learn(self, images: Tensor) -> State:
        """What the scores need, from the training images uint8 [n, C, H, W]: tensors and numbers."""

    @abstractmethod
    def ready(self) -> None:
        """Make of `fitted` what scores; also after a load."""

    def to(self, device: torch.device) -> "Baseline":
        self.device = device
        self.load(self.state())
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Fit(self)]

    def take(self, images: Tensor) -> None:
        """Learn from the training images."""
        self.notes, self.collapsed, self.used = [], None, len(images)
        if getattr(self.knobs, "features", "pixels") == "pca":
            self.components = PrincipalComponents.of(rows_of(images)).first(self.knobs.components)
        self.fitted = self.learn(images)
        self.load(self.state())

    def rows(self, images: Tensor) -> Tensor:
        """The features of uint8 images, float32 [N, D]."""
        rows = rows_of(images)
        return rows if self.components is None else self.components.project(rows)

    def draw(self, images: Tensor) -> Tensor:
        """Places of at most `most` training images, rising, the same for every seed; a note says of how many."""
        most = self.knobs.most
        self.used = min(len(images), most)
        if self.used == len(images):
            return torch.arange(len(images), device=images.device)
        self.notes.append(f"Fitted to {most:,} of {len(images):,} training images, drawn, as the setting most asks.")
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        return order[:most].sort().values.to(images.device)

    def portrait(self, task: TaskTensors) -> Arrays:
        """sentence: how it was fitted, or empty.  used: training images fitted.  mean_image: [C, H, W]."""
        mean = rows_of(task.train).mean(0).reshape(self.shape)
        return {
            "sentence": np.array(" ".join(self.notes)),
            "used": np.array(self.used),
            "mean_image": mean.cpu().numpy(),
            **{name: array.cpu().numpy() for name, array in self.pictures().items()},
        }

    def pictures(self) -> dict[str, Tensor]:
        """What the portrait holds beside that."""
        return {}

    def state(self) -> State:
        components = {} if self.components is None else record(self.components)
        about = {"collapsed": self.collapsed, "used": self.used, "notes": list(self.notes)}
        return {"components": components, "fitted": self.fitted, **about}

    def load(self, state: State) -> None:
        state = moved(state, self.device)
        self.components = PrincipalComponents(**state["components"]) if state["components"] else None
        self.fitted, self.collapsed = state["fitted"], state["collapsed"]
        self.used, self.notes = state["used"], state["notes"]
        if self.fitted:
            self.ready()


def record(fitted: Any) -> State:
    """The fields of a dataclass of tensors and numbers."""
    return {each.name: getattr(fitted, each.name) for each in fields(fitted)}


def moved(state: Any, device: torch.device) -> Any:
    """A copy of the state with its tensors on the device.

    Also where they are there already: sums come out the same only where memory is laid out the same, as after a load.
    """
    if isinstance(state, dict):
        return {name: moved(each, device) for name, each in state.items()}
    return state.to(device, copy=True) if isinstance(state, Tensor) else state


def side_by_side(pictures: Tensor) -> Tensor:
    """uint8 [B, k, C, H, W] -> [B, C, H, k W]: the pictures of a row in one."""
    return pictures.permute(0, 2, 3, 1, 4).flatten(3)


def gallery(usual: Tensor, pictures: Tensor) -> dict[str, Tensor]:
    """The most and the least usual training images by a number that is high where one is novel.

    usual: [M].  pictures: uint8 [M, C, H, W].  Returns usual_images and unusual_images, the extreme one first.
    """
    order = usual.argsort(stable=True)
    return {"usual_images": pictures[order[:GALLERY]], "unusual_images": pictures[order.flip(0)[:GALLERY]]}
