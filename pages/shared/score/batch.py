"""Many files at once: a picture, a table to choose from, and all scores as a file."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core import figures as pictures
from core.figures.pages import score as figures
from core.runs.results.scorer import Changes
from core.runs.store import Run
from pages.shared import panels
from pages.shared.score import inputs, judging
from pages.shared.score.inputs import Broken, Given


def show(
    images: Sequence[Given],
    broken: Sequence[Broken],
    runs: Sequence[Run],
    called: Mapping[str, str],
    changes: Mapping[str, Changes],
) -> Given | None:
    """Every file's verdicts; gives the file of the chosen row, the first at the start, None where no detector answers.

    called: the runs' names in pictures, by id.
    """
    asked = inputs.asked()
    verdicts = judging.judge_once(
        runs,
        lambda run: np.stack([each.fitted(run, asked) for each in images]),
        changes,
        asked.inverted,
        asked.cropped,
        *(each.id for each in images),
    )
    said = [judging.said(run, called[run.id], verdicts[run.id]) for run in runs if run.id in verdicts]
    if not said:
        return None
    batch = figures.batch([each.name for each in images], said, {each.name: each.sentence for each in broken})
    panels.show(batch)
    overview = figures.batch_overview(batch)
    thumbnails = [figures.thumbnail_url(each.preview) for each in images] + [None] * len(broken)
    chosen = st.dataframe(
        {"image": thumbnails, **overview},
        key="score_table",
        on_select="rerun",
        selection_mode="single-row-required",
        hide_index=True,
        height=240,
        row_height=44,
        column_config={
            "image": st.column_config.ImageColumn("", width=60),
            **{name: st.column_config.NumberColumn(format="%.3g") for name in overview if _is_number(overview[name])},
        },
        alt="Percentile of every file with every detector, and its score over the threshold; click a heading to sort",
    )
    st.caption("Click a heading to sort: where percentiles are all 100, the score over the threshold still orders.")
    csv = f"All scores of {len(images) + len(broken):,} files (CSV)"
    st.download_button(csv, lambda: pictures.csv(batch), "scores.csv", "text/csv", on_click="ignore")
    row = (chosen["selection"]["rows"] or [0])[0]
    return images[row] if row < len(images) else images[0]


def _is_number(column: Sequence) -> bool:
    return isinstance(column[0], float)
