"""What came of each run of a sweep, in one value, and what can be said of it without looking at the answers."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DamagedRun, NoveltyError
from core.runs import files, store
from core.runs.run import CANCELLED, FAILED, FINISHED, INTERRUPTED, LIVE, Run
from core.runs.spec import RunSpec
from core.sweeps.sweep import Sweep

WAITING, REFUSED = "waiting", "refused"  # beside the states of a run
# Of several runs of one request the one that says most stands for it.
ORDER = (FINISHED, *reversed(LIVE), INTERRUPTED, CANCELLED, FAILED)
HELD_OUT = "validation"  # the curve of a card's stages that is the training objective on held-out images


@dataclass(frozen=True)
class Validation:
    """What held-out images say of a run; the test set has no part in it.

    Validation images are normal, or what the task takes for normal, so none of this measures how well novel images
    are found.  It is what a choice of settings may rest on honestly, and no more:

    loss: the training objective on held-out images, of the weights that were kept: for RaPP (the reconstruction loss)
    and the VAE (its negative ELBO).  Lower fits normal images better; comparable on one task, for one method and one
    kind of loss.  It prefers larger codes, which may redraw novel images as well.  None for methods without it: CLAD,
    the SVDDs (their objective moves with the centre and the radius) and the baselines.
    accepted: the share of held-out images below the line that accepts `aim` of the training images.  Far below `aim`,
    the detector has learned its training images by heart; a detector that collapsed accepts like one that is good.
    For methods that measure the distance to the training images themselves (nearest neighbours, local outlier factor)
    the training images are their own neighbours, so it is low whatever they are worth.  None where a run stores no
    training scores.
    """

    loss: float | None = None
    accepted: float | None = None
    aim: float | None = None


@dataclass(frozen=True)
class Row:
    """One run of a sweep.

    settings: its value on each axis and what else the grid says: `method`, `target`, `knobs.latent`, `seed`.
    spec: the request; None where it was refused.  state: of the run, or `waiting`, `refused`.
    run: the id of its folder; empty where there is none yet, or none ships.  headline: the score that stands for it.
    metrics: score -> metric -> {value, low, high}, and by_source, on the test images; empty until it is finished.
    share: of a training under way, 0 to 1.  seconds: that the training took, evaluation included.
    alarm: what is suspicious about its scores.  sentence: why it failed or was refused.
    """

    settings: Mapping[str, Any]
    spec: RunSpec | None
    state: str
    run: str = ""
    headline: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    validation: Validation = field(default_factory=Validation)
    seconds: float | None = None
    share: float | None = None
    alarm: str = ""
    sentence: str = ""

    @property
    def seed(self) -> int:
        return int(self.settings.get("seed", 0))

    @property
    def finished(self) -> bool:
        return self.state == FINISHED

    def value(self, metric: str = "auroc", score: str | None = None, source: str | None = None) -> float | None:
        """One metric of the test images, of the headline score by default; of one source of novel images.

        None where the run isn't finished, has no such score, or the metric is undefined.
        """
        found = self.metrics.get(score or self.headline, {})
        found = found.get("by_source", {}).get(source, {}) if source else found
        return found.get(metric, {}).get("value")

    def to_json(self) -> dict[str, Any]:
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return content | {
            "settings": dict(self.settings),
            "spec": self.spec.to_json() if self.spec else None,
            "validation": asdict(self.validation),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Row":
        """The row of `to_json`.  Raises DamagedRun for anything else."""
        try:
            spec = RunSpec.from_json(content["spec"]) if content["spec"] else None
            return cls(**{**content, "spec": spec, "validation": Validation(**content["validation"])})
        except (KeyError, TypeError, NoveltyError):
            raise DamagedRun("rows.json of the sweep is damaged. Start the sweep again from its file.") from None


def rows(sweep: Sweep) -> list[Row]:
    """A row for each cell of the sweep, by the runs of equal request anywhere in the store.

    A shipped sweep's own rows stand in for runs that don't ship.
    """
    kept, failures = _kept(sweep), _failures(sweep)
    runs = runs_of([cell.spec for cell in sweep.cells if cell.spec])
    found = []
    for cell in sweep.cells:
        if cell.spec is None:
            found.append(Row(cell.settings, None, REFUSED, sentence=cell.refusal))
        elif cell.spec.hash in runs:
            found.append(of_run(cell.settings, runs[cell.spec.hash]))
        elif cell.spec.hash in kept:
            found.append(kept[cell.spec.hash])
        else:
            sentence = failures.get(cell.spec.hash, "")
            state, headline = (FAILED if sentence else WAITING), cell.spec.card.headline
            found.append(Row(cell.settings, cell.spec, state, headline=headline, sentence=sentence))
    return found


def note_failures(sweep: Sweep, sentences: Mapping[str, str]) -> None:
    """Keep why runs could not even be begun, by the hash of their request."""
    files.write_json(sweep.folder / "failures.json", dict(sentences))


def _failures(sweep: Sweep) -> dict[str, str]:
    path = sweep.folder / "failures.json"
    return files.read_json(path) if path.exists() else {}


def _kept(sweep: Sweep) -> dict[str, Row]:
    path = sweep.folder / "rows.json"
    if not path.exists():
        return {}
    return {each.spec.hash: each for each in map(Row.from_json, files.read_json(path)) if each.spec}


def keep_rows(sweep: Sweep) -> None:
    """Write the rows as they stand into the sweep's folder, so that it can ship without the folders of its runs."""
    files.write_json(sweep.folder / "rows.json", [each.to_json() | {"run": ""} for each in rows(sweep)])


def runs_of(specs: Sequence[RunSpec]) -> dict[str, Run]:
    """request hash -> the run that stands for it, among those in the store and those that ship."""
    wanted = {spec.hash for spec in specs}
    best: dict[str, tuple[int, Run]] = {}
    for run in store.runs():
        if run.spec.hash in wanted:
            rank = ORDER.index(run.state)
            if run.spec.hash not in best or rank < best[run.spec.hash][0]:
                best[run.spec.hash] = (rank, run)
    return {key: run for key, (_, run) in best.items()}


def trained_share(run: Run) -> float | None:
    """How much of a run's epochs are behind it, 0 to 1, over all its stages; None before the first.

    A stage without a number of epochs counts as one.  What follows the training counts nothing.
    """
    live, stages = run.live(), run.spec.card.stages
    if live.get("share") is None:
        return None
    epochs = [getattr(run.spec.settings, stage.epochs) if stage.epochs else 1 for stage in stages]
    names = [stage.name for stage in stages]
    if live["stage"] not in names:
        return 1.0
    place = names.index(live["stage"])
    return (sum(epochs[:place]) + live["share"] * epochs[place]) / max(sum(epochs), 1)


def of_run(settings: Mapping[str, Any], run: Run) -> Row:
    """What a run says of itself.  A damaged one counts as failed."""
    spec, state = run.spec, run.state
    row = Row(settings, spec, state, run.id, spec.card.headline, sentence=run.sentence)
    if state in LIVE:
        return Row(**{**vars(row), "share": trained_share(run)})
    if state != FINISHED:
        return row
    try:
        return _finished(row, run)
    except (NoveltyError, KeyError) as error:
        return Row(**{**vars(row), "state": FAILED, "sentence": str(error)})


def _finished(row: Row, run: Run) -> Row:
    about = run.about
    names = [each.name for each in run.spec.card.scores]
    metrics = {name: run.metrics(name) for name in names if name in about["metrics"]}
    known = {"metrics": metrics, "validation": validation(run), "seconds": about["timings"]["total"]}
    return Row(**{**vars(row), **known, "alarm": " ".join(about.get("alarms", {}).values())})


# --- what validation alone says ---------------------------------------------------------------------------------------


def validation(run: Run) -> Validation:
    """What held-out images say of a finished run.  Raises DamagedRun."""
    return _validation(run.folder, run.version)


@functools.lru_cache(maxsize=4096)
def _validation(folder: Path, version: int) -> Validation:
    run = Run(folder)
    accepted, aim = accepted_share(run)
    return Validation(held_out_loss(run), accepted, aim)


def held_out_loss(run: Run) -> float | None:
    """The training objective on held-out images, of the weights that were kept; None where no stage tells it."""
    curve = [line["curves"][HELD_OUT] for line in run.progress() if HELD_OUT in line["curves"]]
    if not curve:
        return None
    return float(min(curve) if run.spec.knobs.get("weights") == "best" else curve[-1])


def accepted_share(run: Run) -> tuple[float | None, float | None]:
    """The share of held-out images that the headline score accepts at a line drawn through training scores alone.

    The line accepts `aim` of the training images: the share that the run's rule accepts.  Returns share and aim, both
    None where there are no training scores.
    """
    train, held_out = run.training_scores(), run.held_out_scores()
    if train is None or not len(train) or not len(held_out):
        return None, None
    rule = run.rule.held_out()
    line = rule.threshold(None, train)
    return float(np.mean(held_out <= line)), float(rule.share)
