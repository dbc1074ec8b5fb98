"""What stands beside one run of the VAE page: what its settings do, by a sweep, and the one-class SVM on its task."""

import streamlit as st

from core.errors import NoveltyError
from core.evaluation import TITLES
from core.figures.families import vae_beside, vae_sweep
from core.runs import store
from core.runs.spec import request
from core.runs.store import FINISHED, Run
from core.sweeps import claims, tables
from pages.shared import cached, method_page, panels, pickers

KNOBS = ("latent", "l2", "dropout")
SVM = "oc-svm"
SWEEP = """name = "latent-l2-dropout"
dataset = "{dataset}"
scenario = "{scenario}"
target = {target}
method = "vae-threshold"
seeds = [0, 1]

[knobs]
latent = [2, 8, 32]
l2 = [1e-5, 1e-3]
dropout = [0.0, 0.1, 0.3]
"""


def settings(run: Run, score: str, positive: str) -> None:
    """Loss, AUROC and F1 by latent size, L2 and dropout, from the sweep that has measured most of it."""
    found = claims.by_settings(run.spec.method, run.spec.task, KNOBS)
    if found is None:
        st.caption("No sweep has measured it yet. Save this as latent_l2_dropout.toml and run it:")
        target = str(list(run.spec.target)).replace("'", '"')
        panels.command(SWEEP.format(dataset=run.spec.dataset, scenario=run.spec.scenario, target=target), "toml")
        panels.command("python -m core sweep latent_l2_dropout.toml")
        return
    f1 = "f1" if positive == "novel" else "normal_f1"
    titles = {"loss": tables.BESIDE["loss"][0], "auroc": TITLES["auroc"], f1: f"F1, {positive} positive"}
    axes = {name: [row.spec.knobs[name] for row in found.rows if row.spec] for name in found.axes}
    measured = {title: [tables.reading(name, score)(row) for row in found.rows] for name, title in titles.items()}
    panels.show(vae_sweep.by_settings(axes, measured, found.sentence), run=run.id)


def one_class_svm(run: Run, score: str, threshold: float) -> None:
    """The runs of the one-class SVM on the run's task in the same measures; where there is none, how to train one."""
    task = run.spec.task.hash
    others = store.those(
        lambda each: each.spec.method == SVM and each.spec.task.hash == task and each.state == FINISHED
    )
    shown = {run.id: (score, threshold)} | {
        each.id: (each.spec.card.headline, each.threshold(each.spec.card.headline)) for each in others
    }
    labels = pickers.short_labels([run, *others])
    detectors = {
        labels[each.id]: vae_beside.Detector(
            cached.array(each, "scores", f"test/{shown[each.id][0]}"),
            shown[each.id][1],
            each.metrics(shown[each.id][0])["auroc"],
        )
        for each in (run, *others)
    }
    kinds = cached.kinds(run)
    st.table(vae_beside.table(detectors, kinds), hide_index=True, alt="AUROC and F1 of either class by detector")
    st.caption(panels.escape(vae_beside.verdict(detectors, kinds)))
    if others:
        return
    asked = run.spec
    try:
        spec = request(
            asked.dataset, asked.scenario, asked.target, SVM, options=asked.options, split_seed=asked.split_seed
        )
    except NoveltyError as error:
        panels.refused(error)
    else:
        method_page.to_train("No one-class SVM has been trained on this task yet.", spec)
