"""A small table, and runs that look finished without a training."""

from pathlib import Path

import numpy as np

from core.reproduce.start import Asked
from core.runs import files, store
from core.runs.run import Run
from core.runs.spec import RunSpec

TEXT = """title = "A small table"
paper = "Nobody et al., 2020"
source = "Nobody, Table 1"
quick_dataset = "digits"
trainings = 10
notes = ["A note | of the table."]

[[columns]]
title = "digits"
dataset = "digits"
scenario = "unimodal"
targets = ["3", "5"]

[[rows]]
title = "AE"
method = "rapp-ae"
scores = ["nap"]
figures = [0.9]
spread = 0.01
note = "a note & of the row"

[[rows]]
title = "upside down"
method = "deep-svdd"
figures = [0.7]
spread = 0.01
mistaken = "flipped"
not_comparable = "the published code turns it round"
"""


def asked(folder: Path, **more: object) -> Asked:
    """A request for the small table at the published scale, written into the folder."""
    path = folder / "small.toml"
    if not path.exists():
        path.write_text(TEXT)
    return Asked(str(path), "published", **more)


def finish(spec: RunSpec, auroc: float, sweep: str = "", versions: dict[str, str] | None = None) -> Run:
    """A finished run of this request with an AUROC of each of its scores, half a point of error over test images."""
    run = store.create(spec, **({"sweep": sweep} if sweep else {}))
    metrics = {"auroc": {"value": auroc, "low": auroc - 0.0098, "high": auroc + 0.0098}}
    names = [score.name for score in spec.card.scores]
    about = run.about | {"metrics": {name: metrics for name in names}, "thresholds": {name: 0.5 for name in names}}
    about |= {"environment": {"device": "cpu", "threads": 1, "versions": versions or {}}}
    about |= {"timings": {"training": 1.0, "total": 1.0}}
    about |= {"counts": {"train": 100, "valid": 10, "normal": 100, "novel": 100}}
    files.write_json(run.folder / "run.json", about)
    files.write_json(run.folder / "controls.json", {"pca-error": {"auroc": {"value": 0.8}}})
    novel = np.arange(200) % 2
    scores = np.where(novel == 1, 0.0, 1.0) + np.linspace(0, 1.3, 200)  # mostly the wrong way round
    files.write_arrays(run.folder / "scores.npz", {f"test/{name}": scores for name in names})
    files.write_arrays(run.folder / "test.npz", {"novel": novel.astype(np.uint8)})
    store.mark(run, store.FINISHED)
    return run
