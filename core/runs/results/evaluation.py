"""Scores of a task's images by a detector, thresholds by its rule, metrics, and points of curves."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core import evaluation
from core.evaluation import ThresholdRule
from core.methods.base import Arrays, Detector, Scores
from core.runs import files
from core.runs.results.detectors import load_detector
from core.runs.results.reasons import class_names
from core.runs.run import Run
from core.scenarios import Rows, Task

SPLITS = ("valid", "test")
MOST_TRAINING = 10_000


def both_splits(compute: Callable[[np.ndarray], Arrays], task: Task) -> Arrays:
    """{split/name: array} of validation and test images."""
    return {f"{split}/{name}": array for split in SPLITS for name, array in compute(task.images(split)).items()}


def judge(scores: Scores, task: Task, rule: ThresholdRule, names: list[str]) -> dict[str, Any]:
    """Thresholds by the rule, which sees no label, and metrics of the test images, for the named scores."""
    thresholds = {name: rule.threshold(scores.get(f"train/{name}"), scores[f"valid/{name}"]) for name in names}
    metrics = {
        name: evaluation.metrics(scores[f"test/{name}"], task.novel, thresholds[name], task.source) for name in names
    }
    if not task.novel.any():  # precision 0 would blame the detector for what the test set lacks
        metrics = {name: evaluation.of_normal_images(found) for name, found in metrics.items()}
    alarms = {name: evaluation.collapse(scores[f"test/{name}"]) for name in names}
    return {
        "rule": rule.to_json(),
        "thresholds": thresholds,
        "metrics": metrics,
        "alarms": {name: text for name, text in alarms.items() if text},
    }


def evaluate(detector: Detector, task: Task) -> tuple[Scores, dict[str, Any]]:
    """All scores of validation and test images, the card's of training images, and what `judge` says of them.

    Beside it the accuracy of the known classes, where the detector names them.

    Where the rule doesn't need the training scores, they are of a seeded choice of at most 10,000 images: enough to
    move the rule later, without a second pass over a large set.
    """
    names = [score.name for score in detector.card.scores]
    rule = detector.knobs.rule()
    scores = both_splits(detector.score, task)
    trained = detector.score(task.images(_some(task, None if rule.needs_training else MOST_TRAINING)))
    scores |= {f"train/{name}": trained[name] for name in names}
    verdict = judge(scores, task, rule, names)
    if detector.collapsed:  # it knows better than its scores, which may differ by rounding alone
        verdict["alarms"] = {detector.card.headline: detector.collapsed}
    normal = task.novel == 0
    if (places := detector.named(task.images("test")[normal])) is not None:
        known = class_names(task.pools[0].labels[task.train.index], task.class_names("train"))["class_names"]
        verdict["accuracy"] = evaluation.accuracy(known[places], task.class_names("test")[normal])
    return scores, verdict


def measured_again(run: Run) -> dict[str, Any]:
    """Metrics of all scores by what the run has stored: as `judge` gave them, by the intervals of today.

    Returns {score: metrics}.  Raises DamagedRun.
    """
    tested = run.arrays("test")
    names = [score.name for score in run.spec.card.scores]
    source = tested.get("source")
    return {
        name: run.metrics(name) | evaluation.metrics(run.scores(name), run.novel, run.threshold(name), source)
        for name in names
    }


def controls_again(run: Run) -> dict[str, Any]:
    """The same of the control lines, {name: metrics}, with what they say that is no metric of scores."""
    tested, stored, found = run.arrays("test"), run.arrays("controls"), dict(run.controls)
    rule = run.spec.settings.rule().held_out()
    for name in found:
        if f"test/{name}" in stored:
            threshold = rule.threshold(None, stored[f"valid/{name}"])
            found[name] |= evaluation.metrics(stored[f"test/{name}"], run.novel, threshold, tested.get("source"))
    return found


def accuracy_again(run: Run) -> dict[str, Any]:
    """Accuracy of the known classes by the run's checkpoint and the test images that it keeps, {} where it names none.

    Raises DamagedRun.
    """
    if not run.offer.labels:
        return {}
    tested = run.arrays("test")
    normal = tested["novel"] == 0
    if (places := load_detector(run).named(tested["images"][normal])) is None:
        return {}
    members, trained = run.arrays("portrait")["members"], run.arrays("train", "classes")["classes"]
    return evaluation.accuracy(class_names(members, trained)["class_names"][places], tested["classes"][normal])


def keep_measured_again(run: Run) -> None:
    """Write all this into the run, whose numbers an older version may have measured.  Raises DamagedRun."""
    again: dict[str, Any] = {"metrics": measured_again(run)}
    if told := run.accuracy or accuracy_again(run):
        again["accuracy"] = told
    files.write_json(run.folder / "run.json", run.about | again)
    if run.has("controls"):
        files.write_json(run.folder / "controls.json", controls_again(run))


def _some(task: Task, most: int | None) -> Rows:
    """The training images, or `most` of them, drawn by the split's seed."""
    if most is None or len(task.train) <= most:
        return task.train
    chosen = np.sort(np.random.default_rng(task.spec.split_seed).permutation(len(task.train))[:most])
    return Rows(task.train.pool[chosen], task.train.index[chosen])


def curves(scores: Scores, novel: np.ndarray) -> Arrays:
    """ROC and PR points of each score, `roc/<score>/fpr` and so on; no points where a kind of image is missing."""
    points: Arrays = {}
    if novel.all() or not novel.any():
        axes = ("roc/{}/fpr", "roc/{}/tpr", "roc/{}/threshold", "pr/{}/recall", "pr/{}/precision", "pr/{}/threshold")
        return {axis.format(name): np.zeros(0) for name in scores for axis in axes}
    for name, values in scores.items():
        points |= {f"roc/{name}/{axis}": array for axis, array in evaluation.roc_points(values, novel).items()}
        points |= {f"pr/{name}/{axis}": array for axis, array in evaluation.pr_points(values, novel).items()}
    return points
