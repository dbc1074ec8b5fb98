"""Trained detectors, loaded from their runs: to score images, and to evaluate a run again.

Loads torch only when a detector is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core import evaluation, knobs, methods
from core.errors import DamagedRun, RunFailed, WrongRequest
from core.runs import files, store
from core.runs.store import Run

if TYPE_CHECKING:
    from core.methods.base import Detector
    from core.scenarios import Task
    from core.training import TaskTensors


THRESHOLD = "Threshold"  # the group of knobs that move the threshold alone


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one run's detector says of N images.

    scores: {name: float64 [N]}, higher = more novel.  percentiles: {name: float64 [N]}, share of the held-out normal
    images that are less novel, in 0..100.  thresholds: {name: score}; marks: their percentiles.  held_out: how many
    held-out normal images there are.  explanation: what `why` draws, {name: [N, ...]}, empty where it wasn't asked for.
    """

    scores: dict[str, np.ndarray]
    percentiles: dict[str, np.ndarray]
    thresholds: dict[str, float]
    marks: dict[str, float]
    held_out: int
    explanation: dict[str, np.ndarray]

    def novel(self, score: str) -> np.ndarray:
        """Bool [N]: strictly above the threshold."""
        return self.scores[score] > self.thresholds[score]


@dataclass(frozen=True, eq=False)
class Judge:
    """A detector with the scores of its held-out normal images, which say what its scores mean.

    reference: {name: float64 [V]}, normal validation images.  thresholds: {name: score}.
    """

    detector: "Detector"
    reference: dict[str, np.ndarray]
    thresholds: dict[str, float]

    def judge(self, images: np.ndarray, names: Sequence[str] = (), explain: bool = False) -> Judgement:
        """Scores (all of the card by default), percentiles and verdicts of uint8 [N, C, H, W].

        Raises WrongRequest for another shape or a score that the method doesn't give.
        """
        for name in names:
            if name not in self.reference:
                raise WrongRequest(f"This run has no score {name!r}. Choose from {', '.join(self.reference)}.")
        names = names or list(self.reference)
        scores, at = self.detector.score(images), self.reference
        return Judgement(
            scores={name: scores[name] for name in names},
            percentiles={name: evaluation.percentile(scores[name], at[name]) for name in names},
            thresholds={name: self.thresholds[name] for name in names},
            marks={name: float(evaluation.percentile([self.thresholds[name]], at[name])[0]) for name in names},
            held_out=len(at[names[0]]),
            explanation=self.detector.explain(images) if explain else {},
        )


def load_detector(run: Run, device: str = "auto", changes: Mapping[str, Any] | None = None) -> "Detector":
    """The trained detector of a finished run, with other after-training knobs where `changes` names some.

    Needs the dataset only where a changed knob rebuilds statistics.  Raises DamagedRun where the weights are missing,
    damaged or don't fit, WrongRequest for a run that isn't finished or a knob that acts in training, MissingData, and
    RunFailed where the device's memory is full.
    """
    import torch

    from core import training
    from core.methods.base import from_state

    if run.state != store.FINISHED:
        raise WrongRequest(f"{run.id} is {run.state}; only a finished run can score images.")
    spec, shape = run.spec, run.shape
    settings = _after_training(run, changes or {})
    chosen = training.choose(device)
    state = files.read_state(run.folder / "detector.safetensors")
    try:
        detector = from_state(methods.load(spec.method), spec.settings, shape, state, chosen)
        # Weights can also fit the networks and still not each other, or hold no numbers: one grey image tells.
        scores = detector.score(np.full((1, *shape), 128, np.uint8))
        fits = all(np.isfinite(scores[score.name]).all() for score in spec.card.scores)
    except torch.OutOfMemoryError:
        raise RunFailed(f"The memory of the device {chosen} is full. Choose the device cpu.") from None
    except Exception:  # a stranger's weights can be wrong in many ways, and each means the same to a person
        fits = False
    if not fits:
        raise DamagedRun(f"The weights of the run {run.id} don't fit its settings. Train it again, or import it again.")
    if settings != spec.settings:
        detector.set_knobs(settings, lambda: _tensors(run, device))
    return detector


def load_judge(run: Run, device: str = "auto", changes: Mapping[str, Any] | None = None) -> Judge:
    """A finished run's detector with what its scores mean.  Raises as `load_detector`.

    Percentiles come from the stored validation scores; changed knobs that move the scores themselves need the dataset.
    """
    detector = load_detector(run, device, changes)
    card, asked, trained = run.spec.card, detector.knobs, run.spec.settings
    names = [score.name for score in card.scores]
    moved = {each.name: each.group for each in knobs.knobs_of(card.knobs) if _differs(asked, trained, each.name)}
    if any(group != THRESHOLD for group in moved.values()):
        reference, fitted = _rescored(run, detector)
    else:
        reference = {name: run.held_out_scores(name) for name in names}
        stored = {name: run.training_scores(name) for name in names}
        fitted = {name: scores for name, scores in stored.items() if scores is not None}
    if moved:
        thresholds = {name: asked.rule().threshold(fitted.get(name), reference[name]) for name in names}
    else:
        thresholds = {name: run.threshold(name) for name in names}
    return Judge(detector, {name: reference[name] for name in names}, thresholds)


def score_images(
    run: Run,
    images: np.ndarray,
    scores: Sequence[str] = (),
    device: str = "auto",
    changes: Mapping[str, Any] | None = None,
) -> Judgement:
    """Scores, percentiles and verdicts of uint8 [N, C, H, W].  Raises as `load_detector` and `Judge.judge`."""
    return load_judge(run, device, changes).judge(images, scores)


def evaluate(run: Run, device: str = "auto", changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Thresholds, metrics and alarms of all scores, recomputed from the checkpoint and the dataset.

    Keys and values as in run.json.  Raises as `load_detector`, and MissingData.
    """
    from core import scenarios
    from core.runs.results.evaluation import evaluate as evaluated

    detector = load_detector(run, device, changes)
    task = scenarios.build(run.spec.task)
    require_same_images(run, task)
    return evaluated(detector, task)[1]


def nearest_training(run: Run, image: np.ndarray, count: int = 5) -> dict[str, np.ndarray]:
    """The images of the run's bank that are nearest to uint8 [C, H, W] in pixels, nearest first.

    Returns images uint8 [count, C, H, W]; classes [count]; distances float32 [count], Euclidean with values in 0..1;
    searched and of: how many training images were searched, and of how many.  Raises DamagedRun.
    """
    stored = run.arrays("neighbours", "bank", "classes", "of")
    bank = stored["bank"]
    if bank.shape[1:] != image.shape:
        raise DamagedRun(f"neighbours.npz of the run {run.id} is of another shape. Train it again, or import it again.")
    rows = bank.reshape(len(bank), -1).astype(np.float32) / 255
    distances = np.linalg.norm(rows - image.reshape(1, -1).astype(np.float32) / 255, axis=1)
    places = np.argsort(distances, kind="stable")[:count]
    return {
        "images": bank[places],
        "classes": stored["classes"][places],
        "distances": distances[places],
        "searched": np.array(len(bank)),
        "of": stored["of"],
    }


def nearest_in_embedding(run: Run, code: np.ndarray, count: int = 5) -> dict[str, np.ndarray]:
    """The training images whose embedding is nearest to an image's, float [D], nearest first.

    For runs with a `projection`, which keep the embedding of up to 3,000 training images; `code` is the image's row of
    `explain`'s "embedding".  Returns as `nearest_training`, distances in units of the embedding.  Raises DamagedRun.
    """
    shown = run.arrays("projection", "embedding", "train_of")
    stored = run.arrays("neighbours", "bank", "classes", "bank_of", "of")
    if shown["embedding"].shape[1:] != code.shape:
        raise DamagedRun(f"projection.npz of the run {run.id} is of another size. Train it again, or import it again.")
    distances = np.linalg.norm(shown["embedding"].astype(np.float32) - code, axis=1)
    near = np.argsort(distances, kind="stable")[:count]
    # The bank and the embedded training images are the first of one seeded order, and the bank is the longer.
    places = np.searchsorted(stored["bank_of"], shown["train_of"][near])
    return {
        "images": stored["bank"][places],
        "classes": stored["classes"][places],
        "distances": distances[near],
        "searched": np.array(len(distances)),
        "of": stored["of"],
    }


def _after_training(run: Run, changes: Mapping[str, Any]) -> Any:
    """The run's settings with other after-training knobs.  Raises WrongRequest."""
    spec = run.spec
    settings = knobs.changed(spec.settings, changes)
    acting = {each.name: each.after for each in knobs.knobs_of(spec.card.knobs)}
    for name in changes:
        if not acting[name] and getattr(settings, name) != getattr(spec.settings, name):
            allowed = ", ".join(each for each, after in acting.items() if after)
            raise WrongRequest(f"{name} acts in training, so {run.id} can't change it now. Choose from {allowed}.")
    if settings != spec.settings:
        refusal = spec.card.refuses(settings, run.offer)
        if refusal:
            raise WrongRequest(refusal)
    return settings


def _tensors(run: Run, device: str) -> "TaskTensors":
    from core import scenarios, training

    return training.on_device(scenarios.build(run.spec.task), training.choose(device))


def _rescored(run: Run, detector: "Detector") -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Scores of the validation images, computed anew, and those of the training images where the rule needs them.

    Raises MissingData, and WrongRequest where the images are others now.
    """
    from core import scenarios

    task = scenarios.build(run.spec.task)
    require_same_images(run, task)
    needed = detector.knobs.rule().needs_training
    return detector.score(task.images("valid")), detector.score(task.images("train")) if needed else {}


def require_same_images(run: Run, task: "Task") -> None:
    """Raise WrongRequest where a run that is older than its digest was tested on other images than the task holds."""
    if run.spec.images:
        return  # building the task has compared the digests
    if not np.array_equal(run.arrays("test", "images")["images"], task.images("test")):
        raise WrongRequest(
            f"The images of {run.spec.dataset} have changed since {run.id} was trained, so its numbers can't be "
            "computed again. Put the old images back, or train anew."
        )


def _differs(one: Any, other: Any, name: str) -> bool:
    return getattr(one, name) != getattr(other, name)
