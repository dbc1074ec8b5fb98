"""Choices that live in the link: a run, several runs, a score, an image.

A run stands in the link by its id, which outlives a new name: `?rapp_run=rapp-ae-digits-multimodal-3-s0-8b496d`; a
beginning that only one run has will do. Streamlit's own binding writes the label there, and where it finds none, it
silently opens another run.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import streamlit as st

from core import methods
from core.errors import DamagedRun, NoveltyError
from core.runs import store
from core.runs.store import FINISHED, Run
from pages.shared import panels


def run(family: str | None = None, key: str = "", finished: bool = True) -> Run:
    """A run of a family (of any by default); the newest of the user's own at first, then those that ship with the app.

    key: of the widget and in the link; by default that of the family's page, "rapp_run", as Home and Runs link to it.
    finished: offer finished runs alone.
    Stops the page, after one sentence, where there is none, and where the one that was asked for isn't among them.
    """
    key = key or f"{family or 'any'}_run"
    offered = _offered(family, finished)
    if not offered:
        _nothing(family)
    wanted = st.query_params.get(key) or st.session_state.get(key)
    st.session_state[key] = _answer_to(wanted, offered, family) if wanted else offered[0].id
    names = labels(offered)
    chosen = st.selectbox(
        "Run",
        list(names),
        index=0 if st.session_state[key] else None,  # None alone would let people clear it
        format_func=names.__getitem__,
        placeholder="Choose a run",
        key=key,
        persist_state="session",
        on_change=_write,
        args=(key,),
    )
    if chosen is None:
        st.stop()
    into_link(key, chosen)
    return next(each for each in offered if each.id == chosen)


def runs(
    family: str | None = None,
    task_hash: str | None = None,
    key: str = "runs",
    first: int = 4,
    start: Callable[[Sequence[Run]], Sequence[Run]] = list,
) -> list[Run]:
    """Several finished runs, of a family or of a task (its hash); the first few at the start, perhaps none later.

    start: those among all offered of which the first few are taken at the start.
    Runs of the link that are gone are named in one sentence.  Stops the page where there is no run at all.
    """
    offered = [each for each in _offered(family) if task_hash in (None, each.spec.task.hash)]
    if not offered:
        _nothing(family)
    names = short_labels(offered) if task_hash else labels(offered)
    wanted = st.query_params.get_all(key) or st.session_state.get(key)
    if wanted:
        gone = [name for name in wanted if name not in names and _refusal(name, family)]
        if gone:
            st.warning(panels.escape(f"Not here any more: {', '.join(gone)}."), icon=":material/link_off:")
    kept = [name for name in wanted or () if name in names]
    st.session_state[key] = kept if kept or wanted == [] else [run.id for run in start(offered)][:first]
    chosen = st.multiselect(
        "Runs",
        list(names),
        format_func=names.__getitem__,
        placeholder="Choose runs",
        key=key,
        persist_state="session",
        on_change=_write,
        args=(key,),
    )
    into_link(key, chosen)
    return [each for each in offered if each.id in chosen]


def of_one_task(offered: Sequence[Run]) -> list[Run]:
    """The runs of the task of the user's newest run, else of the shipped run whose pictures show most."""
    opening = offered[0] if not offered[0].shipped else max(offered, key=lambda run: math.prod(run.shape))
    return [run for run in offered if run.spec.task.hash == opening.spec.task.hash]


def score(run: Run, key: str = "score") -> str:
    """The name of one of the card's scores, its headline at first."""
    card = run.spec.card
    titles = {each.name: each.title for each in card.scores}
    meanings = "\n\n".join(f"**{each.title}**: {panels.escape(each.sentence)}" for each in card.scores)
    return one_of("Score", titles, key, card.headline, meanings)


def one_of(label: str, titles: Mapping[str, str], key: str, first: str | None = None, meanings: str = "") -> str:
    """One of a few names, shown by their titles side by side; the first one at the start, or that of this name."""
    first = first or next(iter(titles))
    if st.session_state.get(key, first) not in titles:  # chosen where there were others
        del st.session_state[key]
    return st.segmented_control(
        label,
        list(titles),
        default=first,
        required=True,
        format_func=titles.__getitem__,
        help=meanings or None,
        key=key,
        bind="query-params",
    )


def picked(key: str, count: int | None = None) -> int | None:
    """The test image that a person picked, as its place in the test set, or None.

    key: what the place counts in, `run.spec.task.hash`: so a pick stays while knobs move, and on every page that shows
    this test set.  It stands in the link as `?image=12`.  count: images there are; a place beyond them is no pick.
    """
    picks = st.session_state.setdefault("picks", {})
    asked = st.query_params.get("image")
    if asked != st.session_state.get("image_written") and asked and asked.isdecimal():  # somebody opened a link
        picks[key] = int(asked)
    if count is not None and (picks.get(key) or 0) >= count:
        del picks[key]
    _write_image(picks.get(key))
    return picks.get(key)


def pick(key: str, index: int | None) -> None:
    """Pick a test image, or none."""
    st.session_state.setdefault("picks", {})[key] = index
    _write_image(index)


def pick_from(chart: str, key: str) -> Callable[[], None]:
    """What a chart calls when a point is clicked, `panels.show(..., on_select=...)`: picks the image in its customdata.

    chart: its key.  The pick is copied at once, because a selection is lost whenever its chart is drawn anew.
    """

    def copy() -> None:
        points = st.session_state[chart]["selection"]["points"]
        if points:
            place = points[0]["customdata"]
            pick(key, int(place[0] if isinstance(place, Sequence) else place))

    return copy


def labels(runs: Iterable[Run]) -> dict[str, str]:
    """A different label for each run, by its id: its name, then what tells it from others of the same name."""
    runs = list(runs)
    names = {run.id: run.name + (" (shipped)" if run.shipped else "") for run in runs}
    for tell_apart in (_settings_that_differ, _when, lambda run, _: run.id.rpartition("-")[2]):
        common = {name for name, count in Counter(names.values()).items() if count > 1}
        for name in common:
            alike = [run for run in runs if names[run.id] == name]
            names |= {run.id: " · ".join(filter(None, (name, tell_apart(run, alike)))) for run in alike}
    return names


def short_labels(runs: Iterable[Run]) -> dict[str, str]:
    """The same for runs of one task, without its words: "digits · all but 3 · RaPP, one" -> "RaPP, one"."""
    runs = list(runs)
    named = labels(runs)
    return {run.id: named[run.id].removeprefix(f"{task(run)} · ") for run in runs}


def task(run: Run) -> str:
    """A run's task in words: "digits · all but 3"."""
    return run.spec.title.partition(f" · {run.spec.card.title}")[0]


def task_names(runs: Iterable[Run]) -> dict[str, str]:
    """A different name for the task of each run, by its hash; of tasks of the same words what tells them apart."""
    of = {run.spec.task.hash: run for run in runs}
    names = {name: task(run) for name, run in of.items()}
    for tell_apart in (_options, lambda run: f"images {run.spec.images[:6] or 'not known'}"):
        common = {name for name, count in Counter(names.values()).items() if count > 1}
        names = {name: f"{told} · {tell_apart(of[name])}" if told in common else told for name, told in names.items()}
    return names


def _options(run: Run) -> str:
    options = [f"{name.replace('_', ' ')} {value}" for name, value in run.spec.options.items()]
    return " · ".join([*options, f"split seed {run.spec.split_seed}"])


def _settings_that_differ(run: Run, alike: list[Run]) -> str:
    specs = [each.spec for each in alike]
    settings = [{**each.knobs, **each.options, "seed": each.seed, "split_seed": each.split_seed} for each in specs]
    mine = settings[alike.index(run)]
    differing = [name for name in mine if any(each.get(name) != mine[name] for each in settings)]
    return ", ".join(f"{name.replace('_', ' ')} {mine[name]}" for name in differing[:3])


def _when(run: Run, alike: list[Run]) -> str:
    return f"{datetime.fromtimestamp(run.about.get('created', 0)):%d %b %H:%M:%S}"


def _offered(family: str | None, finished: bool = True) -> list[Run]:
    return store.those(lambda run: family in (None, run.spec.card.family) and (not finished or run.state == FINISHED))


def _answer_to(wanted: str, offered: list[Run], family: str | None) -> str | None:
    """The id of the run that a link or an earlier visit asks for; None, after one sentence, where it can't be shown."""
    exact = [run.id for run in offered if run.id == wanted] or [run.id for run in offered if run.id.startswith(wanted)]
    if len(exact) == 1:
        return exact[0]
    st.warning(panels.escape(f"{_refusal(wanted, family)} Choose another one below."), icon=":material/link_off:")
    return None


def _refusal(wanted: str, family: str | None) -> str:
    """Why the run isn't among those offered; an empty text for one that merely belongs to another task."""
    try:
        found = store.find(wanted)
    except DamagedRun as error:
        return str(error)
    except NoveltyError:
        return f"The run {wanted} is not here any more, or never was."
    if family not in (None, found.spec.card.family):
        return f"{found.name} is not a {methods.family_title(family)} run."
    return f"{found.name} is {found.state}, so there is nothing to show yet." if found.state != FINISHED else ""


def _nothing(family: str | None) -> None:
    kind = f"{methods.family_title(family)} run" if family else "finished run"
    working = sum(store.activity())
    if working:
        panels.empty(f"No {kind} yet; {working} in training or waiting.", "See how far", "pages/runs.py")
    else:
        panels.empty(f"No {kind} yet. The built-in digits train in under a minute.", "Train one", "pages/train.py")
    st.stop()


def _write(key: str) -> None:
    """The choice into the link, before the page runs and reads it from there."""
    into_link(key, st.session_state[key])


def _write_image(index: int | None) -> None:
    written = None if index is None else str(index)
    st.session_state["image_written"] = written
    into_link("image", written)


def into_link(key: str, value: str | Sequence[str] | None) -> None:
    """Write a choice into the link where it isn't there yet; None takes it away.

    Any writing sends the browser the whole link as this run of the page knows it, which would take back what a person
    has changed since, as with two quick key presses on a slider.
    """
    wanted = [] if value is None else [value] if isinstance(value, str) else list(value)
    if st.query_params.get_all(key) == wanted:
        return
    if value is None:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
