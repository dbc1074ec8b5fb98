"""What the command line shows a person: tables, results, and one line of progress."""

import contextlib
import csv
import io
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.data import Entry, FolderReport, roots
from core.evaluation import METRICS, few_images, inverted
from core.knobs import PRESETS, Knob, knobs_of
from core.methods.cards import Card, Published
from core.runs import store
from core.runs.spec import published
from core.runs.store import Run
from core.texts import cell, harmless

SHAPE = (1, 28, 28)  # of the images for which a method's presets are listed
SKIPPED = 5  # skipped files that are named
BAR = 24  # characters
REDRAW_SECONDS = 0.1
PLAIN_SECONDS = 5.0  # between two lines where the line can't be redrawn


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell, two spaces apart."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def number(value: float | None) -> str:
    """Three digits after the point, as every metric is shown."""
    return "undefined" if value is None else f"{value:.3f}"


def interval(estimate: Mapping[str, float | None]) -> str:
    """A metric with its 95 % interval: `0.912 (0.888 to 0.933)`."""
    if estimate.get("low") is None:
        return number(estimate["value"])
    return f"{number(estimate['value'])} ({number(estimate['low'])} to {number(estimate['high'])})"


def size(shape: tuple[int, int, int] | None) -> str:
    """(C, H, W) as `28x28 grey`."""
    if shape is None:
        return "unknown"
    return f"{shape[2]}x{shape[1]} {'grey' if shape[0] == 1 else 'colour'}"


def duration(seconds: float) -> str:
    """`1:05`, or `2:01:05` from an hour on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def catalogue(entries: Sequence[Entry]) -> str:
    """Image sets, and how to get those that are absent."""
    head = ["name", "classes", "images", "training", "test", "where"]
    return table(head, [[each.name, *_counts(each), _where(each)] for each in entries])


def _counts(entry: Entry) -> list[str]:
    classes = f"{len(entry.classes)}" if entry.classes else "unknown"
    return [classes, size(entry.shape), f"{entry.train_count:,}", f"{entry.test_count:,}"]


def _where(entry: Entry) -> str:
    if entry.stand_in:
        return f"{entry.stand_in} stands in for it"
    if entry.present:
        return entry.origin
    if entry.trouble:
        return f"can't be read: {entry.trouble}"
    if entry.download_megabytes:
        return f"absent: --fetch {entry.name} downloads {entry.download_megabytes:,.0f} MB"
    return f"absent: put {entry.name}.npz into {roots()[0]}"


def understood(report: FolderReport) -> str:
    """What own images were taken for: sentences, and the images of each class by half."""
    head = ["class", "training", "test"] if report.halves else ["class", "images"]
    counts: dict[str, tuple[int, ...]] = {name: (count,) for name, count in report.classes.items()}
    counts |= report.halves
    rows = [[name, *(f"{count:,}" for count in each)] for name, each in counts.items()]
    skipped = [f"{len(report.skipped):,} files are skipped, such as:"] if report.skipped else []
    skipped += [f"  {name}: {reason}" for name, reason in report.skipped[:SKIPPED]]
    sizes = " to ".join(f"{width}x{height}" for width, height in dict.fromkeys((report.smallest, report.largest)))
    total = f"{sum(report.classes.values()):,} images in {len(report.classes):,} classes, {sizes} pixels."
    return "\n".join([*report.notes, total, *skipped, table(head, rows)])


def methods(cards: Sequence[Card]) -> str:
    """Methods with their scores."""
    rows = [[card.name, card.title, ", ".join(each.name for each in card.scores)] for card in cards]
    return table(["name", "title", "scores"], rows) + "\n\n`python -m core methods NAME` shows what can be set."


def method(card: Card) -> str:
    """A method's scores and settings."""
    scores = [[each.name, "headline" if each.name == card.headline else "", each.sentence] for each in card.scores]
    settings = [[each.name, each.label, takes(each), *_presets(each)] for each in knobs_of(card.knobs)]
    parts = [
        f"{card.title}. {card.sentence}\n{card.paper}",
        table(["score", "", "is"], scores),
        table(["setting", "means", "takes", *PRESETS, "after training"], settings),
    ]
    if any(callable(preset) for each in knobs_of(card.knobs) for preset in (each.quick, each.paper)):
        parts.append("Presets are those for grey images of 28x28; for others some differ.")
    return "\n\n".join(parts)


def takes(knob: Knob) -> str:
    """The values of a knob: `2 to 12`, or the words it chooses from."""
    if knob.choices or knob.kind is bool:
        return ", ".join(knob.choices or ("true", "false"))
    if knob.low is None:
        return "any number"
    return f"from {knob.low:g}" if knob.high is None else f"{knob.low:g} to {knob.high:g}"


def _presets(knob: Knob) -> list[str]:
    return [*(f"{knob.preset(name, SHAPE)}" for name in PRESETS), "yes" if knob.after else ""]


def run_list(listed: Sequence[Mapping[str, Any]], damaged: Sequence[str]) -> str:
    """Runs as `runs --json` lists them, and the folders that are none."""
    rows = [[each["run"], each["state"], _date(each["created"]), _headline(each), each["name"]] for each in listed]
    text = table(["run", "state", "created", "auroc", "name"], rows) if rows else "There are no such runs."
    return text + (f"\nNot readable as runs: {', '.join(damaged)}." if damaged else "")


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def _headline(listed: Mapping[str, Any]) -> str:
    return f"{listed['headline']} {interval(listed['auroc'])}" if listed["auroc"] else ""


def result(run: Run, results: Mapping[str, Any]) -> str:
    """What a finished run found: metrics with intervals, control lines, published figures; last its id and headline.

    results: thresholds, metrics, alarms and accuracy as in run.json, the run's own or those of an evaluation with other
    settings.
    """
    card, metrics, about = run.spec.card, results["metrics"], run.about
    counts = run.result("counts")
    names = sorted(metrics, key=lambda name: name != card.headline)
    parts = [
        f"{run.name}\nTrained on {counts['train']:,} images, validated on {counts['valid']:,}, "
        f"tested on {counts['normal']:,} normal and {counts['novel']:,} novel ones.",
        table(["", *names], [[key, *(interval(metrics[name][key]) for name in names)] for key in METRICS]),
        _by_source(metrics, names),
        _accuracy(results),
        _controls(run, metrics[card.headline]["auroc"]["value"]),
        "\n".join(_published(figure) for figure in published(run.spec)),
        "\n".join(f"{name}: {alarm}" for name, alarm in results["alarms"].items()),
        "\n".join(filter(None, [few_images(counts), *(inverted(name, metrics[name]["auroc"]) for name in names)])),
        about.get("note", ""),
        summary(run, metrics),
    ]
    return "\n\n".join(filter(None, parts))


def summary(run: Run, metrics: Mapping[str, Any]) -> str:
    """One line: the run's id and the metrics of its headline score."""
    headline = run.spec.card.headline
    return f"{run.id}: {headline} " + ", ".join(f"{key} {number(metrics[headline][key]['value'])}" for key in METRICS)


def _published(figure: Published) -> str:
    source = ", ".join(filter(None, [figure.source, figure.remark]))
    return f"Published: {figure.score} {figure.metric} {number(figure.value)} ({source})"


def _by_source(metrics: Mapping[str, Any], names: Sequence[str]) -> str:
    """The AUROC of each kind of novel image, where there is more than one."""
    sources = metrics[names[0]].get("by_source", {})
    rows = [[each, *(interval(metrics[name]["by_source"][each]["auroc"]) for name in names)] for each in sources]
    return table(["auroc by source", *names], rows) if rows else ""


def _accuracy(results: Mapping[str, Any]) -> str:
    """How many normal test images are taken for their own class, where the detector names classes."""
    told = results.get("accuracy")
    return f"Accuracy of the known classes, normal test images: {interval(told)}" if told else ""


def _controls(run: Run, reached: float | None) -> str:
    """The control lines, and which of them the headline score doesn't beat."""
    found = {title: run.controls[name]["auroc"] for name, title in store.CONTROLS.items() if name in run.controls}
    if not found:
        return ""
    text = table(["control line", "auroc"], [[title, interval(auroc)] for title, auroc in found.items()])
    unbeaten = [title for title, auroc in found.items() if reached is not None and reached <= auroc["value"]]
    return text + (f"\n{run.spec.card.headline} doesn't beat: {'; '.join(unbeaten)}." if unbeaten else "")


def verdicts(images: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float]) -> str:
    """What `score --json` says of images, with the thresholds and what was done to fit each image."""
    head = ["image", "score", "value", "percentile among normal images", "verdict"]
    limits = "\n".join(f"{name}: novel is what scores above {value:.4g}." for name, value in thresholds.items())
    changes = "\n".join(f"{each['image']}: {', '.join(each['notes'])}." for each in images if each["notes"])
    unread = "\n".join(each["error"] for each in images if "error" in each)
    return "\n\n".join(filter(None, [table(head, _verdict_rows(images, ".4g", ".1f")), limits, changes, unread]))


def verdicts_csv(images: Sequence[Mapping[str, Any]]) -> str:
    """The same as comma-separated values, in full precision."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["image", "score", "value", "percentile", "verdict"])
    writer.writerows([cell(each) for each in row] for row in _verdict_rows(images, "", ""))
    writer.writerows([cell(each["image"]), "", "", "", each["error"]] for each in images if "error" in each)
    return written.getvalue().rstrip("\n")


def _verdict_rows(images: Sequence[Mapping[str, Any]], value: str, percentile: str) -> list[list[str]]:
    """A row per image and score.  value, percentile: formats."""
    return [
        [
            each["image"],
            name,
            "infinite" if said["value"] is None else format(said["value"], value),
            format(said["percentile"], percentile),
            "novel" if said["novel"] else "normal",
        ]
        for each in images
        for name, said in each["scores"].items()
    ]


class ProgressLine:
    """One line on stderr that is redrawn in place; a plain line now and then where stderr is no terminal.

    A stream that is gone, e.g. with its connection, must not end a training: what can't be written is not shown.
    """

    def __init__(self) -> None:
        self.stream = sys.stderr
        self.redrawn = self.stream.isatty()
        self.step, self.shown = "", 0.0

    def show(self, step: str, text: str, share: float | None, details: str = "") -> None:
        """step: changes where the line must be shown at once.  share: 0 to 1, None where it can't be known."""
        now = time.monotonic()
        if step == self.step and now - self.shown < (REDRAW_SECONDS if self.redrawn else PLAIN_SECONDS):
            return
        self.step, self.shown = step, now
        text = "  ".join(filter(None, [harmless(text), "" if share is None else self._bar(share), details]))
        if self.redrawn:
            self._write(f"\r{text[: shutil.get_terminal_size().columns - 1]}\x1b[K")
        else:
            self._write(f"{text}\n")

    def training(self, news: Mapping[str, Any]) -> None:
        """What a training tells: stage, epoch, share, images a second, time left."""
        stage, epochs = news["stage"], news["epochs"]
        # What follows the last batch, e.g. the bootstrap, isn't counted.
        share = news["share"] if news["share"] < 1 else None
        known = share is not None and news["eta"] is not None
        details = f"{news['rate']:,.0f} images/s  {duration(news['eta'])} left" if known else ""
        self.show(stage, f"{stage} {news['epoch']}/{epochs}" if epochs > 1 else stage, share, details)

    def fetching(self, share: float | None, sentence: str) -> None:
        """What a fetch or an import tells."""
        self.show(sentence.split()[0], sentence, share)

    def close(self) -> None:
        """Clear the line for what comes next."""
        if self.redrawn and self.step:
            self._write("\r\x1b[K")

    def _bar(self, share: float) -> str:
        filled = round(share * BAR)
        bar = f"[{'#' * filled}{'.' * (BAR - filled)}] " if self.redrawn else ""
        return f"{bar}{share:.0%}"

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()
