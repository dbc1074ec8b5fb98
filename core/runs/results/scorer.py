"""Scores uploads in one process beside the server, so that the server never loads torch and a crash stays outside.

Both sides send frames over a pipe: lengths, a JSON header, arrays as npz; no pickles. A request names run folders and
carries images; the answer holds for every run its Judgement, or the error that a person can do something about.
"""

import collections
import io
import json
import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from core import errors
from core.errors import NoveltyError, RunFailed, WrongRequest
from core.runs import store
from core.runs.results.detectors import Judge, Judgement, load_judge
from core.runs.store import Run

MOST_IMAGES = 2_000  # of one run in one request
MOST_LOADED = 8  # detectors in memory
IDLE_SECONDS = 600.0
PATIENCE = 120.0  # seconds for one request, the start of the process among them
LENGTHS = struct.Struct("!4sIQ")  # mark, bytes of the header, bytes of the arrays
MARK = b"nov1"
MOST_HEADER, MOST_BYTES = 2**24, 2**33

Arrays = dict[str, np.ndarray]
Changes = Mapping[str, Any]  # after-training knobs by name
Asked = tuple[Run, np.ndarray]
Answer = Judgement | NoveltyError
NO_CHANGES: Mapping[str, Any] = {}


class Disconnected(Exception):
    """The other side ended, or sent something that is no frame."""


# --- frames ----------------------------------------------------------------------------------------------------------


def send(stream: IO[bytes], header: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write one frame.  Raises Disconnected."""
    text, payload = json.dumps(header).encode(), io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(payload, **named)
    try:
        for part in (LENGTHS.pack(MARK, len(text), payload.tell()), text, payload.getbuffer()):
            stream.write(part)
        stream.flush()
    except (OSError, ValueError) as error:
        raise Disconnected from error


def receive(stream: IO[bytes]) -> tuple[Any, Arrays]:
    """Read one frame: header and arrays.  Raises Disconnected."""
    mark, header, payload = LENGTHS.unpack(_exactly(stream, LENGTHS.size))
    if mark != MARK or header > MOST_HEADER or payload > MOST_BYTES:
        raise Disconnected
    text, content = _exactly(stream, header), _exactly(stream, payload)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return json.loads(text), {name: archive[name] for name in archive.files}
    except Exception as error:  # a broken zip raises many kinds of error
        raise Disconnected from error


def _exactly(stream: IO[bytes], count: int) -> bytes:
    parts, missing = [], count
    while missing:
        try:
            part = stream.read(min(missing, 2**20))
        except (OSError, ValueError) as error:
            raise Disconnected from error
        if not part:
            raise Disconnected
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


# --- the process -----------------------------------------------------------------------------------------------------


def serve() -> int:
    """Answer requests from standard input until it ends, ten minutes pass without one, or what arrives is no frame."""
    # What some library prints must not end up between the frames.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)  # unbuffered: select sees all that waits
    _few_threads()
    judges = Judges()
    while select.select([requests], [], [], IDLE_SECONDS)[0]:
        try:
            header, arrays = receive(requests)
            send(answers, *answer(header, arrays, judges))
        except Disconnected:
            break
    return 0


def _few_threads() -> None:
    """Half of the cores at most: a training may be running beside."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))


class Judges:
    """At most eight loaded runs, each with its after-training knobs; the one not used for longest makes room."""

    def __init__(self, load: Callable[[Run, Changes], Judge] | None = None, most: int = MOST_LOADED) -> None:
        # On the CPU: the same scores everywhere, and no memory taken from a training on the GPU.
        self.load = load or (lambda run, changes: load_judge(run, "cpu", changes))
        self.most = most
        self.loaded: collections.OrderedDict[tuple[Path, int, str], Judge] = collections.OrderedDict()

    def of(self, run: Run, changes: Changes = NO_CHANGES) -> Judge:
        """The judge of a run as it lies on disk now, with these knobs changed.  Raises as `load_judge`."""
        key = run.folder, run.version, json.dumps(changes, sort_keys=True)
        judge = self.loaded.pop(key, None) or self.load(run, changes)
        self.loaded[key] = judge
        while len(self.loaded) > self.most:
            self.loaded.popitem(last=False)
        return judge


def answer(header: Any, arrays: Arrays, judges: Judges) -> tuple[Any, Arrays]:
    """The frame that answers a request: per run a Judgement, or the error's class and sentence; or drawn images."""
    if "decode" in header:
        try:
            return {}, {"images": judges.of(Run(Path(header["decode"]))).detector.decode(arrays["latents"])}
        except NoveltyError as error:
            return _told(error), {}
    told: list[dict[str, Any]] = []
    sent: Arrays = {}
    for number, (folder, changes) in enumerate(zip(header["runs"], header["changes"], strict=True)):
        try:
            judgement = judges.of(Run(Path(folder)), changes).judge(arrays[str(number)], explain=header["explain"])
        except NoveltyError as error:
            told.append(_told(error))
            continue
        told.append({"thresholds": judgement.thresholds, "marks": judgement.marks, "held_out": judgement.held_out})
        for part in ("scores", "percentiles", "explanation"):
            sent |= {f"{number}/{part}/{name}": array for name, array in getattr(judgement, part).items()}
    return {"runs": told}, sent


def _told(error: NoveltyError) -> dict[str, str]:
    return {"error": type(error).__name__, "sentence": str(error)}


def _raised(told: Mapping[str, str]) -> NoveltyError:
    return getattr(errors, told["error"])(told["sentence"])


def answers_of(header: Any, arrays: Arrays) -> list[Answer]:
    """What `answer` packed."""

    def arrays_of(number: int, part: str) -> Arrays:
        prefix = f"{number}/{part}/"
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    found: list[Answer] = []
    for number, told in enumerate(header["runs"]):
        if "error" in told:
            found.append(_raised(told))
        else:
            parts: dict[str, Any] = {part: arrays_of(number, part) for part in ("scores", "percentiles", "explanation")}
            found.append(Judgement(**parts, **told))
    return found


# --- the server's side -----------------------------------------------------------------------------------------------


class Scorer:
    """The way to the scoring process: starts it when it is needed, one request at a time, from any thread."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.process: subprocess.Popen | None = None
        self.lock = threading.Lock()

    def judge(
        self, asked: Sequence[Asked], explain: bool = False, changes: Mapping[str, Changes] = NO_CHANGES
    ) -> list[Answer]:
        """For each run and its images, uint8 [N, C, H, W], its Judgement or its error, explained where asked.

        changes: after-training knobs by run id.
        Raises WrongRequest for no or more than 2,000 images, RunFailed where the process takes too long or ends twice.
        """
        for _, images in asked:
            if not 1 <= len(images) <= MOST_IMAGES:
                raise WrongRequest(f"{len(images):,} images can't be scored at once. Choose from 1 to {MOST_IMAGES:,}.")
        if not asked:
            return []
        changed = [dict(changes.get(run.id, NO_CHANGES)) for run, _ in asked]
        header = {"runs": [str(run.folder) for run, _ in asked], "changes": changed, "explain": explain}
        arrays = {str(number): images for number, (_, images) in enumerate(asked)}
        return answers_of(*self._asked(header, arrays))

    def decode(self, run: Run, latents: np.ndarray) -> np.ndarray:
        """What the run's network draws for latents, float32 [N, D]: uint8 [N, C, H, W].

        Raises as `judge` and `Detector.decode`.
        """
        if not 1 <= len(latents) <= MOST_IMAGES:
            raise WrongRequest(f"{len(latents):,} images can't be drawn at once. Choose from 1 to {MOST_IMAGES:,}.")
        told, arrays = self._asked({"decode": str(run.folder)}, {"latents": latents})
        if "error" in told:
            raise _raised(told)
        return arrays["images"]

    def close(self) -> None:
        """End the process."""
        with self.lock:
            self._end()

    def _asked(self, header: Any, arrays: Arrays) -> tuple[Any, Arrays]:
        """The answer to a request, asked again of a new process where the first one ended.  Raises RunFailed."""
        with self.lock:
            for _ in range(2):
                try:
                    return self._exchange(header, arrays)
                except Disconnected:
                    self._end()
        raise RunFailed("The scoring process ended twice while it worked. Choose fewer images or detectors.")

    def _exchange(self, header: Any, arrays: Arrays) -> tuple[Any, Arrays]:
        """One request and its answer.  Raises Disconnected where the process died, RunFailed where it took too long."""
        process = self._running()
        assert process.stdin and process.stdout
        overdue = threading.Event()

        def end_overdue() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(self.patience, end_overdue)
        timer.start()
        try:
            send(process.stdin, header, arrays)
            return receive(process.stdout)
        except Disconnected:
            if overdue.is_set():
                self._end()
                raise RunFailed(
                    f"Scoring took more than {self.patience:g} s. Choose fewer images or detectors."
                ) from None
            raise
        finally:
            timer.cancel()

    def _running(self) -> subprocess.Popen:
        if self.process is None or self.process.poll() is not None:
            self._end()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core", "scorer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=store.PROJECT,
                start_new_session=True,  # Ctrl+C reaches the server alone; the end of the pipe then ends this one
            )
        return self.process

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()  # closes the pipes and reaps it
            self.process = None


shared = Scorer()  # one process a server, whatever the number of pages and sessions
