"""What each command of the command line does.  Loads torch only where one trains or scores.

Each takes the parsed words and gives a Reply.  Those about sweeps are in `sweeps.py`, that about
published tables in `reproduce.py`.
"""

import contextlib
import io
import math
import os
import sys
from argparse import Namespace as Words
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from core import data, glossary, knobs, methods, scenarios
from core.cli import terminal
from core.cli.reply import Reply
from core.cli.reproduce import reproduce
from core.cli.sweeps import list_sweeps, sweep
from core.errors import MissingData, WrongRequest
from core.methods.cards import Card
from core.mlflow import mirror
from core.runs import locks, store
from core.runs.process import jobs, leftovers, slots, warm, worker
from core.runs.results import detectors, scorer
from core.runs.spec import RunSpec, request
from core.runs.store import Run

__all__ = ["Reply", "list_sweeps", "reproduce", "sweep"]  # beside what is defined here

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")  # of images in a folder
USUAL = 500  # training images that tell how a set is framed


# --- what there is --------------------------------------------------------------------------------------------------


def list_datasets(words: Words) -> Reply:
    """The catalogue, or the one set that was fetched or added."""
    if words.add:
        return _added(words)
    if words.name or words.size or words.channels or words.part or words.dry_run:
        raise WrongRequest(
            "--name, --part, --size, --channels and --dry-run are of a set that is added. Add --add FOLDER_OR_ZIP."
        )
    with contextlib.closing(terminal.ProgressLine()) as line:
        entries = [data.fetch(words.fetch, line.fetching)] if words.fetch else data.catalogue()
    note = entries[0].note if words.fetch else ""
    return Reply({"datasets": [asdict(each) for each in entries]}, f"{terminal.catalogue(entries)}\n{note}".rstrip())


def _added(words: Words) -> Reply:
    """Own images: what was understood, and, but in a dry run, the set that they became."""
    if not words.name and not words.dry_run:
        raise WrongRequest("The images need a name. Add --name NAME.")
    with contextlib.closing(terminal.ProgressLine()) as line:
        report = _inspected(words, line)
        found = {"found": asdict(report)}
        if words.dry_run:
            return Reply({"datasets": []} | found, terminal.understood(report))
        side = report.side if words.size is None else words.size
        channels = report.channels if words.channels is None else words.channels
        entry = data.import_images(words.add, words.name, side, channels, progress=line.fetching, part=words.part)
    halves = data.counts(data.load(entry.name))
    text = f"{terminal.understood(replace(report, halves=halves))}\n\n{terminal.catalogue([entry])}"
    return Reply({"datasets": [asdict(entry)], "counts": halves} | found, f"{text}\n{entry.note}")


def _inspected(words: Words, line: terminal.ProgressLine) -> data.FolderReport:
    try:
        return data.inspect(words.add, line.fetching, words.part)
    except data.SeveralSets as several:
        raise WrongRequest(f"{several} Add --part {several.parts[0]}, or another of them.") from None


def explain(words: Words) -> Reply:
    """Terms of the glossary, all where none is named."""
    terms = [glossary.term(name) for name in words.term] or list(glossary.TERMS.values())
    text = "\n\n".join(f"{each.title}\n  {each.sentence}" for each in terms)
    return Reply({"terms": [asdict(each) for each in terms]}, text)


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


def compare_precisions(words: Words) -> Reply:
    """Measure what bfloat16 gains for a method on images of a set's size; trains nothing that is kept."""
    card, entry = methods.card(words.method), data.entry(words.dataset)
    if entry.shape is None:
        raise WrongRequest(f"The images of {entry.title} aren't on this machine yet, so nobody knows their size.")
    asked = knobs.parse_assignments(words.set)
    settings: Any = knobs.changed(knobs.preset(card.knobs, words.preset, entry.shape), asked)
    from core.methods import precision  # loads torch
    from core.training.device import choose

    rates = precision.measure(card, settings, entry.shape, choose(words.device))
    return Reply(asdict(rates) | {"worth": rates.worth, "sentence": rates.sentence}, rates.sentence)


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
    if entry.trouble:
        raise MissingData(entry.trouble)
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
    content |= {name: results[name] for name in ("accuracy",) if name in results}
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
    if words.keep:
        if words.set:
            raise WrongRequest("--keep keeps the run's own numbers. Leave --set out, or --keep.")
        return _measured_again(run)
    return _found(run, detectors.evaluate(run, _device(run), knobs.parse_assignments(words.set)))


def _measured_again(run: Run) -> Reply:
    """What a run says once its stored scores are measured again."""
    from core.runs.results.evaluation import keep_measured_again

    if run.state != store.FINISHED:
        raise WrongRequest(f"{run.id} is {run.state}; only a finished run has scores to measure.")
    keep_measured_again(run)
    return _found(run, run.about)


def score(words: Words) -> Reply:
    """Scores, percentiles and verdicts of image files; one that can't be read costs its own row alone."""
    run = store.find(words.run)
    if run.state != store.FINISHED:
        raise WrongRequest(f"{run.id} is {run.state}; only a finished run can score images.")
    read, broken = _read(_files(words.images), run)
    changes = knobs.parse_assignments(words.set)
    images = np.stack([image for _, image, _ in read])
    judged = detectors.score_images(run, images, [words.score] if words.score else [], _device(run), changes)
    content = [
        {"image": name, "scores": _verdicts(judged, place), "notes": list(notes)}
        for place, (name, _, notes) in enumerate(read)
    ]
    content += [{"image": name, "scores": {}, "notes": [], "error": sentence} for name, sentence in broken]
    text = terminal.verdicts_csv(content) if words.csv else terminal.verdicts(content, judged.thresholds)
    return Reply({"run": run.id, "thresholds": judged.thresholds, "images": content}, text)


def _files(named: list[Path]) -> list[Path]:
    """The files that are named, and in place of each folder the images in it and below, by name."""
    found: list[Path] = []
    for path in named:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
        if not inside:
            raise WrongRequest(f"{path} holds no images. Name a folder with files such as {', '.join(SUFFIXES[:3])}.")
        found += inside
    return found


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


def _read(paths: list[Path], run: Run) -> tuple[list[tuple[str, np.ndarray, list[str]]], list[tuple[str, str]]]:
    """Each image file's name, its image in the run's shape, uint8 [C, H, W], and what was done to it or is unusual.

    Beside them the names of files that can't be read, and why.  Raises WrongRequest where none can.
    """
    usual = data.framing(run.arrays("neighbours", "bank")["bank"][:USUAL])
    read: list[tuple[str, np.ndarray, list[str]]] = []
    broken: list[tuple[str, str]] = []
    for path in paths:
        name = os.fspath(path)
        try:
            upload = data.decode(path.read_bytes(), path.name, run.value_range)
        except OSError as error:
            broken.append((name, f"{name} can't be read ({error.strerror}). Name image files."))
            continue
        except WrongRequest as error:
            broken.append((name, str(error)))
            continue
        image, changes = data.fit(upload.image, run.shape)
        notes = [*upload.notes, *changes]
        if usual and data.framed_otherwise(upload.image, usual, run.shape):
            notes.append("fills its frame otherwise than the training images: crop it to its content")
        read.append((name, image, notes))
    if not read:
        raise WrongRequest(broken[0][1])
    return read, broken


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


def wait(words: Words) -> Reply:
    """Have torch loaded, and fork a child for each run that comes, which goes on as `job`."""
    child = warm.wait(words.channel)
    return job(Words(run=child[0], lock=child[1])) if child else Reply({})


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
