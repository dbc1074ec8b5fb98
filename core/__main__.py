"""The command line: `python -m core COMMAND`.  What the commands do is in `core/cli/commands.py`."""

import argparse
import contextlib
import io
import json
import os
import sys
import threading
from argparse import Namespace as Words
from pathlib import Path
from typing import Any, NoReturn

from core.errors import NoveltyError, RunFailed, WrongRequest
from core.glossary import TERMS
from core.texts import harmless

INNER = ("job", "warm", "rest", "scorer", "mirror")  # processes that the app starts: not for people, so not listed
STATES = ("queued", "running", "finished", "failed", "cancelled", "interrupted")
RUN: dict[str, Any] = {"metavar": "RUN", "help": "its id, or an unambiguous beginning of it"}
SETTINGS: dict[str, Any] = {"nargs": "+", "action": "extend", "default": [], "metavar": "NAME=VALUE"}


class Parser(argparse.ArgumentParser):
    """argparse with complaints of one line, like all others."""

    def error(self, message: str) -> NoReturn:
        raise WrongRequest(f"{message[0].upper()}{message[1:]}. `{self.prog} --help` shows what it takes.")


class Commands:
    """The parser of all commands, each of which names the function in `commands` that answers it."""

    def __init__(self) -> None:
        self.common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
        self.common.add_argument(
            "--data-root", metavar="FOLDERS", help="where image sets lie, in place of NOVELTY_DATA"
        )
        self.common.add_argument("--json", action="store_true", help="print one machine-readable line in place of text")
        about = f"{TERMS['novelty-detection'].sentence} `glossary` explains every word used here."
        self.parser = Parser("python -m core", description=about, parents=[self.common], allow_abbrev=False)
        self.commands = self.parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, answer: str, help: str = "") -> Parser:
        """One more command."""
        added = self.commands.add_parser(
            name, parents=[self.common], allow_abbrev=False, help=help, description=f"{help[:1].upper()}{help[1:]}."
        )
        added.set_defaults(answer=answer)
        return added


def parser() -> Parser:
    """The commands for people."""
    commands = Commands()
    datasets = commands.add("datasets", "list_datasets", "list the image sets, fetch one, or add your own images")
    source = datasets.add_mutually_exclusive_group()
    source.add_argument("--fetch", metavar="NAME", help="download a set into the first data root")
    source.add_argument("--add", type=Path, metavar="FOLDER_OR_ZIP", help="pack your own images into a set")
    datasets.add_argument("--name", help="of the set that is added")
    datasets.add_argument(
        "--part", default="", help="which set of a folder that holds several, such as bottle of MVTec AD"
    )
    datasets.add_argument("--dry-run", action="store_true", help="only say what was understood, and add nothing")
    datasets.add_argument("--size", type=int, metavar="PIXELS", help="side of its images; by default what suits them")
    datasets.add_argument("--channels", type=int, help="1 for grey, 3 for colour; by default what suits them")

    methods = commands.add("methods", "list_methods", "list the methods, or the scores and settings of one")
    methods.add_argument("name", nargs="?", metavar="NAME")

    _add_train(commands)
    precision = commands.add("precision", "compare_precisions", "measure what bfloat16 gains here over float32")
    precision.add_argument("--dataset", required=True, metavar="DATASET", help="whose image size counts")
    _add_method(precision)

    score = commands.add("score", "score", "score images with a trained run")
    score.add_argument("run", **RUN)
    score.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="files, or folders of them")
    score.add_argument("--score", metavar="NAME", help="one of the run's scores; by default all")
    score.add_argument("--set", help="settings that act after training", **SETTINGS)
    score.add_argument("--csv", action="store_true", help="comma-separated values in place of a table")

    evaluate = commands.add("evaluate", "evaluate", "compute the metrics of a run again from its checkpoint")
    evaluate.add_argument("run", **RUN)
    evaluate.add_argument("--set", help="settings that act after training", **SETTINGS)
    again = "measure the stored scores again and keep the numbers, with the intervals of this version"
    evaluate.add_argument("--keep", action="store_true", help=again)

    runs = commands.add("runs", "list_runs", "list the runs")
    runs.add_argument("--state", choices=STATES, metavar="STATE", help=", ".join(STATES))
    runs.add_argument("--method", metavar="METHOD", help="see `methods`")

    glossary = commands.add("glossary", "explain", "say in plain words what metrics and terms mean")
    glossary.add_argument("term", nargs="*", metavar="TERM", help="by default all, such as auroc or control-line")

    commands.add("resume", "resume", "go on with an interrupted, cancelled or failed run").add_argument("run", **RUN)
    commands.add("cancel", "cancel", "stop a run that is queued or in training").add_argument("run", **RUN)
    delete = commands.add("delete", "delete", "remove a run that has ended")
    delete.add_argument("run", **RUN)
    delete.add_argument("--yes", action="store_true", help="don't ask")

    _add_sweep(commands)
    commands.add("sweeps", "list_sweeps", "list the sweeps")
    _add_reproduce(commands)
    return commands.parser


def _add_train(commands: Commands) -> None:
    train = commands.add("train", "train", "train a method on a task and show what it reaches")
    train.add_argument("--dataset", required=True, metavar="DATASET", help="see `datasets`")
    train.add_argument("--scenario", required=True, metavar="SCENARIO", help="which classes are normal")
    target = "a class by name, or by number where none is called so, several separated by commas, or a super-category; "
    target += "none where they are drawn"
    train.add_argument("--target", default="", metavar="CLASSES", help=target)
    _add_method(train)
    train.add_argument("--scenario-set", help="options of the scenario", **SETTINGS)
    train.add_argument("--epochs", type=int, metavar="N", help="epochs of the main stage")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="of the network and the order of images")
    train.add_argument("--split-seed", type=int, default=0, metavar="N", help="of the task's split")


def _add_method(parser: Parser) -> None:
    parser.add_argument("--method", required=True, metavar="METHOD", help="see `methods`")
    parser.add_argument("--preset", default="quick", metavar="PRESET", help="quick (the default) or paper")
    parser.add_argument("--set", help="settings of the method", **SETTINGS)
    parser.add_argument("--device", default="auto", metavar="DEVICE", help="auto (the default), cpu or cuda")


def _add_sweep(commands: Commands) -> None:
    sweep = commands.add("sweep", "sweep", "train a grid of runs, or what is left of it")
    sweep.add_argument("file", nargs="?", type=Path, metavar="FILE.toml", help="the grid")
    sweep.add_argument("--go-on", metavar="NAME", help="a known sweep, in place of a file; see `sweeps`")
    sweep.add_argument("--lock", type=int, help=argparse.SUPPRESS)  # of a queued one, which this process has inherited
    _add_workers(sweep)
    sweep.add_argument("--dry-run", action="store_true", help="say how many runs and how long, and train nothing")
    sweep.add_argument("--yes", action="store_true", help="don't ask, however many runs there are")


def _add_reproduce(commands: Commands) -> None:
    reproduce = commands.add(
        "reproduce", "reproduce", "run a published table again and say of each cell whether it is so"
    )
    reproduce.add_argument("table", nargs="?", default="", metavar="TABLE", help="see --list; or a TOML file")
    reproduce.add_argument("--list", action="store_true", help="name the tables, or the cells of one")
    reproduce.add_argument("--cells", nargs="+", action="extend", default=[], metavar="CELL", help="such as 'ae/*'")
    scale = reproduce.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_true", help="on small built-in images, in minutes: shows how it goes")
    scale.add_argument("--published", action="store_true", help="as published; by default shortened, for two cores")
    reproduce.add_argument("--dataset", default="", metavar="DATASET", help="in place of the published one")
    reproduce.add_argument("--seeds", type=int, metavar="N", help="how many; by default the table's")
    reproduce.add_argument("--epochs", type=int, metavar="N", help="of the main stage of every method")
    reproduce.add_argument("--device", default="auto", metavar="DEVICE", help="auto (the default), cpu or cuda")
    reproduce.add_argument("--mistaken", action="store_true", help="read cells as the published code mistakenly does")
    reproduce.add_argument("--anew", action="store_true", help="seal another protocol; finished runs are kept")
    reproduce.add_argument("--show", action="store_true", help="train nothing: show the table as it stands")
    reproduce.add_argument("--dry-run", action="store_true", help="say how many runs and how long, and seal nothing")
    reproduce.add_argument("--out", type=Path, metavar="FOLDER", help="write Markdown, CSV, LaTeX and an HTML report")
    _add_workers(reproduce)


def _add_workers(parser: Parser) -> None:
    parser.add_argument("--backend", default="loky", metavar="BACKEND", help="loky (this machine, the default) or dask")
    parser.add_argument("--jobs", type=int, metavar="N", help="how many train at once; by default one for each core")
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help="of a Dask scheduler: tcp://host:8786")


def inner_parser() -> Parser:
    """The commands for the app itself."""
    commands = Commands()
    job = commands.add("job", "job")
    job.add_argument("run")
    job.add_argument("--lock", type=int, help="the descriptor of its lock, which this process has inherited")
    commands.add("warm", "wait").add_argument("--channel", type=int, help="a socket that this process has inherited")
    commands.add("rest", "rest")
    commands.add("scorer", "serve")
    commands.add("mirror", "reflect")
    return commands.parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 2 a wrong request, 1 a failed run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Threads that spin while they wait starve each other where a core is shared: beside a busy process a twentieth of
    # the speed is left. Threads that never spin lose nearly half on a quiet machine. A short spin loses little there,
    # and nothing here.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "400")
    chosen = inner_parser() if arguments[:1] and arguments[0] in INNER else parser()
    try:
        words = chosen.parse_args(arguments, Words(json=False, data_root=""))
        # Not before: whoever asks for help or mistypes a word waits for nothing.
        from core import data
        from core.cli import commands

        data.set_roots([Path(part) for part in words.data_root.split(os.pathsep) if part])
        reply = getattr(commands, words.answer)(words)
        text = json.dumps(reply.content) if words.json else reply.text
        if text:
            print(text if words.json else harmless(text), flush=True)
        if reply.failure:
            raise RunFailed(reply.failure)
    except NoveltyError as error:
        print(harmless(str(error)), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return RunFailed.exit_status
    except BrokenPipeError:
        # Whoever reads has seen enough; without this Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def leave(status: int) -> NoReturn:
    """End this process.

    One that has loaded torch would take its libraries apart first, for half a second and 120 MB more than it ever held:
    it ends at once, but where worker processes or threads are still to be ended in order.
    """
    orderly = "torch" not in sys.modules or "joblib" in sys.modules or "mlflow" in sys.modules
    if orderly or any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread()):
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody may be reading any more
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a class name may hold what the terminal can't show
    leave(main())
