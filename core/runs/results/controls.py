"""Control lines: what a detector has to beat, its own network untrained and what needs no training at all."""

import numpy as np
import torch
from filelock import FileLock

from core import methods
from core.algorithms.neighbours import PrincipalComponents, nearest, rows_of
from core.methods.base import Detector, Scores, build
from core.runs import files
from core.runs.results.evaluation import SPLITS, both_splits, curves, judge
from core.runs.results.of_task import shared_folder
from core.runs.store import CONTROLS, UNTRAINED, Run
from core.scenarios import Task
from core.training import Progress, TaskTensors, seed_everything


def controls(run: Run, task: Task, tensors: TaskTensors) -> None:
    """Control lines of a finished run: those of its task, and its network untrained.

    Those of a task are computed once, under a lock.
    """
    spec = run.spec
    shared = shared_folder(spec.task)
    with FileLock(shared / "lock"):
        if not (shared / "scores.npz").exists():
            files.write_arrays(shared / "scores.npz", task_controls(task, tensors))
    scores = files.read_arrays(shared / "scores.npz")
    names = [name for name in CONTROLS if name != UNTRAINED]
    if spec.card.network:
        names.append(UNTRAINED)
        bare = both_splits(untrained(run, task, tensors).score, task)
        scores |= {f"{split}/{UNTRAINED}": bare[f"{split}/{spec.card.headline}"] for split in SPLITS}
    verdict = judge(scores, task, spec.settings.rule().held_out(), names)
    files.write_arrays(
        run.folder / "controls.npz", scores | curves({name: scores[f"test/{name}"] for name in names}, task.novel)
    )
    novel = float(task.novel.mean())
    trivial = {
        "accept-everything": {"normal_f1": 2 * (1 - novel) / (2 - novel)},
        "everything-novel": {"f1": 2 * novel / (1 + novel)},
    }
    files.write_json(run.folder / "controls.json", verdict["metrics"] | trivial)


def untrained(run: Run, task: Task, tensors: TaskTensors) -> Detector:
    """The run's network with its initial weights, after those stages that only measure."""
    spec = run.spec
    detector = build(methods.load(spec.method), spec.settings, task.shape, spec.seed).to(tensors.device)
    detector.headline_alone = True
    for number, stage in enumerate(each for each in detector.stages(tensors) if not each.record.learns):
        seed_everything(spec.seed, number, 1)
        stage.begin(tensors, Progress())
        for epoch in range(1, stage.epochs + 1):
            stage.epoch(epoch)
        stage.end()
    return detector


def task_controls(task: Task, tensors: TaskTensors) -> Scores:
    """Scores of validation and test images by what needs no training."""
    train = rows_of(tensors.train)
    components = PrincipalComponents.of(train)
    fifty, most = components.first(50), components.keeping(0.95)
    projected = fifty.project(train)

    def compute(images: np.ndarray) -> Scores:
        rows = rows_of(torch.from_numpy(images).to(tensors.device))
        scores = {
            "nearest-pixels": nearest(rows, train)[0].mean(1),
            "nearest-pca": nearest(fifty.project(rows), projected)[0].mean(1),
            "pca-error": most.error(rows),
        }
        return {name: values.double().cpu().numpy() for name, values in scores.items()}

    return both_splits(compute, task)
