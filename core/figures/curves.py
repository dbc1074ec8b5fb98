"""ROC and precision-recall overlays of the scores that a run keeps, beside its control lines."""

from collections.abc import Mapping

from numpy.typing import NDArray

from core import evaluation
from core.evaluation import Confusion
from core.figures.charts import Curve, pr, roc
from core.figures.kinds import Kinds
from core.figures.palette import INK
from core.figures.picture import Picture

Metrics = Mapping[str, Mapping[str, float]]  # metric -> {value, low, high}


def roc_and_pr(
    scores: Mapping[str, NDArray],
    kinds: Kinds,
    metrics: Mapping[str, Metrics],
    points: Mapping[str, NDArray],
    controls: Mapping[str, str],
    control_metrics: Mapping[str, Metrics],
    at: Confusion | None = None,
) -> list[Picture]:
    """ROC and precision-recall overlays of scores, [N] each by title, and of control lines.

    metrics: of the scores whose intervals are known, by title.  points: a run's `controls.npz`, empty where there is
    none yet.  controls: name -> title.  control_metrics: by name.  at: the counts at a threshold, marked.
    """
    novel = kinds.novel
    rocs, prs = [], []
    for title, values in scores.items():
        known = metrics.get(title, {})
        line, area = evaluation.roc_points(values, novel), {"value": evaluation.auroc(values, novel)}
        rocs.append(Curve(title, line["fpr"], line["tpr"], known.get("auroc", area)))
        line, area = evaluation.pr_points(values, novel), {"value": evaluation.aupr_novel(values, novel)}
        prs.append(Curve(title, line["recall"], line["precision"], known.get("aupr_novel", area)))
    for name, title in controls.items():
        if name in control_metrics and f"roc/{name}/fpr" in points:
            x, y = points[f"roc/{name}/fpr"], points[f"roc/{name}/tpr"]
            rocs.append(Curve(title, x, y, control_metrics[name]["auroc"], control=True))
            x, y = points[f"pr/{name}/recall"], points[f"pr/{name}/precision"]
            prs.append(Curve(title, x, y, control_metrics[name]["aupr_novel"], control=True))
    pictures = [roc(rocs), pr(prs, float(novel.mean()))]
    if at is not None:
        marker = {"symbol": "x", "size": 11, "color": INK, "line": {"width": 1}}
        marked = ((at.false_alarm_rate, at.recall), (at.recall, at.precision))
        for picture, (across, up) in zip(pictures, marked, strict=True):
            picture.figure.add_scatter(x=[across], y=[up], mode="markers", marker=marker, name="this threshold")
    return pictures
