"""Which of these would surprise a network that has never seen a 3?"""

import math

import streamlit as st

from core import data, glossary, methods, scenarios
from core.figures import three_digits
from core.figures.pages import home as figures
from core.methods.cards import Card
from core.runs import store
from core.runs.process import machine
from core.runs.store import Run
from pages.shared import cached, frame, panels, pickers
from pages.shared.home import puzzle
from pages.shared.runs import rows

NAMED = 4  # datasets
IN_A_ROW = 3  # families
WHAT_IT_IS = (
    "Novelty detection: a detector learns from normal images alone and gives any image a score, the higher the less it "
    "is like them. What scores above the dashed line, the threshold, is called novel; most normal images lie below it."
)


def reached(run: Run) -> float:
    """Its AUROC, 0 where no novel image tests it."""
    return run.metrics()["auroc"]["value"] or 0.0


def puzzle_run() -> Run | None:
    """A finished run that has never seen one class, or has seen one alone.

    A shipped one of the largest pictures, else that of the highest AUROC.
    """
    candidates = [run for run in finished if scenarios.named(run.spec.scenario).choose == "one"]
    return max(
        candidates,
        key=lambda run: (run.shipped, math.prod(run.shape), reached(run)),
        default=None,
    )


def question() -> str:
    """What the puzzle asks of its run, or would ask of one."""
    hides = shown is None or scenarios.named(shown.spec.scenario).hides
    name = shown.spec.target[0] if shown else "3"
    seen = f"has never seen a {name}" if hides else f"has seen no class but {name}"
    return f"Which of these would surprise a network that {seen}?"


def family(cards: list[Card]) -> None:
    """One family of methods: a picture from a run of it, a sentence, its AUROC, and two ways on."""
    of_family = [run for run in finished if run.spec.card.family == cards[0].family]
    page = methods.method(cards[0].name).page
    run = max(of_family, key=lambda run: (same_task(run), run.shipped, reached(run)), default=None)
    card = run.spec.card if run else cards[0]
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{panels.escape(methods.family_title(card.family))}**")
        if run:
            scores = cached.array(run, "scores", f"test/{card.headline}")
            st.html(figures.miniature(scores, cached.kinds(run), run.threshold(), cached.held_out_scores(run)))
        st.markdown(f":small[{panels.escape(card.sentence)}]")
        if run:
            score = f"{card.title}, {card.score(card.headline).title}"
            auroc = three_digits(run.metrics()["auroc"])
            st.caption(panels.escape(f"AUROC {auroc} · {score} · {pickers.task(run)}"))
        else:
            st.caption("No run of it on this machine yet.")
        with st.container(horizontal=True):
            if run:
                st.page_link(
                    f"pages/{page}.py", label="Open", icon=":material/visibility:", query_params={f"{page}_run": run.id}
                )
            st.page_link(
                "pages/train.py",
                label="Train",
                icon=":material/model_training:",
                query_params={"method": card.name},
            )


def same_task(run: Run) -> bool:
    return shown is not None and run.spec.task.hash == shown.spec.task.hash


def tour() -> None:
    """A short walk: each step is a link that opens a view with something to see."""
    st.subheader("Start here")
    if shown:
        page, together = methods.method(shown.spec.method).page, [run.id for run in finished if same_task(run)]
        st.page_link(
            f"pages/{page}.py", label="1. Look inside this network",
            query_params={f"{page}_run": shown.id},
        )  # fmt: skip
        st.page_link(
            "pages/score.py", label="2. Bend an image until it becomes a stranger",
            query_params={"score_runs": shown.id, "score_tab": "How much bending it bears"},
        )  # fmt: skip
        st.page_link(
            "pages/compare.py", label=f"3. Compare {len(together)} run{'s' * (len(together) != 1)} on the same images",
            query_params={"runs": together},
        )  # fmt: skip
    st.page_link("pages/train.py", label="4. Hide another class: train your own in about a minute")
    st.page_link("pages/datasets.py", label="5. Bring a folder of your own images")


def this_machine() -> None:
    st.subheader("On this machine")
    gpus = machine.gpus()
    entries = data.catalogue()
    present = [entry.title for entry in entries if entry.present and not entry.stand_in]
    more = f" and {len(present) - NAMED} more" if len(present) > NAMED else ""
    device = ", ".join(gpus) or "no GPU: the quick presets are made for that"
    training, waiting = store.activity()
    st.markdown(
        "\n".join(
            f"- {panels.escape(line)}"
            for line in (
                f"{machine.cores()} cores, {device}",
                f"{len(present)} of {len(entries)} datasets: {', '.join(present[:NAMED])}{more}",
                f"{len(finished):,} finished runs, {training} in training, {waiting} waiting",
            )
        )
    )


frame.through_entry()
finished = store.those(rows.has_results)
shown = puzzle_run()
st.title(panels.escape(question()))
st.markdown(f":small[{panels.escape(WHAT_IT_IS)}]", help=glossary.explained(["threshold", "held-out", "auroc"]))
if shown:
    puzzle.show(shown)
else:
    panels.empty(
        "No network here has ever been kept from seeing a 3. The built-in digits train in under a minute.",
        "Train one",
        "pages/train.py",
    )

families: dict[str, list[Card]] = {}
for each in methods.cards():
    families.setdefault(each.family, []).append(each)
st.subheader(f"{figures.count_in_words(len(families))} ways to find the unknown")
for first in range(0, len(families), IN_A_ROW):
    for column, cards in zip(st.columns(IN_A_ROW), list(families.values())[first : first + IN_A_ROW], strict=False):
        with column:
            family(cards)

left, right = st.columns(2)
with left:
    tour()
with right:
    this_machine()
