"""What a run stores so that its pages open without its dataset and without torch.

Scores, reasons, curves, neighbours, controls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from core import evaluation, methods
from core.algorithms.neighbours import PrincipalComponents, nearest
from core.methods.base import Arrays, Detector, Scores, build
from core.runs import files
from core.runs.store import CONTROLS, Run, root
from core.scenarios import Task
from core.training import Progress, TaskTensors, seed_everything

BANK = 5000  # training images that a run keeps for its nearest-neighbour pictures
PROBE = 500  # images that replay follows
SPLITS = ("valid", "test")


def both_splits(compute: Callable[[np.ndarray], Arrays], task: Task) -> Arrays:
    """{split/name: array} of validation and test images."""
    return {f"{split}/{name}": array for split in SPLITS for name, array in compute(task.images(split)).items()}


def judge(scores: Scores, task: Task, normal_share: float, names: list[str]) -> dict[str, Any]:
    """Thresholds from normal validation images, and metrics of the test images, for the named scores."""
    normal = np.ones(len(task.valid), bool) if task.valid_novel is None else task.valid_novel == 0
    thresholds = {name: evaluation.default_threshold(scores[f"valid/{name}"][normal], normal_share) for name in names}
    metrics = {
        name: evaluation.metrics(scores[f"test/{name}"], task.novel, thresholds[name], task.source) for name in names
    }
    alarms = {name: evaluation.collapse(scores[f"test/{name}"]) for name in names}
    return {
        "thresholds": thresholds,
        "metrics": metrics,
        "alarms": {name: text for name, text in alarms.items() if text},
    }


def evaluate(detector: Detector, task: Task) -> tuple[Scores, dict[str, Any]]:
    """All scores of validation and test images, and what `judge` says of the card's scores."""
    scores = both_splits(detector.score, task)
    names = [score.name for score in detector.card.scores]
    verdict = judge(scores, task, detector.knobs.normal_share, names)
    if detector.collapsed:  # it knows better than its scores, which may differ by rounding alone
        verdict["alarms"] = {detector.card.headline: detector.collapsed}
    return scores, verdict


def probe(task: Task) -> Arrays:
    """A seeded choice of at most 500 validation and test images for replay.

    Returns images, novel, and their places in the test set (-1: validation).
    """
    rng = np.random.default_rng(task.spec.split_seed)
    # not sorted: the first few, whose pictures a snapshot keeps, should be normal and novel ones
    test = rng.permutation(len(task.test))[: PROBE - min(len(task.valid), PROBE // 4)]
    valid = np.sort(rng.permutation(len(task.valid))[: PROBE - len(test)])
    images = np.concatenate([task.images("test")[test], task.images("valid")[valid]])
    impure = np.zeros(len(valid), np.uint8) if task.valid_novel is None else task.valid_novel[valid]
    novel = np.concatenate([task.novel[test], impure])
    return {"images": images, "novel": novel, "place": np.concatenate([test, np.full(len(valid), -1)])}


def snapshot_epochs(epochs: int, most: int = 20) -> set[int]:
    """Epochs spaced geometrically from 1 to the last, at most `most`."""
    return set(np.unique(np.geomspace(1, max(epochs, 1), most).round().astype(int)).tolist())


def store(run: Run, detector: Detector, task: Task, tensors: TaskTensors) -> dict[str, Any]:
    """Write all arrays of a trained run; returns what run.json says of its results."""
    scores, verdict = evaluate(detector, task)
    files.write_arrays(run.folder / "scores.npz", scores)
    files.write_arrays(
        run.folder / "test.npz",
        {
            "images": task.images("test"),
            "novel": task.novel,
            "valid_novel": np.zeros(len(task.valid), np.uint8) if task.valid_novel is None else task.valid_novel,
            "source": task.source,
            "classes": task.class_names("test"),
            "pool": task.test.pool,
            "index": task.test.index,
        },
    )
    # For diagnosis in pictures: no method sees these classes, unless its scenario offers them as labels.
    files.write_arrays(run.folder / "train.npz", {"classes": task.class_names("train")})
    reasons = both_splits(detector.explain, task)
    # Pictures of validation images are drawn nowhere.
    files.write_arrays(
        run.folder / "explanations.npz",
        {n: a for n, a in reasons.items() if not (n.startswith("valid/") and a.ndim == 4)},
    )
    files.write_arrays(run.folder / "portrait.npz", detector.portrait(tensors))
    names = [score.name for score in detector.card.scores]
    files.write_arrays(run.folder / "curves.npz", curves({name: scores[f"test/{name}"] for name in names}, task.novel))
    return verdict | {
        "counts": task.counts,
        "note": " ".join(filter(None, dict.fromkeys([task.note, *(pool.note for pool in task.pools)]))),
    }


def curves(scores: Scores, novel: np.ndarray) -> Arrays:
    """ROC and PR points of each score, `roc/<score>/fpr` and so on."""
    points: Arrays = {}
    for name, values in scores.items():
        points |= {f"roc/{name}/{axis}": array for axis, array in evaluation.roc_points(values, novel).items()}
        points |= {f"pr/{name}/{axis}": array for axis, array in evaluation.pr_points(values, novel).items()}
    return points


def neighbours(run: Run, task: Task, tensors: TaskTensors) -> None:
    """For each test image its five nearest among a bank of at most 5,000 training images, which is kept with the run.

    bank_of: which training images the bank holds.
    """
    rng = np.random.default_rng(task.spec.split_seed)
    chosen = np.sort(rng.permutation(len(task.train))[:BANK])
    bank = tensors.train[torch.from_numpy(chosen).to(tensors.device)]
    tested = torch.from_numpy(task.images("test")).to(tensors.device)
    distances, places = nearest(_flat(tested), _flat(bank))
    files.write_arrays(
        run.folder / "neighbours.npz",
        {
            "bank": bank.cpu().numpy(),
            "classes": task.class_names("train")[chosen],
            "bank_of": chosen,
            "places": places.cpu().numpy().astype(np.int32),
            "distances": distances.cpu().numpy(),
            "of": np.array(len(task.train)),
        },
    )


def controls(run: Run, task: Task, tensors: TaskTensors, threads: int | None = None) -> None:
    """Control lines of a finished run: those of its task, and its network untrained.

    Those of a task are computed once, under a lock.
    """
    spec = run.spec
    shared = root() / ".tasks" / spec.task.hash
    shared.mkdir(parents=True, exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / "scores.npz").exists():
            files.write_arrays(shared / "scores.npz", task_controls(task, tensors))
    scores = files.read_arrays(shared / "scores.npz")
    seed_everything(spec.seed)
    untrained = build(methods.load(spec.method), spec.settings, task.shape, spec.seed).to(tensors.device)
    for number, stage in enumerate(each for each in untrained.stages(tensors) if not each.learns):
        seed_everything(spec.seed, number, 1)
        stage.begin(tensors, Progress())
        for epoch in range(1, stage.epochs + 1):
            stage.epoch(epoch)
        stage.end()
    bare = both_splits(untrained.score, task)
    scores |= {f"{split}/untrained": bare[f"{split}/{spec.card.headline}"] for split in SPLITS}
    verdict = judge(scores, task, spec.settings.normal_share, list(CONTROLS))
    files.write_arrays(
        run.folder / "controls.npz", scores | curves({n: scores[f"test/{n}"] for n in CONTROLS}, task.novel)
    )
    novel = float(task.novel.mean())
    trivial = {
        "accept-everything": {"normal_f1": 2 * (1 - novel) / (2 - novel)},
        "everything-novel": {"f1": 2 * novel / (1 + novel)},
    }
    files.write_json(run.folder / "controls.json", verdict["metrics"] | trivial)


def task_controls(task: Task, tensors: TaskTensors) -> Scores:
    """Scores of validation and test images by what needs no training."""
    train = _flat(tensors.train)
    components = PrincipalComponents.of(train)
    fifty, most = components.first(50), components.keeping(0.95)
    projected = fifty.project(train)

    def compute(images: np.ndarray) -> Scores:
        rows = _flat(torch.from_numpy(images).to(tensors.device))
        scores = {
            "nearest-pixels": nearest(rows, train)[0].mean(1),
            "nearest-pca": nearest(fifty.project(rows), projected)[0].mean(1),
            "pca-error": most.error(rows),
        }
        return {name: values.double().cpu().numpy() for name, values in scores.items()}

    return both_splits(compute, task)


def _flat(images: Tensor) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, pixels] in [0, 1]."""
    return images.flatten(1).float() / 255
