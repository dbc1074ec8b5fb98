"""Runs on one task, of one family and of others: which there are, and which nobody has trained there yet."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import methods
from core.errors import NoveltyError
from core.runs import store
from core.runs.spec import RunSpec, request
from core.runs.store import FINISHED, Run


def on_same_task(run: Run) -> list[Run]:
    """The finished runs of its family on its task, itself among them."""
    family, task = run.spec.card.family, run.spec.task.hash
    return store.those(
        lambda each: (each.spec.card.family, each.spec.task.hash) == (family, task) and each.state == FINISHED
    )


def of_other_families(run: Run) -> list[Run]:
    """The finished runs of other families on its task."""
    family, task = run.spec.card.family, run.spec.task.hash
    return store.those(
        lambda each: each.spec.task.hash == task and each.spec.card.family != family and each.state == FINISHED
    )


def other_methods(run: Run, alike: Sequence[Run]) -> list[RunSpec]:
    """What the methods of its family that none of these runs has would be asked: the quick preset on the same task.

    A method that can't be trained on it is left out.
    """
    asked, used = run.spec, {each.spec.method for each in alike}
    names = [card.name for card in methods.cards() if card.family == asked.card.family and card.name not in used]
    found = []
    for name in names:
        with contextlib.suppress(NoveltyError):
            spec = request(
                asked.dataset, asked.scenario, asked.target, name, options=asked.options, split_seed=asked.split_seed
            )
            found.append(replace(spec, seed=asked.seed))
    return found


def variations(run: Run, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, RunSpec]:
    """The run asked for with other knobs, by what is asked that way; what was trained already is left out.

    changes: a question -> the knobs that answer it.
    """
    specs = {words: replace(run.spec, knobs={**run.spec.knobs, **knobs}) for words, knobs in changes.items()}
    return {words: spec for words, spec in specs.items() if not store.same(spec)}
