"""The command line: `python -m core COMMAND`.

Each command returns what `--json` prints as its last line, and prints text for a person where that is not asked for. Imports lie
inside the commands, so that those which only list load no torch.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.errors import MissingData, NoveltyError, RunFailed, WrongRequest

if TYPE_CHECKING:
    from core.methods.cards import Card
    from core.runs.spec import RunSpec
    from core.runs.store import Run

Answer = dict[str, Any]


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one sentence, like all others."""

    def error(self, message: str) -> NoReturn:
        raise WrongRequest(f"{message[0].upper()}{message[1:]}. `{self.prog} --help` shows what is taken.")


# --- what there is ---------------------------------------------------------------------------------------------------------


def datasets(arguments: argparse.Namespace) -> Answer:
    """List the image sets, fetch one, or add a folder or zip of own images."""
    from core import data
    from core.runs.terminal import ProgressLine, size, table

    line = ProgressLine()
    with contextlib.closing(line):
        if arguments.fetch:
            entries = [data.fetch(arguments.fetch, line.fetching)]
        elif arguments.add:
            entries = [_imported(arguments, line.fetching)]
        else:
            entries = data.catalogue()
    if not arguments.json:
        head = ["name", "classes", "images", "training", "test", "where"]
        print(
            table(
                head,
                [
                    [each.name, f"{len(each.classes)}", size(each.shape), f"{each.train_count:,}", f"{each.test_count:,}", _where(each)]
                    for each in entries
                ],
            )
        )
        if len(entries) == 1 and entries[0].note:
            print(entries[0].note)
    return {"datasets": [asdict(each) for each in entries]}


def _imported(arguments: argparse.Namespace, progress: Callable[[float | None, str], None]) -> Any:
    from core import data

    if not arguments.name:
        raise WrongRequest("The images need a name. Add --name NAME.")
    side, channels = arguments.size, arguments.channels
    if side is None or channels is None:
        report = data.inspect(arguments.add, progress)
        side, channels = side or report.side, channels or report.channels
    return data.import_images(arguments.add, arguments.name, side, channels, progress=progress)


def _where(entry: Any) -> str:
    from core import data

    if entry.stand_in:
        return f"{entry.stand_in} stands in"
    if entry.present:
        return entry.origin
    if entry.download_megabytes:
        return f"fetch {entry.download_megabytes:,.0f} MB: datasets --fetch {entry.name}"
    return f"put {entry.name}.npz into {data.roots()[0]}"


def list_methods(arguments: argparse.Namespace) -> Answer:
    """List the methods, or the settings and scores of one."""
    from core import methods
    from core.runs.terminal import table

    cards = [methods.card(arguments.name)] if arguments.name else methods.cards()
    answer = [_method(card) for card in cards]
    if arguments.json:
        return {"methods": answer}
    if not arguments.name:
        print(table(["name", "title", "scores"], [[card.name, card.title, ", ".join(s.name for s in card.scores)] for card in cards]))
        print("\n`python -m core methods NAME` shows what can be set.")
        return {"methods": answer}
    card, described = cards[0], answer[0]
    print(f"{card.title}. {card.sentence}\n{card.paper}\n")
    print(table(["score", "", ""], [[each.name, "headline" if each.name == card.headline else "", each.sentence] for each in card.scores]))
    rows = [
        [each["name"], each["label"], each["range"], f"{each['quick']}", f"{each['paper']}", "yes" if each["after"] else ""]
        for each in described["knobs"]
    ]
    print("\n" + table(["setting", "", "takes", "quick", "paper", "after training"], rows))
    print("\nPresets are those for grey images of 28x28; a method may choose others for smaller or larger ones.")
    return {"methods": answer}


def _method(card: "Card") -> Answer:
    from core.knobs import knobs_of

    shape = (1, 28, 28)
    told = ("name", "title", "family", "sentence", "paper", "headline")
    settings = [
        {name: getattr(each, name) for name in ("name", "label", "help", "group", "low", "high", "after")}
        | {"kind": each.kind.__name__, "choices": list(each.choices), "range": each.range}
        | {preset: each.preset(preset, shape) for preset in ("quick", "paper")}
        for each in knobs_of(card.knobs)
    ]
    return {name: getattr(card, name) for name in told} | {"scores": [asdict(each) for each in card.scores], "knobs": settings}
