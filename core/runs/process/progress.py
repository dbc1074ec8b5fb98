"""A training's progress as files: a line in progress.jsonl for each epoch, live.json for the one under way."""

import json
import os
import time
from collections.abc import Callable
from typing import Any

from core.errors import Cancelled
from core.runs import files
from core.runs.store import Run
from core.training import Checkpoint, Progress

LIVE_SECONDS = 0.3
News = Callable[[dict[str, Any]], None]


class RunProgress(Progress):
    """Appends to progress.jsonl each epoch, keeps live.json fresh, looks for the cancel file at each batch."""

    def __init__(self, run: Run, listen: News, resume: Checkpoint | None) -> None:
        self.run, self.listen = run, listen
        self.path = run.folder / "progress.jsonl"
        self.cancel = os.fspath(run.folder / "cancel")
        self.resumed = resume
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a") as stream:
                stream.write("\n")
        self.shown = 0.0

    def stage(self, name: str, number: int, stages: int, epochs: int, samples: int) -> None:
        self.at: dict[str, Any] = {"stage": name, "number": number, "stages": stages, "epochs": epochs}
        self.samples, self.seen = max(samples, 1), 0
        first = self.resumed.epoch if self.resumed and self.resumed.stage == number else 0
        self.before = first * samples // max(epochs, 1)
        self.number = first + 1
        self.began = self.epoch_began = time.monotonic()
        self.epoch_seen = 0
        self._show()

    def step(self, samples: int) -> None:
        if os.path.exists(self.cancel):
            raise Cancelled
        self.seen += samples
        self.epoch_seen += samples
        if time.monotonic() - self.shown > LIVE_SECONDS:
            self._show()

    def epoch(self, number: int, curves: dict[str, float]) -> None:
        seconds = time.monotonic() - self.epoch_began
        rate = self.epoch_seen / seconds if seconds > 0 else 0.0
        line = {
            **self.at,
            "epoch": number,
            "curves": curves,
            "seconds": round(seconds, 4),
            "rate": round(rate, 1),
            "time": time.time(),
        }
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self.number, self.epoch_seen, self.epoch_began = number + 1, 0, time.monotonic()
        self._show(curves)

    def say(self, stage: str, share: float) -> None:
        """Name what happens after the training.  share: of it that is done, in 0 to 1."""
        self.at |= {"stage": stage, "epochs": 1}
        self.number, self.seen, self.before = 1, 0, round(share * self.samples)
        self._show()

    def _show(self, curves: dict[str, float] | None = None) -> None:
        self.shown = time.monotonic()
        rate = self.seen / max(self.shown - self.began, 1e-9)
        left = max(self.samples - self.before - self.seen, 0)
        news = {
            **self.at,
            "epoch": min(self.number, self.at["epochs"]),
            "share": min((self.before + self.seen) / self.samples, 1.0),
            "rate": round(rate, 1),
            "eta": round(left / rate, 1) if rate > 0 else None,
            "curves": curves or {},
        }
        files.write_json(self.run.folder / "live.json", news)
        self.listen(news)
