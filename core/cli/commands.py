"""What each command of the command line does.  Loads torch only where one trains or scores.

Each takes the parsed words and gives a Reply: what `--json` prints as its last line, and the text that a person reads
instead.
"""

import contextlib
import io
import math
import os
import sys
from argparse import Namespace as Words
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from core import data, knobs, methods, scenarios
from core.cli import terminal
from core.errors import MissingData, WrongRequest
from core.methods.cards import Card
from core.mlflow import mirror
from core.runs import locks, store
from core.runs.process import jobs, leftovers, slots, worker
from core.runs.results import detectors, scorer
from core.runs.spec import RunSpec, request
from core.runs.store import Run


@dataclass(frozen=True)
class Reply:
    """What a command found.  failure: why its run has no result, which makes the exit status 1."""

    content: dict[str, Any]
    text: str = ""
    failure: str = ""


# --- what there is --------------------------------------------------------------------------------------------------


def list_datasets(words: Words) -> Reply:
    """The catalogue, or the one set that was fetched or added."""
    if not words.add and (words.name or words.size or words.channels):
        raise WrongRequest("--name, --size and --channels are of a set that is added. Add --add FOLDER_OR_ZIP.")
    with contextlib.closing(terminal.ProgressLine()) as line:
        if words.fetch:
            entries = [data.fetch(words.fetch, line.fetching)]
        elif words.add:
            entries = [_imported(words, line)]
        else:
            entries = data.catalogue()
    note = entries[0].note if words.fetch or words.add else ""
    return Reply({"datasets": [asdict(each) for each in entries]}, f"{terminal.catalogue(entries)}\n{note}".rstrip())


def _imported(words: Words, line: terminal.ProgressLine) -> data.Entry:
    if not words.name:
        raise WrongRequest("The images need a name. Add --name NAME.")
    side, channels = words.size, words.channels
    if side is None or channels is None:
        report = data.inspect(words.add, line.fetching)
        side = report.side if side is None else side
        channels = report.channels if channels is None else channels
    return data.import_images(words.add, words.name, side, channels, progress=line.fetching)


def list_methods(words: Words) -> Reply:
    """All methods, or what one can be asked."""
    cards = [methods.card(words.name)] if words.name else methods.cards()
    text = terminal.method(cards[0]) if words.name else terminal.methods(cards)
    return Reply({"methods": [_described(card) for card in cards]}, text)


def _described(card: Card) -> dict[str, Any]:
    told = ("name", "family", "title", "sentence", "paper", "headline")
    settings = [
        {**vars(each), "kind": each.kind.__name__}
        | {preset: each.preset(preset, terminal.SHAPE) for preset in knobs.PRESETS}
        for each in knobs.knobs_of(card.knobs)
    ]
    scores = [asdict(each) for each in card.scores]
    stages = [asdict(each) for each in card.stages]
    return {name: getattr(card, name) for name in told} | {"stages": stages, "scores": scores, "knobs": settings}


def list_runs(words: Words) -> Reply:
    """All runs, or those of one state or method."""
    if words.method:
        methods.method(words.method)
    listed = list(store.answers(_listed).values())
    chosen = [
        each for each in listed if words.state in (None, each["state"]) and words.method in (None, each["method"])
    ]
    damaged = store.damaged()
    return Reply({"runs": chosen, "damaged": damaged}, terminal.run_list(chosen, damaged))


def _listed(run: Run) -> dict[str, Any]:
    spec, state = run.spec, run.state
    auroc = run.metrics()["auroc"] if state == store.FINISHED and "metrics" in run.about else None
    more = {"headline": spec.card.headline, "auroc": auroc, "created": run.about["created"], "shipped": run.shipped}
    return {"run": run.id, "name": run.name, "state": state} | spec.to_json() | more


# --- training -------------------------------------------------------------------------------------------------------


def train(words: Words) -> Reply:
    """Train a new run in this process."""
    _require_present(words.dataset)
    changes: dict[str, Any] = dict(knobs.parse_assignments(words.set))
    if words.epochs is not None:
        changes[_epochs_knob(words.method)] = words.epochs
    spec = request(
        words.dataset,
        words.scenario,
        words.target,
        words.method,
        preset=words.preset,
        changes=changes,
        options=knobs.parse_assignments(words.scenario_set),
        split_seed=words.split_seed,
        seed=words.seed,
        device=words.device,
    )
    _require_possible(spec)
    twin = store.same(spec)
    run = store.create(spec)
    if twin:
        print(f"An equal run exists: {twin.id}, {twin.state}. This one is {run.id}.", file=sys.stderr)
    return _trained(run)


def _epochs_knob(method: str) -> str:
    """The setting that `--epochs` means.  Raises WrongRequest for a method that counts none."""
    card = methods.card(method)
    if card.epochs is None:
        raise WrongRequest(f"{card.title} is fitted in one step, without epochs. Leave --epochs out.")
    return card.epochs


def resume(words: Words) -> Reply:
    """Go on with a run in this process."""
    run = store.find(words.run)
    jobs.ready(run)
    return _trained(run)


def _require_present(name: str) -> None:
    """Raise MissingData, in the words of the command line, where an image set isn't on this machine."""
    entry = data.entry(name)
    if entry.present:
        return
    if entry.download_megabytes:
        fetch = f"python -m core datasets --fetch {name}"
        raise MissingData(f"{entry.title} isn't on this machine. Get it with `{fetch}`.")
    data.load(name)  # says how to get it


def _require_possible(spec: RunSpec) -> None:
    """Raise before a run exists what could only end it: other absent images, an empty split, a missing GPU."""
    scenarios.build(spec.task)
    if spec.device == "cuda":
        from core import training

        training.choose(spec.device)


def _trained(run: Run) -> Reply:
    """Train in this process with one line of progress; errors and warnings of the training go to the run's log."""
    mirror.start()
    leftovers.look_after()
    line = terminal.ProgressLine()
    if store.activity()[0] >= len(slots.slots()):
        line.show("wait", "Waits until another run has ended. Ctrl+C cancels.", None)
    with contextlib.closing(line), _to_its_log(run):
        worker.execute(run, line.training)
    if run.state == store.FINISHED:
        return _found(run, run.about)
    content = {"run": run.id, "state": run.state, "headline": run.spec.card.headline, "scores": {}}
    if run.state == store.FAILED:
        return Reply(content, failure=f"{run.id} failed. {run.sentence}")
    return Reply(content, failure=f"{run.id} was {run.state}. `python -m core resume {run.id}` goes on with it.")


@contextlib.contextmanager
def _to_its_log(run: Run) -> Iterator[None]:
    """Errors and warnings go to the run's log; where the disk is full, nowhere."""
    try:
        log: IO[str] = (run.folder / "log.txt").open("a")
    except OSError:
        log = io.StringIO()
    with contextlib.redirect_stderr(log):
        yield
    with contextlib.suppress(OSError):
        log.close()


def _found(run: Run, results: dict[str, Any]) -> Reply:
    content = {"run": run.id, "state": run.state, "headline": run.spec.card.headline, "scores": results["metrics"]}
    return Reply(content, terminal.result(run, results))


def cancel(words: Words) -> Reply:
    """Stop a live run."""
    run = store.find(words.run)
    jobs.cancel(run)
    state = run.state
    text = f"{run.id} is asked to stop." if state in store.LIVE else f"{run.id} is {state}."
    return Reply({"run": run.id, "state": state}, text)


def delete(words: Words) -> Reply:
    """Remove an ended run; asks first, where somebody is there to answer."""
    damaged = words.run in store.damaged()
    run = store.own(words.run) if damaged else store.find(words.run)
    if not words.yes:
        if not sys.stdin.isatty():
            raise WrongRequest(f"Nobody can be asked here whether to delete {run.id}. Add --yes.")
        print(f"Delete {run.id} for good? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return Reply({"run": run.id, "state": "damaged" if damaged else run.state}, f"{run.id} is kept.")
    store.delete(run)
    return Reply({"run": run.id, "state": "deleted"}, f"{run.id} is deleted.")


# --- trained detectors ----------------------------------------------------------------------------------------------


def evaluate(words: Words) -> Reply:
    """All metrics of a run, from its checkpoint."""
    run = store.find(words.run)
    return _found(run, detectors.evaluate(run, _device(run), knobs.parse_assignments(words.set)))


def score(words: Words) -> Reply:
    """Scores, percentiles and verdicts of image files."""
    run = store.find(words.run)
    if run.state != store.FINISHED:
        raise WrongRequest(f"{run.id} is {run.state}; only a finished run can score images.")
    names = [os.fspath(path) for path in words.images]
    images, notes = _read(words.images, run)
    changes = knobs.parse_assignments(words.set)
    judged = detectors.score_images(run, images, [words.score] if words.score else [], _device(run), changes)
    content = [
        {"image": name, "scores": _verdicts(judged, place), "notes": list(note)}
        for place, (name, note) in enumerate(zip(names, notes, strict=True))
    ]
    text = terminal.verdicts_csv(content) if words.csv else terminal.verdicts(content, judged.thresholds)
    return Reply({"run": run.id, "thresholds": judged.thresholds, "images": content}, text)


def _verdicts(judged: detectors.Judgement, place: int) -> dict[str, Any]:
    """What is said of one image, by score."""
    return {
        name: {
            "value": float(values[place]) if math.isfinite(values[place]) else None,  # JSON has no infinity
            "percentile": float(judged.percentiles[name][place]),
            "novel": bool(judged.novel(name)[place]),
        }
        for name, values in judged.scores.items()
    }


def _read(paths: list[Path], run: Run) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Image files in the run's shape, uint8 [N, C, H, W], and what was done to each."""
    images, notes = [], []
    for path in paths:
        try:
            upload = data.decode(path.read_bytes(), path.name)
        except OSError as error:
            raise WrongRequest(f"{path} can't be read ({error.strerror}). Name image files.") from None
        image, changes = data.fit(upload.image, run.shape)
        images.append(image)
        notes.append((*upload.notes, *changes))
    return np.stack(images), notes


def _device(run: Run) -> str:
    """The run's own device where this machine has it, so that it finds the same numbers again."""
    return "cpu" if run.spec.device == "cpu" else "auto"


# --- processes that the app starts ----------------------------------------------------------------------------------


def job(words: Words) -> Reply:
    """Train a queued run; its words are the run's log."""
    run = store.find(words.run)
    if words.lock is not None:
        locks.adopt(run.folder, words.lock)
    run = worker.execute(run, own_process=True)
    failure = "" if run.state == store.FINISHED else f"{run.id} ended {run.state}. {run.sentence}"
    return Reply({"run": run.id, "state": run.state}, failure=failure)


def rest(words: Words) -> Reply:
    """Compute what follows finished runs, where their processes were killed before."""
    leftovers.complete()
    return Reply({})


def serve(words: Words) -> Reply:
    """Score what comes through the pipe."""
    scorer.serve()
    return Reply({})


def reflect(words: Words) -> Reply:
    """Repeat in MLflow what the runs say."""
    mirror.main()
    return Reply({})
