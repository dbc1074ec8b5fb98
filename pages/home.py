"""Which of these would surprise a network that has never seen a 3?"""

import numpy as np
import streamlit as st

from core import data, evaluation, methods
from core.figures import enlarge, three_digits
from core.figures import home as figures
from core.figures.score import mixture
from core.methods.cards import Card
from core.runs import machine, store
from core.runs.store import FINISHED, Run
from pages.shared import frame, panels, pickers, reading

TEN = 10
STYLE = f"""<style>
[class*=st-key-home_card] {{ position: relative; align-items: center; }}
[class*=st-key-home_card] label {{ cursor: pointer; }}
[class*=st-key-home_card] label::before {{ content: ""; position: absolute; inset: -7rem -1rem 0 -1rem; }}
[class*=st-key-home_card]:has(input:checked) img {{ outline: 4px solid {figures.NOVEL}; }}
</style>"""  # a click on an image ticks the box below it


def puzzle_run() -> Run | None:
    """A finished run that has never seen one class: one that ships with the app, else the one with the highest AUROC."""
    candidates = [run for run in finished if run.spec.scenario == "multimodal"]
    return max(candidates, key=lambda run: (run.shipped, run.metrics()["auroc"]["value"]), default=None)


@frame.fragment
def puzzle(run: Run) -> None:
    """Ten test images to judge; then the network's verdicts beside the person's."""
    asked = st.query_params.get("home_sheet", "")
    number = int(asked) if asked.isdecimal() else 0
    novel, images, classes = (reading.array(run, "test", name) for name in ("novel", "images", "classes"))
    ten = mixture(novel, TEN, number)
    keys = [f"home_guess_{run.id}_{number}_{place}" for place in ten]
    if st.session_state.get("home_shown") != (run.id, number):
        st.html(STYLE)
        for column, key, place in zip(st.columns(TEN), keys, ten, strict=False):
            with column, st.container(key=f"home_card_{place}"):
                st.image(
                    enlarge(images[place], max(1, 84 // max(images.shape[2:]))), width="stretch", alt="A test image"
                )
                st.checkbox("novel", key=key)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Show", type="primary", on_click=show, args=(run, number), key="home_show")
            normal = ", ".join(sorted(set(classes[novel == 0].tolist())))
            st.caption(
                panels.escape(f"It has seen only {normal}. Click the images that you think are novel, then Show.")
            )
        return
    score, threshold = reading.array(run, "scores", f"test/{run.spec.card.headline}")[ten], run.threshold()
    percentiles = evaluation.percentile(score, normal_scores(run))
    picked = np.array([bool(st.session_state.get(key)) for key in keys])
    panels.show(
        figures.surprise(images[ten], classes[ten].tolist(), novel[ten] == 1, percentiles, score > threshold, picked),
        run=run.id,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another ten", icon=":material/shuffle:", on_click=another, args=(number + 1,), key="home_another")
        st.caption(
            panels.escape(
                f"The network: {run.name}, AUROC {three_digits(run.metrics()['auroc'])} on all {len(novel):,} test images."
            )
        )


def show(run: Run, number: int) -> None:
    # The boxes go away with the images, and Streamlit forgets what isn't drawn.
    st.session_state.update(
        {key: value for key, value in st.session_state.items() if str(key).startswith("home_guess")}
    )
    st.session_state["home_shown"] = (run.id, number)


def another(number: int) -> None:
    st.query_params["home_sheet"] = str(number)


def normal_scores(run: Run) -> np.ndarray:
    """Headline scores of the normal validation images."""
    return reading.array(run, "scores", f"valid/{run.spec.card.headline}")[
        reading.array(run, "test", "valid_novel") == 0
    ]


def family(cards: list[Card]) -> None:
    """One family of methods: a picture from a run of it, a sentence, its AUROC, and two ways on."""
    of_family = [run for run in finished if run.spec.card.family == cards[0].family]
    page = methods.method(cards[0].name).page
    run = max(of_family, key=lambda run: (same_task(run), run.shipped, run.metrics()["auroc"]["value"]), default=None)
    card = run.spec.card if run else cards[0]
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{panels.escape(cards[0].title.partition(',')[0])}**")
        if run:
            scores = reading.array(run, "scores", f"test/{card.headline}")
            picture = figures.miniature(
                scores, reading.array(run, "test", "novel"), run.threshold(), normal_scores(run)
            )
            st.plotly_chart(
                picture.figure, key=f"home_{card.family}", config={"displayModeBar": False}, alt=picture.sentence
            )
        st.markdown(f":small[{panels.escape(card.sentence)}]")
        if run:
            told = (
                f"AUROC {three_digits(run.metrics()['auroc'])}, {card.score(card.headline).title}, {pickers.task(run)}"
            )
            st.caption(panels.escape(told))
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
                query_params={"train_method": card.name},
            )


def same_task(run: Run) -> bool:
    return shown is not None and run.spec.task.hash == shown.spec.task.hash


def tour() -> None:
    """A short walk: each step is a link that opens a view with something to see."""
    st.subheader("Start here")
    if shown:
        page, together = methods.method(shown.spec.method).page, [run.id for run in finished if same_task(run)]
        st.page_link(
            f"pages/{page}.py", label="1. Look inside this network: where do novel images leave the normal band?",
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
    present = [entry.title for entry in data.catalogue() if entry.present]
    training, waiting = store.activity()
    st.markdown(
        "\n".join(
            f"- {panels.escape(line)}"
            for line in (
                f"{machine.cores()} cores, {', '.join(gpus) if gpus else 'no GPU: the quick presets are made for that'}",
                f"{len(present)} dataset{'s' * (len(present) != 1)}: {', '.join(present)}",
                f"{len(finished):,} finished run{'s' * (len(finished) != 1)}, {training} in training, {waiting} waiting",
            )
        )
    )


frame.through_entry()
finished = [run for run in store.runs() if run.state == FINISHED]
shown = puzzle_run()
missing = shown.spec.target[0] if shown else "3"
st.title(panels.escape(f"Which of these would surprise a network that has never seen a {missing}?"))
if shown:
    puzzle(shown)
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
for column, cards in zip(st.columns(len(families)), families.values(), strict=True):
    with column:
        family(cards)

left, right = st.columns(2)
with left:
    tour()
with right:
    this_machine()
