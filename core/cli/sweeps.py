"""What the commands about sweeps do, and what they show."""

import contextlib
import sys
from argparse import Namespace as Words
from collections.abc import Sequence
from typing import Any

from core.cli import terminal
from core.cli.reply import Reply
from core.errors import WrongRequest
from core.runs import locks
from core.runs.run import FINISHED
from core.sweeps import backends, cells, grid, rows, tables, work
from core.sweeps import sweep as sweeps
from core.sweeps.plan import ASKED_FROM, Plan, plan
from core.sweeps.rows import FAILED, REFUSED, Row
from core.sweeps.sweep import Sweep


def list_sweeps(words: Words) -> Reply:
    """All sweeps."""
    listed = [_listed(each) for each in sweeps.sweeps()]
    head = ["sweep", "state", "runs", "finished", "failed", "refused"]
    table = [[str(each[name]) for name in head] for each in listed]
    return Reply({"sweeps": listed}, terminal.table(head, table) if listed else "There are no sweeps.")


def _listed(one: Sweep) -> dict[str, Any]:
    found = work.standing(rows.rows(one))
    counts = {name: getattr(found, name) for name in ("runs", "finished", "failed", "refused")}
    return {"sweep": one.name, "state": one.state, **counts, "created": one.created, "shipped": one.shipped}


def sweep(words: Words) -> Reply:
    """Train what is left of a grid, of a file or of a sweep that is known."""
    if bool(words.file) == bool(words.go_on):
        raise WrongRequest("Name the TOML file of a grid, or a known sweep with --go-on NAME.")
    if words.go_on:
        one = sweeps.find(words.go_on)
        if words.lock is not None:  # whoever started this process has queued it
            locks.adopt(one.folder, words.lock)
        asked, found = one.grid, list(one.cells)
    else:
        asked = grid.from_file(words.file)
        if cells.count(asked) > ASKED_FROM and not words.yes and not words.dry_run:
            _ask(f"The grid asks for up to {cells.count(asked):,} runs. Look at them all?")
        found = cells.expand(asked)
    planned = plan(found, words.jobs or backends.default_jobs())
    told = planned.in_words(asked.name)
    if words.dry_run:
        return Reply(_plan(asked.name, planned), told)
    print(told, file=sys.stderr, flush=True)
    if planned.left > ASKED_FROM and not words.yes:
        _ask(f"Train {planned.left:,} runs?")
    if not words.go_on:
        one = sweeps.keep(asked, found)
    elif words.lock is None:
        sweeps.ready(one)
    line = terminal.ProgressLine()
    with contextlib.closing(line):
        work.go_on(one, lambda news: _show(line, news), words.backend, words.jobs, words.cluster)
    return _result(one)


def _ask(question: str) -> None:
    """Raise WrongRequest where the answer is no, or nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongRequest(f"{question} Nobody can be asked here. Add --yes, or --dry-run to see what it means.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise WrongRequest("Nothing was started.")


def _plan(name: str, planned: Plan) -> dict[str, Any]:
    """What is going to happen, before it does, as `--dry-run --json` says it."""
    refused = [{"settings": dict(cell.settings), "sentence": cell.refusal} for cell in planned.refused]
    numbers = {key: getattr(planned, key) for key in ("runs", "done", "left", "seconds", "jobs")}
    return {"sweep": name, **numbers, "refused": refused}


def _show(line: terminal.ProgressLine, news: work.Standing) -> None:
    asked = news.runs - news.refused
    details = f"{terminal.duration(news.left)} left" if news.left is not None else ""
    failed = f", {news.failed} failed" if news.failed else ""
    line.show(str(news.finished + news.failed), f"{news.finished}/{asked} runs{failed}", news.share, details)


def _result(one: Sweep) -> Reply:
    found = rows.rows(one)
    told = work.standing(found)
    content = {"sweep": one.name, "state": one.state, "runs": told.runs, "finished": told.finished}
    content |= {"failed": told.failed, "refused": told.refused, "rows": [row.to_json() for row in found]}
    text = summary(found)
    if one.state == FINISHED:
        return Reply(content, text)
    reasons = dict.fromkeys(f"{row.run or 'A run'}: {row.sentence}" for row in found if row.state == FAILED)
    ended = f"{told.failed} of {told.runs} runs failed" if told.failed else f"The sweep was {one.state}"
    again = f"`python -m core sweep --go-on {one.name}` goes on with it."
    return Reply(content, text, failure="\n".join([*reasons, f"{ended}. {again}"]))


def summary(found: Sequence[Row]) -> str:
    """A line for each setting: mean and spread of the headline's AUROC over seeds, and what could not be trained."""
    axes = [name for name in tables.axes(found) if name not in tables.SEEDS]
    names = axes or ["method", "target"]
    groups = tables.over_seeds([row for row in found if row.state != REFUSED], tables.metric())
    body = [
        [
            *("" if (value := group.settings.get(name)) is None else str(value) for name in names),
            group.rows[0].headline,
            terminal.number(group.mean) if group.values else "",
            terminal.number(group.spread) if len(group.values) > 1 else "",
            f"{len(group.values)} of {len(group.rows)}",
        ]
        for group in groups
    ]
    refused = dict.fromkeys(f"Not trained: {row.sentence}" for row in found if row.state == REFUSED)
    table = terminal.table([*names, "score", "auroc, mean", "spread over seeds", "finished"], body)
    return "\n\n".join([table, *refused])
