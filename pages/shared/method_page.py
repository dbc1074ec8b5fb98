"""What the pages of all methods show alike: numbers, control lines, alarms, an image, what is to come or to train."""

from collections.abc import Mapping, Sequence

import streamlit as st
from numpy.typing import NDArray

from core import evaluation, glossary
from core.figures import Kinds, Picture, score_histogram, three_digits
from core.figures.pages import method_numbers as words
from core.figures.pages.method_numbers import Metrics
from core.runs import command_line
from core.runs.spec import RunSpec, published
from core.runs.store import CONTROLS, Run
from pages.shared import by_kind, cached, changed_images, frame, panels, pickers
from pages.shared.train import form


def numbers(run: Run, score: str, metrics: Mapping[str, Metrics], note: str = "", moved: NDArray | None = None) -> None:
    """The shown score with its interval, the other scores, published figures, control lines, kinds and alarms.

    score: its name.  metrics: by name of the score, the run's own or those of other settings.  note: how they were
    measured, where that isn't as usual.  moved: the score of all test images, [T], where settings of the page have
    moved it.
    """
    changed_images.say([run])
    figures = published(run.spec)
    none = "" if any(each.score == score for each in figures) else ":gray[no published figure for this task]"
    for line in words.lines(run.spec.card.scores, score, metrics, figures):
        first = f"**{panels.escape(line.shown)}**" if line.shown else ""
        rest = [panels.escape(text) for text in (*line.others, *line.published)]
        told = [f"{first} {panels.escape(note)}".strip(), *rest, none]
        words_used = glossary.explained(
            (line.name, "interval", "published", *(each.name for each in run.spec.card.scores))
        )
        st.markdown(f"{panels.escape(line.metric)}: {' · '.join(filter(None, told))}", help=words_used)
    st.caption(_controls(run, metrics.get(score, {})), help=glossary.explained(["control-line"]))
    kinds, found = cached.kinds(run), metrics.get(score, {})
    by_kind.line(run, found, kinds)
    for note in (*words.alarms(run.about.get("alarms", {})), *_cautions(run, score, found)):
        st.badge(panels.escape(note), icon=":material/warning:", color="orange")
    values = cached.array(run, "scores", f"test/{score}") if moved is None else moved
    by_kind.table(run, score, found, values, kinds, "" if moved is None else f"{moved.sum()!r} {moved[0]!r}")


def _cautions(run: Run, score: str, metrics: Metrics) -> list[str]:
    """What keeps the numbers from meaning what they seem to: too few images, a ranking the wrong way round."""
    turned = evaluation.inverted(run.spec.card.score(score).title, metrics.get("auroc", {}))
    return [note for note in (evaluation.few_images(run.about["counts"]), turned) if note]


def stop_without_novel(run: Run) -> None:
    """Ends the page of a run whose test images are all normal: why nothing is ranked, its threshold, how to use it."""
    if run.ranks:
        return
    st.info(panels.escape(run.about["note"]), icon=":material/info:")
    name = run.spec.card.headline
    title = run.spec.card.score(name).title
    accepted = three_digits(run.metrics()["normal_recall"])
    st.markdown(
        panels.escape(
            f"{title}: novel is what scores above {run.threshold():.4g}; of the normal test images it accepts"
        )
        + f" **{accepted}**."
    )
    show_histogram(run)
    st.page_link(
        "pages/score.py", label="Score an image with it", icon=":material/image_search:", query_params={"runs": run.id}
    )
    st.stop()


def stop_while_coming(run: Run) -> None:
    """Ends the page of a run that has its scores and not yet what else the page draws: numbers, and what is awaited.

    Draws the whole page once that has come.
    """
    awaited = [part for part in ("reasons", "portrait") if run.lacks(part)]
    if not awaited:
        return
    name = run.spec.card.headline
    numbers(run, name, {each.name: run.metrics(each.name) for each in run.spec.card.scores})
    st.info(panels.escape(run.awaited(awaited[0])), icon=":material/pending:")
    show_histogram(run)

    def look() -> None:
        if not any(run.lacks(part) for part in awaited):
            st.rerun()

    frame.fragment(look, run_every="1s" if run.alive else None)()
    st.stop()


def show_histogram(run: Run) -> None:
    """The headline score of all test images, with its threshold."""
    name = run.spec.card.headline
    title, scores = run.spec.card.score(name).title, cached.array(run, "scores", f"test/{name}")
    kinds, heading = cached.kinds(run), f"{title} of {len(scores):,} test images"
    panels.show(score_histogram(scores, kinds, run.threshold(), heading, title), run=run.id)


def _controls(run: Run, metrics: Metrics) -> str:
    beside = words.against_controls(metrics, run.controls, CONTROLS)
    verdict = panels.escape(beside.verdict)
    told = [panels.escape(beside.lines), f"**{verdict}**" if beside.beaten else verdict]
    return " ".join(filter(None, told)) if run.controls else panels.escape(run.awaited("controls"))


def coming(run: Run, note: str = "") -> None:
    """Says of the map that isn't there whether it comes.  note: what the run itself says of it."""
    st.info(panels.escape(note or run.awaited("map")), icon=":material/pending:")


def image(run: Run, scores: NDArray) -> tuple[int | None, int]:
    """The test image that a person picked, or None; and the one to show: that, else the most novel.

    scores: [T], of all test images.
    """
    picked = pickers.picked(run.spec.task.hash, len(scores))
    return picked, int(scores.argmax()) if picked is None else picked


def judged(
    place: int,
    classes: Sequence[str],
    kinds: Kinds,
    title: str,
    scores: NDArray,
    threshold: float,
    percentiles: NDArray,
) -> None:
    """What one test image is, and what a score says of it.

    place: in the test set, as in classes, kinds, scores and percentiles (in 0..100), [T] each.  title: of the score.
    """
    called = scores[place] > threshold
    st.markdown(f"**{panels.escape(words.image_in_words(place, classes[place], kinds.kind(place), called))}**")
    st.caption(panels.escape(words.among_normal(title, float(scores[place]), threshold, float(percentiles[place]))))


def beside(run: Run, pictures: Sequence[Picture]) -> None:
    """Pictures side by side."""
    for column, picture in zip(st.columns(len(pictures)), pictures, strict=True):
        with column:
            panels.show(picture, run=run.id)


def to_train(words: str, spec: RunSpec) -> None:
    """What an untrained run would answer, with the two ways to train it."""
    st.markdown(f"**{panels.escape(words)}**")
    st.page_link("pages/train.py", label="Train it", icon=":material/model_training:", query_params=form.link(spec))
    panels.command(command_line.command(spec))
