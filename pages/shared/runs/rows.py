"""One run on a page: its state in words, a row that follows its training, and the ways to its other pages."""

import contextlib
from collections.abc import Sequence
from typing import NoReturn

import streamlit as st

from core import evaluation, figures, methods
from core.errors import NoveltyError
from core.figures.pages import train as pictures
from core.runs import checks
from core.runs.duration import in_words
from core.runs.process import jobs
from core.runs.store import CANCELLED, FAILED, FINISHED, INTERRUPTED, LIVE, QUEUED, RUNNING, Run
from pages.shared import panels

ICONS = {
    QUEUED: ":material/hourglass_top:",
    RUNNING: ":material/play_circle:",
    FINISHED: ":material/check_circle:",
    FAILED: ":material/error:",
    CANCELLED: ":material/stop_circle:",
    INTERRUPTED: ":material/power_off:",
}
POINTS = 200  # of a sparkline
BARE = {"displayModeBar": False}


def auroc(run: Run) -> str:
    """The headline's AUROC with its interval."""
    return figures.three_digits(run.metrics()["auroc"])


def has_results(run: Run) -> bool:
    """Whether it finished and what it found is there, as it is unless somebody took it away."""
    return run.state == FINISHED and checks.RESULTS.keys() <= run.about.keys()


def standing(run: Run) -> str:
    """Where a live run stands: `train · epoch 31/60 · 41,000 images/s · about 9 s left of this stage`."""
    if run.state == QUEUED:
        before = [each.id for each in jobs.waiting()]
        ahead = before.index(run.id) if run.id in before else 0
        return "Waits its turn" + (f", {ahead} before it" if ahead else "")
    live = run.live()
    if not live:
        return "Starts: loads the libraries and the images"
    parts = [live["stage"]]
    if live["epochs"] > 1:
        parts.append(f"epoch {live['epoch']}/{live['epochs']}")
    if live["rate"] and live["share"] < 1:
        parts += [f"{live['rate']:,.0f} images/s", f"{in_words(live['eta'])} left of this stage"]
    return " · ".join(parts)


def following(run: Run) -> bool:
    """Whether a finished run's process still works on what follows: control lines, a map."""
    return run.state == FINISHED and run.alive and bool(run.live())


def follow(run: Run, prefix: str, large: bool = False) -> None:
    """A row for a run: progress and Cancel while it lives, then what it found and the way there.

    prefix: of the keys, so that pages don't share them.  large: with its loss as a curve that has axes.
    """
    state = run.state
    with st.container(border=True):
        words, action = st.columns([5, 1], vertical_alignment="center")
        words.markdown(f"{ICONS[state]} **{panels.escape(run.name)}**")
        with action:
            _action(run, state, prefix)
        if state in LIVE:
            bar, curve = st.columns([3, 1] if not large else [2, 3], vertical_alignment="center")
            live = run.live()
            bar.progress(live.get("share", 0.0), panels.escape(standing(run)))
            epochs = run.progress()
            losses = loss(epochs)
            if len(losses) > 1 and large:
                picture = pictures.loss_curve(losses, len(epochs_of_stage(epochs)), epochs[-1]["stage"])
                panels.chart(picture, curve, key=f"{prefix}_loss_{run.id}", config=BARE, alt=picture.sentence)
            elif len(losses) > 1:
                curve.image(pictures.sparkline(losses), alt=f"The loss over {len(losses)} epochs")
        elif state == FINISHED:
            title = run.spec.card.score(run.spec.card.headline).title
            st.markdown(f"AUROC **{auroc(run)}**, {panels.escape(title)}")
            if following(run):
                live = run.live()
                st.progress(live["share"], panels.escape(f"Still to come: {live['stage']}"))
            turned = evaluation.inverted(title, run.metrics()["auroc"])
            for note in filter(None, (evaluation.few_images(run.about["counts"]), turned)):
                st.badge(panels.escape(note), icon=":material/warning:", color="orange")
        else:
            st.markdown(panels.escape(run.sentence or f"It was {state}."))


def _action(run: Run, state: str, prefix: str) -> None:
    if state in LIVE:
        cancelling = (run.folder / "cancel").exists()
        label = "Stopping" if cancelling else "Cancel"
        st.button(
            label, key=f"{prefix}_cancel_{run.id}", on_click=cancel, args=(run,), disabled=cancelling, width="stretch"
        )
    elif state == FINISHED:
        if st.button("Open", type="primary", key=f"{prefix}_open_{run.id}", width="stretch"):
            open_page(run)
    elif st.button("Details", key=f"{prefix}_details_{run.id}", width="stretch"):
        details([run])


def loss(epochs: Sequence[dict]) -> list[float]:
    """The first curve of the stage that runs, at most the latest `POINTS` of it; empty where it has none."""
    curves = [each["curves"] for each in epochs_of_stage(epochs)]
    name = next(iter(curves[-1]), None) if curves else None
    return [each[name] for each in curves if name in each][-POINTS:] if name else []


def epochs_of_stage(epochs: Sequence[dict]) -> list[dict]:
    """Those of the stage that runs."""
    return [each for each in epochs if each["number"] == epochs[-1]["number"]]


def cancel(run: Run) -> None:
    """Stop a run; a callback, so one that has just ended by itself, or was deleted elsewhere, is no mistake."""
    with contextlib.suppress(NoveltyError):
        jobs.cancel(run)


def open_page(run: Run) -> NoReturn:
    """Go to the page of the run's family, which opens on it."""
    page = methods.METHODS[run.spec.method].page
    st.switch_page(f"pages/{page}.py", query_params={f"{page}_run": run.id})


def fork(run: Run) -> NoReturn:
    """Go to the Train page, filled in as this run was."""
    st.switch_page("pages/train.py", query_params={"from": run.id})


def details(runs: Sequence[Run]) -> NoReturn:
    """Go to the Runs page with these runs chosen."""
    st.switch_page("pages/runs.py", query_params={"run": [run.id for run in runs]})
