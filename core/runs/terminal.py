"""What the command line shows a person: tables, results, and one line of progress."""

import contextlib
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from core.evaluation import METRICS
from core.runs.spec import published
from core.runs.store import Run

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


def result(run: Run, metrics: Mapping[str, Any], alarms: Mapping[str, str]) -> str:
    """All that a finished run found: metrics with intervals, control lines, published figures; last the id and the headline.

    metrics, alarms: by score, the run's own or those of an evaluation with other settings.
    """
    about, card = run.about, run.spec.card
    counts = about["counts"]
    names = sorted(metrics, key=lambda name: name != card.headline)
    parts = [
        f"{run.name}\nTrained on {counts['train']:,} images, validated on {counts['valid']:,}, "
        f"tested on {counts['normal']:,} normal and {counts['novel']:,} novel ones.",
        table(["", *names], [[key, *(interval(metrics[name][key]) for name in names)] for key in METRICS]),
        *_by_source(metrics, names),
        *_controls(run, metrics[card.headline]["auroc"]["value"]),
        *(
            f"Published ({each.source}): {each.score} auroc {number(each.auroc)}{each.remark and ', '}{each.remark}"
            for each in published(run.spec)
        ),
        *(f"{name}: {alarm}" for name, alarm in alarms.items()),
        *([about["note"]] if about.get("note") else []),
        summary(run, metrics),
    ]
    return "\n\n".join(parts)


def summary(run: Run, metrics: Mapping[str, Any]) -> str:
    """One line: the run's id and the metrics of its headline score."""
    headline = run.spec.card.headline
    return f"{run.id}: {headline} " + ", ".join(f"{key} {number(metrics[headline][key]['value'])}" for key in METRICS)


def _by_source(metrics: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The AUROC of each kind of novel image, where there is more than one."""
    sources = list(next(iter(metrics.values())).get("by_source", {}))
    rows = [[each, *(interval(metrics[name]["by_source"][each]["auroc"]) for name in names)] for each in sources]
    return [table(["auroc by source", *names], rows)] if rows else []


def _controls(run: Run, reached: float | None) -> list[str]:
    """The control lines, and which of them the headline score doesn't beat."""
    from core.runs.inspection import CONTROLS  # loads torch, as every command that shows a result has done already

    found = {title: run.controls[name]["auroc"] for name, title in CONTROLS.items() if name in run.controls}
    if not found:
        return []
    unbeaten = [title for title, auroc in found.items() if None not in (reached, auroc["value"]) and auroc["value"] >= reached]
    lines = [table(["control line", "auroc"], [[title, interval(auroc)] for title, auroc in found.items()])]
    return lines + ([f"{run.spec.card.headline} doesn't beat: {'; '.join(unbeaten)}."] if unbeaten else [])


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
        text = "  ".join(filter(None, [text, "" if share is None else self._bar(share), details]))
        if self.redrawn:
            self._write(f"\r{text[: shutil.get_terminal_size().columns - 1]}\x1b[K")
        else:
            self._write(f"{text}\n")

    def training(self, news: Mapping[str, Any]) -> None:
        """What a training tells: stage, epoch, share, images a second, time left."""
        stage, epochs = news["stage"], news["epochs"]
        known = news["eta"] is not None and news["share"] < 1
        details = f"{news['rate']:,.0f} images/s  {duration(news['eta'])} left" if known else ""
        self.show(stage, f"{stage} {news['epoch']}/{epochs}" if epochs > 1 else stage, news["share"], details)

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
