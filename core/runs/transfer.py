"""A run as one zip: packed to be given away, and unpacked from a stranger without running code or trusting a byte.

A zip holds one folder with the files of `KNOWN` and nothing else. What a machine keeps for itself stays there: lock,
heartbeat, checkpoint, the names of its folders. A run that has not ended well keeps log and curves, and no results.
"""

import contextlib
import io
import json
import math
import re
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core import knobs, scenarios
from core.data.catalogue import NAME
from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.runs import checks, files, store
from core.runs.spec import RunSpec
from core.runs.store import Run

ARRAYS = (
    "test",
    "scores",
    "explanations",
    "portrait",
    "curves",
    "neighbours",
    "controls",
    "probe",
    "train",
    "projection",
)
KNOWN = re.compile(
    r"(run|state|name|controls)\.json|progress\.jsonl|log\.txt|detector\.safetensors"
    rf"|({'|'.join(ARRAYS)})\.npz|snapshots/(?:[a-z-]{{1,40}}-)?\d{{1,6}}\.npz"
)
MEMBER = re.compile(rf"(?:(?P<folder>[A-Za-z0-9][A-Za-z0-9._-]*)/)?(?P<file>{KNOWN.pattern})")
FOLDER = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?(snapshots/)?")
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ADVICE = "Import a zip that was downloaded on the Runs page."
ASK = "Ask for the run again."
NAMED = {"name": checks.NAME}
MOST_FILES = 64
MOST_BYTES = 2 * 2**30  # of all files of a zip, and of all arrays of one npz: what a page may have to hold in memory
MOST_TEXT = 20 * 2**20
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack a block without asking for its size
MOST_RATIO = 200  # of a file over 1 MB; arrays and weights hardly shrink, text by ten


def pack(run: Run) -> bytes:
    """The run as a zip that `unpack` takes, without the names of folders of this machine.

    Raises WrongRequest for a live run.
    """
    state = run.state
    if state in store.LIVE:
        raise WrongRequest(f"{run.id} is {state}. Wait until it has ended, or cancel it.")
    about = run.about | {"note": _without_folders(str(run.about.get("note", "")))}
    mark = {"state": state, "since": run.mark["since"], "sentence": _without_folders(run.sentence)}
    rewritten = {
        "run.json": json.dumps(about),
        "state.json": json.dumps(mark),
        "log.txt": _without_folders(run.log()),
        "progress.jsonl": "".join(f"{json.dumps(epoch)}\n" for epoch in run.progress()),  # without a torn line
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, text in rewritten.items():
            archive.writestr(f"{run.id}/{name}", text)
        for path in sorted(run.folder.rglob("*")):
            name = path.relative_to(run.folder).as_posix()
            if path.is_file() and KNOWN.fullmatch(name) and name not in rewritten:
                archive.write(path, f"{run.id}/{name}")
    return packed.getvalue()


def unpack(source: bytes | Path | BinaryIO) -> Run:
    """The run of a zip, added to the store under a name that is free.  It appears there whole or not at all.

    Raises WrongRequest where the zip is none of ours or the store can't be written, DamagedRun where a file of the run
    can't be right.
    """
    with store.written():
        store.root().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".import-", dir=store.root()))
    try:
        _extract(io.BytesIO(source) if isinstance(source, bytes) else source, folder)
        with _telling(folder):
            run = Run(folder)
            about, mark = run.about, {name: run.mark.get(name, "") for name in ("state", "since", "sentence")}
            _require(mark["state"] in store.ENDED, folder / "state.json", f"state is {mark['state']}")
            _require(NAME.fullmatch(run.spec.dataset), folder / "run.json", "spec.dataset is no name of an image set")
            if mark["state"] == store.FINISHED:
                _require_results(run)
            else:
                about = {name: about[name] for name in ("format", "spec", "created")}
            _require_readable(run)
            spec = _with_all_settings(run.spec)
        with store.written():
            files.write_json(folder / "run.json", about | {"spec": spec.to_json()})
            files.write_json(folder / "state.json", mark | {"imported": time.time()})
            folder.chmod(0o755)
            return Run(store.placed(folder, spec.slug))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _without_folders(text: str) -> str:
    """The text with every absolute path cut to its last part: a traceback names the folders of its machine."""
    text = re.sub(r'(["\'])(?:[A-Za-z]:)?[\\/][^"\'\n]*[\\/]([^"\'\\/\n]*)\1', r"\1\2\1", text)
    return re.sub(r"(?<![\w.])(?:[A-Za-z]:)?(?:[\\/]~?[\w.@+-]+)+[\\/]", "", text)


# --- the zip --------------------------------------------------------------------------------------------------------


def _extract(source: Path | BinaryIO, folder: Path) -> None:
    """Write the zip's files into the folder; no name of the zip becomes a path unless it is one of `KNOWN`."""
    try:
        with zipfile.ZipFile(source) as archive:
            for name, member in _members(archive).items():
                (folder / name).parent.mkdir(exist_ok=True)
                # zipfile gives no more bytes than a member's declared size, which has been checked
                with archive.open(member) as stream, (folder / name).open("xb") as file:
                    shutil.copyfileobj(stream, file, 2**20)
    except NoveltyError:
        raise
    except Exception as error:  # a broken zip raises many kinds of error, and each means the same to a person
        if isinstance(error, OSError) and error.errno:
            raise WrongRequest(f"The run can't be written to {store.root()} ({error.strerror}).") from None
        raise WrongRequest("This is not a whole zip file. Download the run again.") from None


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The zip's files by their names in the run's folder.  Raises WrongRequest for what `pack` doesn't write."""
    listed = archive.infolist()
    if len(listed) > MOST_FILES:
        raise WrongRequest(f"The zip holds {len(listed):,} files, a run at most {MOST_FILES}. Import one run's zip.")
    found: dict[str, zipfile.ZipInfo] = {}
    folders = set()
    for member in listed:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir() and kind in (0, stat.S_IFDIR) and FOLDER.fullmatch(member.filename):
            continue
        match = MEMBER.fullmatch(member.filename)
        if not match or kind not in (0, stat.S_IFREG) or match["file"] in found:
            raise WrongRequest(f"The zip holds {member.filename[:80]!r}, which no run has. {ADVICE}")
        found[match["file"]] = member
        folders.add(match["folder"])
    _require_modest(list(found.values()))
    if len(folders) > 1 or not {"run.json", "state.json"} <= found.keys():
        raise WrongRequest(f"The zip is not that of one run with its run.json and state.json. {ADVICE}")
    for name, member in found.items():
        if not name.endswith((".npz", ".safetensors")) and member.file_size > MOST_TEXT:
            raise WrongRequest(f"{name} in the zip would take {member.file_size / 2**20:,.0f} MB. {ADVICE}")
    return found


def _require_modest(members: list[zipfile.ZipInfo]) -> None:
    """Raise WrongRequest for what would fill memory or disk, by declared sizes: beyond them zipfile doesn't read."""
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES:
        raise WrongRequest(f"The zip would take {total / 2**30:,.1f} GB, a run at most {MOST_BYTES / 2**30:.0f} GB.")
    for member in members:
        if member.flag_bits & 1 or member.compress_type not in COMPRESSIONS:
            raise WrongRequest(f"{member.filename[:80]} in the zip is encrypted or packed in a rare way. {ADVICE}")
        if member.file_size > 2**20 and member.file_size > MOST_RATIO * member.compress_size:
            raise WrongRequest(f"{member.filename[:80]} in the zip would grow more than {MOST_RATIO}-fold. {ADVICE}")


# --- the run --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """What is wrong with a file, in the words of somebody who holds a zip and has no run yet."""
    try:
        yield
    except DamagedRun as error:
        told = (
            str(error).replace(f"of the run {folder.name}", "in the zip").replace(f"The run {folder.name}", "The zip")
        )
        raise DamagedRun(told.replace(files.ADVICE, ASK)) from None


def _require(right: object, path: Path, told: str) -> None:
    if not right:
        raise files.damaged(path, told)


def _with_all_settings(spec: RunSpec) -> RunSpec:
    """The request with every setting and option named: a zip from an older version lacks those that are new."""
    options = knobs.changed(scenarios.named(spec.scenario).options(), spec.options)
    return replace(spec, knobs=knobs.values(spec.settings), options=knobs.values(options))


def _require_results(run: Run) -> None:
    """Raise DamagedRun unless the results that every page reads are there."""
    about, path = run.about, run.folder / "run.json"
    if told := checks.wrong(about, {"note": checks.TEXT, "alarms": checks.Each(checks.TEXT), **checks.RESULTS}):
        raise files.damaged(path, told)
    for score in run.spec.card.scores:
        for kind in ("thresholds", "metrics"):
            _require(score.name in about[kind], path, f"{kind}.{score.name} is missing")
    for name in ("test.npz", "scores.npz", "detector.safetensors"):
        if not (run.folder / name).exists():
            raise DamagedRun(f"The zip holds a finished run without {name}. {ASK}")


def _require_readable(run: Run) -> None:
    """Raise DamagedRun unless every file is of its kind: arrays without objects, tensors, lines of JSON."""
    for path in sorted(run.folder.rglob("*.npz")):
        file = path.relative_to(run.folder).with_suffix("").as_posix()
        _require_plain(path)
        found = run.arrays(file)
        if file == "scores" and run.state == store.FINISHED:
            for name in (f"{split}/{score.name}" for split in ("test", "valid") for score in run.spec.card.scores):
                _ = found[name]
    weights = run.folder / "detector.safetensors"
    if weights.exists():
        _require(_is_state(weights), weights, "it holds no weights")
    if (run.folder / "name.json").exists():
        files.read_json(run.folder / "name.json", NAMED)
    _ = run.controls, run.progress()


def _is_state(path: Path) -> bool:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as archive:
            return isinstance(json.loads(archive.metadata()["structure"]), dict)
    except Exception:  # a broken file raises many kinds of error, and each means the same to a person
        return False


def _require_plain(path: Path) -> None:
    """Raise DamagedRun unless an npz holds plain arrays whose headers, sizes and checksums agree, before they are read.

    Raises WrongRequest for a bomb.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MOST_BYTES:
                raise WrongRequest(
                    f"The arrays of {path.name} would take more than {MOST_BYTES / 2**30:.0f} GB. {ADVICE}"
                )
            right = all(member.compress_type in COMPRESSIONS and _is_plain(archive, member) for member in members)
    except NoveltyError:
        raise
    except Exception:  # as above
        right = False
    _require(right, path, "it holds no arrays")


def _is_plain(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member is an array without objects (pickles), of the size that its header claims."""
    with archive.open(member) as stream:
        shape, _, kind = HEADERS[np.lib.format.read_magic(stream)](stream)
        if kind.kind not in "biufU" or member.file_size != stream.tell() + math.prod(shape) * kind.itemsize:
            return False
        while stream.read(2**20):  # to the end, where the checksum is compared
            pass
    return True
