"""What `reproduce` does: run a published table again, and say of each cell whether it is so."""

import contextlib
import math
import sys
from argparse import Namespace as Words
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cli import terminal
from core.cli.reply import Reply
from core.errors import WrongRequest
from core.reproduce import protocol as protocols
from core.reproduce import start, tables, written
from core.reproduce.protocol import Protocol
from core.reproduce.results import Result, results
from core.reproduce.start import Asked, Plan
from core.reproduce.tables import PUBLISHED, QUICK, SHORTENED
from core.reproduce.verdict import Verdict
from core.runs import duration
from core.sweeps import backends, work


def reproduce(words: Words) -> Reply:
    """Train what a table needs and show it, or list the tables."""
    if not words.table:
        if words.list:
            return _list_tables()
        raise WrongRequest("Name a table. `python -m core reproduce --list` shows which there are.")
    if words.list:
        return _list_cells(words.table)
    asked = Asked(
        words.table,
        QUICK if words.quick else PUBLISHED if words.published else SHORTENED,
        words.dataset,
        words.seeds,
        words.epochs,
        words.device,
        tuple(words.cells),
        words.anew,
    )
    if words.show:
        protocol = _sealed(asked)
    else:
        made = start.plan(asked)
        if words.dry_run:
            return Reply(_plan(made, words), _plan_in_words(made, words))
        protocol = start.agreed(asked, made)
        print(_plan_in_words(made, words), file=sys.stderr, flush=True)
        print(f"Protocol {protocol.short}, sealed in {protocol.path}.", file=sys.stderr, flush=True)
        _train(protocol, made, words)
    found = results(protocol, words.mistaken)
    files = _write(protocol, found, words.out) if words.out else []
    return _reply(protocol, found, files)


def _list_tables() -> Reply:
    found = [tables.table(name) for name in tables.names()]
    from core.reproduce.cells import keys

    listed = [
        {"table": each.name, "title": each.title, "paper": each.paper, "cells": len(keys(each))} for each in found
    ]
    rows = [[str(each[name]) for name in ("table", "cells", "title")] for each in listed]
    return Reply({"tables": listed}, terminal.table(["table", "cells", "title"], rows))


def _list_cells(name: str) -> Reply:
    from core.reproduce.cells import keys

    found = keys(tables.table(name))
    return Reply({"table": name, "cells": found}, "\n".join(found))


def _sealed(asked: Asked) -> Protocol:
    protocol = protocols.newest(asked.key)
    if protocol is None:
        raise WrongRequest(f"{asked.key} was not started here. Leave --show out to start it.")
    return protocol


def _train(protocol: Protocol, made: Plan, words: Words) -> None:
    sweep = start.sweep_of(protocol, made)
    if sweep is None:
        return
    line = terminal.ProgressLine()
    with contextlib.closing(line):
        work.go_on(sweep, lambda news: _show(line, news), words.backend, words.jobs, words.cluster)


def _show(line: terminal.ProgressLine, news: work.Standing) -> None:
    details = f"{terminal.duration(news.left)} left" if news.left is not None else ""
    failed = f", {news.failed} failed" if news.failed else ""
    line.show(str(news.finished + news.failed), f"{news.finished}/{news.runs} runs{failed}", news.share, details)


def _plan(made: Plan, words: Words) -> dict[str, Any]:
    jobs = words.jobs or backends.default_jobs()
    return {
        "table": made.table.name,
        "cells": [cell.key for cell in made.cells],
        "missing": {cell.key: cell.missing for cell in made.cells if cell.missing},
        "runs": len(made.runs),
        "left": len(made.left),
        "seconds": made.seconds(jobs),
        "jobs": jobs,
    }


def _plan_in_words(made: Plan, words: Words) -> str:
    told = _plan(made, words)
    time = "of unknown length" if told["seconds"] is None else duration.in_words(told["seconds"])
    ahead = f"{told['left']:,} are left, {time} with {told['jobs']} at once" if made.left else "all are trained"
    missing = dict.fromkeys(told["missing"].values())
    text = f"{made.table.title}: {len(made.cells)} cells from {len(made.runs):,} runs; {ahead}."
    return "\n".join([text, *(f"Left out: {each}" for each in missing)])


def _write(protocol: Protocol, found: Sequence[Result], folder: Path) -> list[str]:
    from core.reproduce.report import html

    made = {
        "md": written.markdown(protocol, found),
        "csv": written.csv(protocol, found),
        "tex": written.latex(protocol, found),
        "html": html(protocol, found),
        "json": protocol.path.read_text(encoding="utf-8"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{protocol.key}.{ending}" for ending in made]
        for path, text in zip(paths, made.values(), strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongRequest(f"{folder} can't be written ({error.strerror}). Name another folder.") from None
    return [str(path) for path in paths]


def _reply(protocol: Protocol, found: Sequence[Result], files: Sequence[str]) -> Reply:
    head, rows, notes = written.text(protocol, found)
    parts = [
        f"{protocol.content['title']}\n{protocol.content['paper']}",
        terminal.table(head, rows),
        "\n".join(notes),
        "\n".join([*written.standing(protocol, found), *filter(None, [written.few_seeds(protocol, found)])]),
        "\n".join(files),
    ]
    content = {
        "table": protocol.content["table"],
        "protocol": protocol.digest,
        "sealed": str(protocol.path),
        "broken": protocol.broken,
        "cells": [_told(each) for each in found],
        "files": list(files),
    }
    failed = sum(each.failed for each in found)
    failure = f"{failed} runs failed; the same command trains them again." if failed else ""
    if failure:
        parts[-1] += f"\n{failure}"
    return Reply(content, "\n\n".join(filter(None, parts)), failure)


def _told(each: Result) -> dict[str, Any]:
    cell, claim = each.cell, each.cell.claim
    return {
        "cell": cell.key,
        "line": cell.line,
        "column": cell.column,
        "metric": cell.metric,
        "published": claim.value if claim else None,
        "verdict": _finite(each.verdict),
        "misread": _finite(each.misread) if each.misread else None,
        "runs": each.asked,
        "finished": each.finished,
        "failed": each.failed,
        "needed": cell.needed,
        "controls": dict(each.controls),
        "notes": list(each.notes),
    }


def _finite(verdict: Verdict) -> dict[str, Any]:
    """JSON has no nan."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in vars(verdict).items()}
