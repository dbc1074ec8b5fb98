"""The start of a table: its protocol is sealed, then its runs are trained as a sweep; what is trained isn't again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core import knobs
from core.errors import WrongRequest
from core.reproduce import cells as all_cells
from core.reproduce import protocol as protocols
from core.reproduce.cells import Cell
from core.reproduce.protocol import Protocol
from core.reproduce.tables import QUICK, SHORTENED, Table, table
from core.runs import locks
from core.runs.process import detached
from core.runs.run import FINISHED
from core.runs.spec import RunSpec
from core.sweeps import cells as sweep_cells
from core.sweeps import jobs, rows
from core.sweeps import sweep as sweeps
from core.sweeps.grid import Grid
from core.sweeps.sweep import Sweep


@dataclass(frozen=True)
class Asked:
    """What a person asks for.  The fields are those of `cells`; anew: whether a sealed protocol may be replaced."""

    table: str
    scale: str
    dataset: str = ""
    seeds: int | None = None
    epochs: int | None = None
    device: str = "auto"
    patterns: tuple[str, ...] = ()
    anew: bool = False

    @property
    def on(self) -> str:
        """The set in place of the table's own, an empty text where there is none."""
        return self.dataset or (table(self.table).quick_dataset if self.scale == QUICK else "")

    @property
    def key(self) -> str:
        """The folder of its protocols."""
        return protocols.key_of(table(self.table).name, self.scale, self.on)

    def words(self) -> list[str]:
        """The same for the command line."""
        told = [self.table, *([] if self.scale == SHORTENED else [f"--{self.scale}"])]
        told += ["--dataset", self.dataset] if self.dataset else []
        told += ["--seeds", str(self.seeds)] if self.seeds is not None else []
        told += ["--epochs", str(self.epochs)] if self.epochs is not None else []
        told += ["--device", self.device] if self.device != "auto" else []
        told += ["--cells", *self.patterns] if self.patterns else []
        return told + (["--anew"] if self.anew else [])


@dataclass(frozen=True)
class Plan:
    """What is going to happen.  runs: all that the chosen cells need; left: those that nobody has trained yet."""

    table: Table
    cells: tuple[Cell, ...]
    runs: tuple[RunSpec, ...]
    left: tuple[RunSpec, ...]

    def seconds(self, at_once: int) -> float | None:
        """About how long that takes; None where nothing like it has been trained."""
        return sweep_cells.total_seconds(list(self.left), at_once)


def plan(asked: Asked) -> Plan:
    """The cells that are asked for, and their runs.  Reads the images that they need.  Raises WrongRequest."""
    whole = table(asked.table)
    found = all_cells.cells(
        whole,
        asked.scale,
        dataset=asked.dataset,
        seeds=asked.seeds,
        epochs=asked.epochs,
        device=asked.device,
        patterns=asked.patterns,
    )
    runs = list({spec.hash: spec for cell in found for row in cell.specs for spec in row}.values())
    done = rows.runs_of(runs)
    left = [spec for spec in runs if spec.hash not in done or done[spec.hash].state != FINISHED]
    return Plan(whole, tuple(found), tuple(runs), tuple(left))


def agreed(asked: Asked, made: Plan) -> Protocol:
    """The protocol, sealed before the first run.  Raises WrongRequest where a sealed one says otherwise."""
    count = made.table.seeds[asked.scale] if asked.seeds is None else asked.seeds
    content = protocols.drawn_up(made.table, made.cells, asked.scale, count, asked.on, asked.epochs)
    return protocols.settled(content, asked.anew)


def sweep_of(protocol: Protocol, made: Plan) -> Sweep | None:
    """The sweep that trains what the chosen cells need, queued; None where nothing is left.  Raises WrongRequest."""
    if not made.left:
        return None
    found = [sweep_cells.Cell(_settings(spec), spec) for spec in made.runs]
    return sweeps.keep(grid_of(protocol.sweep, made.runs), found)


def grid_of(name: str, runs: Sequence[RunSpec]) -> Grid:
    """The smallest grid that holds the runs, so that the list of sweeps can say what this one is about."""
    return Grid(
        name=name,
        dataset=tuple(dict.fromkeys(spec.dataset for spec in runs)),
        scenario=tuple(dict.fromkeys(spec.scenario for spec in runs)),
        target=tuple(dict.fromkeys(spec.target for spec in runs)),
        method=tuple(dict.fromkeys(spec.method for spec in runs)),
        device=tuple(dict.fromkeys(spec.device for spec in runs)),
        seeds=tuple(dict.fromkeys(spec.seed for spec in runs)),
        split_seeds=tuple(dict.fromkeys(spec.split_seed for spec in runs)),
    )


def _settings(spec: RunSpec) -> dict[str, object]:
    """What the table of a sweep's runs tells of one: its task, method and seeds, and where it leaves the presets."""
    quick = knobs.values(spec.card.knobs())
    changed = {f"knobs.{name}": value for name, value in spec.knobs.items() if quick.get(name) != value}
    return {
        "method": spec.method,
        "dataset": spec.dataset,
        "scenario": spec.scenario,
        "target": ", ".join(spec.target),
        **changed,
        "split_seed": spec.split_seed,
        "seed": spec.seed,
    }


def running(protocol: Protocol) -> Sweep | None:
    """The sweep of a protocol, where one was started and not deleted."""
    folder = sweeps.root() / protocol.sweep
    return sweeps.find(protocol.sweep) if folder.is_dir() else None


def submit(asked: Asked, at_once: int | None = None) -> None:
    """Start `python -m core reproduce` in a session of its own, so that it outlives the server."""
    folder = protocols.root()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = log_of(asked).open("ab")
    except OSError as error:
        raise WrongRequest(f"The folder for protocols, {folder}, can't be written ({error.strerror}).") from None
    with log:
        if not locks.take(log.fileno()):
            raise WrongRequest("Its runs are being trained already. Wait until they have ended, or cancel them.")
        log.truncate(0)
        more = ["--jobs", str(at_once)] if at_once else []
        detached.start(["reproduce", *asked.words(), *more], log)


def log_of(asked: Asked) -> Path:
    """What the detached process of a table says; it is locked while that process lives, which has it for its output."""
    return protocols.root() / f"{asked.key}.log"


def said(asked: Asked) -> str:
    """The last line that its detached process said, or an empty text."""
    path = log_of(asked)
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    return text.splitlines()[-1] if text else ""


def under_way(asked: Asked) -> bool:
    """Whether its runs are being trained, or its process has just been started."""
    found = protocols.newest(asked.key)
    sweep = running(found) if found else None
    if sweep and sweep.state in sweeps.LIVE:
        return True
    return locks.held(log_of(asked))


def cancel(protocol: Protocol) -> None:
    """Ask the training of a table to stop; finished runs stay.  Raises WrongRequest where none is under way."""
    sweep = running(protocol)
    if sweep is None:
        raise WrongRequest("Nothing of this table is training, so there is nothing to cancel.")
    jobs.cancel(sweep)
