"""What every method offers: a detector made of stages, scores, reasons and a state, and scikit-learn's view of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core import knobs as knobs_module
from core.errors import WrongRequest
from core.knobs import Shape
from core.methods.cards import Card
from core.scenarios import Offer
from core.training import Progress, Stage, TaskTensors, seed_everything, train
from core.training.loop import State

Scores = dict[str, np.ndarray]
Arrays = dict[str, np.ndarray]


class Detector(ABC):
    """A method's networks and settings, trained or not.

    card: the method's card.  knobs: its settings dataclass.  shape: (C, H, W) of the images it takes.
    """

    card: ClassVar[Card]
    chunk: ClassVar[int] = 1024  # images scored at a time, which bounds the memory

    def __init__(self, knobs: Any, shape: Shape) -> None:
        self.knobs = knobs
        self.shape = tuple(shape)
        self.device = torch.device("cpu")
        self.headline_alone = False  # whether nothing else is asked of it, so that statistics of other scores can wait
        self.collapsed: str | None = None  # a sentence where the training has lost what the scores are made of

    @abstractmethod
    def to(self, device: torch.device) -> "Detector":
        """Move networks and statistics; returns self."""

    @abstractmethod
    def make_stages(self, task: TaskTensors) -> list[Stage]:
        """The parts of the training, one for each record of the card, in its order."""

    def stages(self, task: TaskTensors) -> list[Stage]:
        """The parts of the training with what the card says of each."""
        stages = self.make_stages(task)
        for stage, record in zip(stages, self.card.stages, strict=True):
            stage.record = record
            stage.epochs = getattr(self.knobs, record.epochs) if record.epochs else 1
        return stages

    @abstractmethod
    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        """Scores of uint8 [B, C, H, W] on the device: name -> [B], higher = more novel."""

    @abstractmethod
    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """What the pages draw for each image: name -> [B, ...]."""

    def name_batch(self, images: Tensor) -> Tensor | None:
        """Which known class the detector takes each image for, by place among their ascending labels, int64 [B].

        None for a method that names no classes.
        """
        return None

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """What the network draws for latents, float32 [N, D]: uint8 [N, C, H, W].

        Raises WrongRequest for latents of another size, and for a method that draws no images.
        """
        raise WrongRequest(f"{self.card.title} draws no images. Choose a method that redraws them.")

    def portrait(self, task: TaskTensors) -> Arrays:
        """What the pages draw about the detector itself, computed once after training from what it may see."""
        return {}

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """What replay draws after an epoch of a stage: arrays about the probe images, uint8 [P, C, H, W]."""
        return {}

    def set_knobs(self, knobs: Any, task: Callable[[], TaskTensors]) -> None:
        """Take other after-training knobs.

        task: gives the training images where statistics must be rebuilt; may raise MissingData.
        """
        self.knobs = knobs

    def regain(self, task: TaskTensors) -> None:  # noqa: B027 - most states hold all
        """Compute again what `explain` and `portrait` take and a state doesn't keep, after `load`."""

    @abstractmethod
    def state(self) -> State:
        """Tensors and plain JSON that `load` takes up, at any moment of the training."""

    @abstractmethod
    def load(self, state: State) -> None:
        """Take up a state."""

    def score(self, images: np.ndarray | Tensor) -> Scores:
        """All scores of uint8 [N, C, H, W]: name -> float64 [N], higher = more novel.

        Raises WrongRequest for another shape.
        """
        return self._in_chunks(self.score_batch, images, np.float64)

    def explain(self, images: np.ndarray | Tensor) -> Arrays:
        """The reasons for uint8 [N, C, H, W]: name -> [N, ...]; pictures uint8, amounts float32."""
        return self._in_chunks(self.explain_batch, images, None)

    def named(self, images: np.ndarray | Tensor) -> np.ndarray | None:
        """Which known class it takes each of uint8 [N, C, H, W] for, int64 [N], or None; as `name_batch`."""

        def compute(batch: Tensor) -> dict[str, Tensor]:
            places = self.name_batch(batch)
            return {} if places is None else {"places": places}

        return self._in_chunks(compute, images, np.int64).get("places")

    def fit(self, task: TaskTensors, seed: int = 0, progress: Progress | None = None) -> "Detector":
        """Train on a task; returns self."""
        self.to(task.device)
        train(self, task, seed=seed, progress=progress)
        return self

    def _in_chunks(
        self, compute: Callable[[Tensor], dict[str, Tensor]], images: np.ndarray | Tensor, dtype: Any
    ) -> Arrays:
        images = torch.as_tensor(images)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != self.shape:
            raise WrongRequest(
                f"This detector takes 8-bit images of shape {self.shape} (channels, height, width), "
                f"not {tuple(images.shape[1:])} of type {str(images.dtype).removeprefix('torch.')}."
            )
        parts: dict[str, list[np.ndarray]] = {}
        with nullcontext() if self.card.gradients else torch.inference_mode():
            for start in range(0, max(len(images), 1), self.chunk):
                for name, values in compute(images[start : start + self.chunk].to(self.device)).items():
                    parts.setdefault(name, []).append(values.detach().cpu().numpy())
        return {name: np.concatenate(each).astype(dtype or each[0].dtype, copy=False) for name, each in parts.items()}


def build(detector: type[Detector], settings: Any, shape: Shape, seed: int) -> Detector:
    """An untrained detector with its initial weights drawn from the seed."""
    seed_everything(seed)
    return detector(settings, shape)


def from_state(
    detector: type[Detector], settings: Any, shape: Shape, state: State, device: torch.device | None = None
) -> Detector:
    """A detector with a saved state, on the device (the CPU by default)."""
    # Moved first: a state holds more than the networks, and `load` puts it where the detector is.
    restored = detector(settings, shape).to(device or torch.device("cpu"))
    restored.load(state)
    return restored


class Outlier:
    """scikit-learn's outlier interface for any method: fit(X, y), score_samples, decision_function, predict,
    fit_predict, and the parameters by which `clone` and searches copy it.

    X: uint8 [N, C, H, W].  y: int [N], the class of each image, for methods that learn from classes; the others take
    no notice.  seen: foreign images uint8 [M, C, H, W] that some methods learn from.  Signs are scikit-learn's: higher
    = more normal, predict gives +1 for normal and -1 for novel.  One image in ten is held out of the training for the
    threshold.
    """

    def __init__(self, detector: type[Detector], settings: Any = None, *, preset: str = "quick", seed: int = 0) -> None:
        self.detector, self.settings, self.preset, self.seed = detector, settings, preset, seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the constructor was given; `sklearn.base.clone` makes an unfitted copy of it."""
        return {name: getattr(self, name) for name in ("detector", "settings", "preset", "seed")}

    def set_params(self, **params: Any) -> "Outlier":
        """Change what the constructor was given; takes effect at the next fit.  Raises ValueError for other names."""
        for name, value in params.items():
            if name not in self.get_params():  # scikit-learn's error, so that its searches understand it
                raise ValueError(f"There is no parameter {name!r}. Choose from {', '.join(self.get_params())}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"Outlier({self.detector.__name__}, preset={self.preset!r}, seed={self.seed!r})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "detector_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        takes = InputTags(one_d_array=False, two_d_array=False, three_d_array=False)
        return Tags("outlier_detector", TargetTags(required=False), input_tags=takes)

    def fit(self, X: np.ndarray, y: Any = None, seen: np.ndarray | None = None) -> "Outlier":
        X = np.asarray(X)
        if X.ndim != 4 or X.dtype != np.uint8 or len(X) < 20:
            raise WrongRequest("fit takes at least 20 images as one uint8 array [N, C, H, W].")
        labels = None if y is None else np.asarray(y)
        if labels is not None and labels.shape != (len(X),):
            raise WrongRequest(f"{len(X)} images meet classes of shape {labels.shape}. Pass one class for each image.")
        order = np.random.default_rng(self.seed).permutation(len(X))
        held_out, rest = np.split(order, [max(1, len(X) // 10)])
        shape: Shape = tuple(X.shape[1:])  # type: ignore[assignment]
        card = self.detector.card
        settings = self.settings or knobs_module.preset(card.knobs, self.preset, shape)
        classes = 1 if labels is None else len(np.unique(labels[rest]))
        offer = Offer(shape, "unimodal", classes, labels is not None, seen is not None, len(rest))
        if refusal := card.refuses(settings, offer):
            raise WrongRequest(refusal)
        self.detector_ = build(self.detector, settings, shape, self.seed)
        told = None if labels is None else torch.from_numpy(np.unique(labels, return_inverse=True)[1][rest])
        foreign = None if seen is None else torch.from_numpy(np.asarray(seen))
        tensors = TaskTensors(torch.from_numpy(X[rest]), torch.from_numpy(X[held_out]), told, foreign)
        self.detector_.fit(tensors, self.seed)
        trained, held = (-self.score_samples(X[index]) for index in (rest, held_out))
        self.threshold_ = settings.rule().threshold(trained, held)
        self.offset_ = -self.threshold_
        return self

    def fit_predict(self, X: np.ndarray, y: Any = None, seen: np.ndarray | None = None) -> np.ndarray:
        """+1 for those of the training images that look normal, -1 for the others."""
        return self.fit(X, y, seen).predict(X)

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        if not self.__sklearn_is_fitted__():
            from sklearn.exceptions import NotFittedError

            raise NotFittedError("This detector has not been fitted. Call fit with normal images first.")
        return -self.detector_.score(X)[self.detector_.card.headline]

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        return self.score_samples(X) - self.offset_

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.where(self.decision_function(X) < 0, -1, 1)
