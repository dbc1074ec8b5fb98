"""What a run stores so that its pages open without dataset and torch: images, reasons, curves, neighbours."""

from typing import Any

import numpy as np
import torch

from core.algorithms.neighbours import nearest, rows_of
from core.methods.base import Arrays, Detector
from core.runs import files
from core.runs.results import of_task
from core.runs.results.evaluation import both_splits, curves, evaluate
from core.runs.store import Run
from core.scenarios import Task
from core.training import TaskTensors

BANK = 5000  # training images that a run keeps for its nearest-neighbour pictures
PROBE = 500  # images that replay follows


def probe(task: Task) -> Arrays:
    """A seeded choice of at most 500 validation and test images for replay.

    Returns images, novel, and their places in the test set (-1: validation).
    """
    rng = np.random.default_rng(task.spec.split_seed)
    test = rng.permutation(len(task.test))[: PROBE - min(len(task.valid), PROBE // 4)]
    # Normal and novel ones take turns: a snapshot keeps pictures of the first few, however rare novel images are.
    turn = np.empty(len(test), np.intp)
    for alike in (task.novel[test] == 0, task.novel[test] == 1):
        turn[alike] = np.arange(alike.sum())
    test = test[np.argsort(turn, kind="stable")]
    valid = np.sort(rng.permutation(len(task.valid))[: PROBE - len(test)])
    images = np.concatenate([task.images("test")[test], task.images("valid")[valid]])
    impure = np.zeros(len(valid), np.uint8) if task.valid_novel is None else task.valid_novel[valid]
    novel = np.concatenate([task.novel[test], impure])
    return {"images": images, "novel": novel, "place": np.concatenate([test, np.full(len(valid), -1)])}


def snapshot_epochs(epochs: int, most: int = 20) -> set[int]:
    """Epochs spaced geometrically from 1 to the last, at most `most`."""
    return set(np.unique(np.geomspace(1, max(epochs, 1), most).round().astype(int)).tolist())


def store_probe(run: Run, task: Task) -> Arrays:
    """Write what replay follows, the same for all runs of a task; returns it."""
    of_task.put(run, "probe", lambda: probe(task))
    return run.arrays("probe")


def store_scores(run: Run, detector: Detector, task: Task) -> dict[str, Any]:
    """Write what makes a run finished: its scores, their curves, the test images.

    Returns what run.json says of its results.
    """
    scores, verdict = evaluate(detector, task)
    files.write_arrays(run.folder / "scores.npz", scores)
    of_task.put(run, "test", lambda: tested(task))
    # For diagnosis in pictures: no method sees these classes, unless its scenario offers them as labels.
    of_task.put(run, "train", lambda: {"classes": task.class_names("train")})
    names = [score.name for score in detector.card.scores]
    files.write_arrays(run.folder / "curves.npz", curves({name: scores[f"test/{name}"] for name in names}, task.novel))
    return verdict | {"counts": task.counts, "note": " ".join(task.notes)}


def store_reasons(run: Run, detector: Detector, task: Task) -> None:
    """Write what the detector says of each image, but pictures of validation images, which are drawn nowhere."""
    reasons = both_splits(detector.explain, task)
    kept = {name: array for name, array in reasons.items() if not (name.startswith("valid/") and array.ndim == 4)}
    _add(run, "explanations", kept)


def store_portrait(run: Run, detector: Detector, tensors: TaskTensors) -> None:
    """Write what the pages draw about the detector itself."""
    _add(run, "portrait", detector.portrait(tensors))


def _add(run: Run, name: str, arrays: Arrays) -> None:
    """Write `name`.npz of a finished run, and what describes it into run.json."""
    files.write_arrays(run.folder / f"{name}.npz", arrays)
    listed = run.about.get("arrays", {}) | {name: files.told(arrays)}
    files.write_json(run.folder / "run.json", run.about | {"arrays": listed})


def tested(task: Task) -> Arrays:
    """The test images and what is known of them."""
    return {
        "images": task.images("test"),
        "novel": task.novel,
        "valid_novel": np.zeros(len(task.valid), np.uint8) if task.valid_novel is None else task.valid_novel,
        "source": task.source,
        "kind": task.kind,
        "classes": task.class_names("test"),
        "pool": task.test.pool,
        "index": task.test.index,
    }


def neighbours(run: Run, task: Task, tensors: TaskTensors) -> None:
    """Write for each test image its five nearest training images, the same for all runs of a task."""
    of_task.put(run, "neighbours", lambda: nearest_in_bank(task, tensors))


def nearest_in_bank(task: Task, tensors: TaskTensors) -> Arrays:
    """For each test image its five nearest among a bank of at most 5,000 training images, which is kept with the run.

    bank_of: which training images the bank holds.
    """
    rng = np.random.default_rng(task.spec.split_seed)
    chosen = np.sort(rng.permutation(len(task.train))[:BANK])
    bank = tensors.train[torch.from_numpy(chosen).to(tensors.device)]
    tested = torch.from_numpy(task.images("test")).to(tensors.device)
    distances, places = nearest(rows_of(tested), rows_of(bank))
    return {
        "bank": bank.cpu().numpy(),
        "classes": task.class_names("train")[chosen],
        "bank_of": chosen,
        "places": places.cpu().numpy().astype(np.int32),
        "distances": distances.cpu().numpy(),
        "of": np.array(len(task.train)),
    }
