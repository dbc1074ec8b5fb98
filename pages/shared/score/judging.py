"""What detectors say of images, asked of the scoring process; a detector that can't answer says why on the page."""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from core.errors import NoveltyError
from core.figures.pages.score import Said, contradictions
from core.runs.results import reasons, scorer
from core.runs.results.detectors import Judgement
from core.runs.results.scorer import Answer, Changes
from core.runs.store import Run
from pages.shared import cached, panels


def judge(
    runs: Sequence[Run], images: Mapping[str, np.ndarray], changes: Mapping[str, Changes], explain: bool = False
) -> dict[str, Judgement]:
    """By run id what each says of its images, uint8 [N, C, H, W], also by run id.

    changes: after-training settings by run id, where they aren't the run's own.
    """
    with st.spinner("The detectors look at it", show_time=True):  # the first time they must be loaded
        return _told(runs, scorer.shared.judge([(run, images[run.id]) for run in runs], explain, changes))


def judge_once(
    runs: Sequence[Run],
    images: Callable[[Run], np.ndarray],
    changes: Mapping[str, Changes],
    *asked: str | float | int | None,
) -> dict[str, Judgement]:
    """As `judge`, kept while runs, changes and `asked`, on which the images depend, stay the same: for many images."""

    def ask(run: Run) -> Answer:
        of_run = json.dumps(changes.get(run.id, {}))
        return cached.remember(
            run, lambda: scorer.shared.judge([(run, images(run))], changes=changes)[0], "judge", of_run, *asked
        )

    with st.spinner("The detectors look at them", show_time=True):
        return _told(runs, [ask(run) for run in runs])


def _told(runs: Sequence[Run], answers: Sequence[Answer]) -> dict[str, Judgement]:
    for answer in answers:
        if isinstance(answer, NoveltyError):
            panels.refused(answer)
    return {run.id: each for run, each in zip(runs, answers, strict=True) if isinstance(each, Judgement)}


def said(run: Run, name: str, judgement: Judgement) -> list[Said]:
    """What the run's headline score says of each image. name: of the detector in pictures."""
    score = run.spec.card.headline
    threshold, mark = judgement.thresholds[score], judgement.marks[score]
    values = zip(judgement.scores[score].tolist(), judgement.percentiles[score].tolist(), strict=True)
    return [Said(name, value, threshold, percentile, mark, judgement.held_out) for value, percentile in values]


def point_out(runs: Sequence[Run], names: Mapping[str, str], verdicts: Mapping[str, Judgement]) -> None:
    """One amber note where scores of one detector disagree on the first image.  names: of the runs, by id."""
    notes = []
    for run in runs:
        card, judgement = run.spec.card, verdicts[run.id]
        novel = {card.score(name).title: bool(judgement.novel(name)[0]) for name in judgement.scores}
        notes.append(contradictions(names[run.id], novel))
    if any(notes):
        st.warning(panels.escape(" ".join(filter(None, notes))), icon=":material/call_split:")


def explanation(run: Run, judgement: Judgement, place: int = 0) -> dict[str, np.ndarray]:
    """What `why` draws of one image: its row of each array of `explain`, and as normal_<name> those of normal images.

    The normal images are the held-out ones, absent while they are still to come; of pictures their rows aren't kept.
    """
    rows = {name: array[place] for name, array in judgement.explanation.items()}
    amounts = [name for name, row in rows.items() if row.ndim < 3]
    if not run.lacks("reasons"):
        rows |= reasons.held_out(cached.arrays(run, "explanations", *(f"valid/{name}" for name in amounts)))
    return rows | cached.known_classes(run)
