"""One run on one page: html that opens anywhere, without the app and without a network (5 MB, most of it Plotly)."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from core import evaluation, figures, glossary
from core.figures import Curve, Kind, Kinds, Picture
from core.figures.pages import by_kind
from core.figures.sheets import named

Metrics = Mapping[str, Any]  # {metric: {value, low, high}}
SHOWN = {  # metrics of the table: its heading, and whether higher is better
    "auroc": ("AUROC", True),
    "aupr_novel": ("AUPR, novel", True),
    "fpr95_normal": ("FPR at 95 % TPR", False),
    "f1": ("F1", True),
    "precision": ("Precision", True),
    "recall": ("Recall", True),
}
STRANGEST = 10  # images shown at either end
BORDERS = {"normal": "solid", "novelty": "dashed", "seen": "double", "anomaly": "dotted"}
CAPTION = "Below it class, score, and percentile among normal validation images."

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: {ink}; background: white }}
main {{ max-width: 1080px; margin: 2em auto; padding: 0 1em }}
h1 {{ font-size: 1.5em; line-height: 1.25 }}
h2 {{ font-size: 1.1em; margin: 2em 0 .5em }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85em }}
th, td {{ text-align: left; padding: .25em 1em .25em 0; border-bottom: 1px solid #ddd; vertical-align: top }}
td small {{ white-space: nowrap }}
tr.headline td {{ font-weight: bold }}
tr.control td {{ color: #666 }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 1.5em 2em }}
.images {{ display: flex; flex-wrap: wrap; gap: .75em }}
section {{ min-width: 0 }}
.caution {{ border-left: 4px solid #E69F00; padding-left: .5em }}
figure {{ margin: 0; width: 92px; font-size: .75em; line-height: 1.3; overflow-wrap: anywhere }}
figure img {{ width: 92px; image-rendering: pixelated; display: block }}
figure.normal img {{ border-bottom: 4px solid {normal} }}
figure.novelty img {{ border-bottom: 4px dashed {novel} }}
figure.seen img {{ border-bottom: 4px double {anomaly} }}
figure.anomaly img {{ border-bottom: 4px dotted {anomaly} }}
</style>
<script>{plotly}</script>
</head>
<body><main>
{body}
</main></body>
</html>
"""


def report(
    title: str,
    *,
    metrics: Mapping[str, Metrics],
    controls: Mapping[str, Metrics],
    progress: Sequence[Mapping[str, Any]],
    scores: ArrayLike,
    kinds: Kinds,
    threshold: float,
    reference: ArrayLike,
    roc: Mapping[str, tuple[NDArray, NDArray]],
    images: NDArray[np.uint8],
    classes: Sequence[str],
    facts: Mapping[str, object],
) -> str:
    """A trained run as html: metrics beside control lines, histogram, ROC, curves, strangest images, settings.

    metrics: of each score by its title, the headline first.  controls: of each control line, none until computed.
    progress: {stage, epoch, curves} of each epoch, in order.  facts: settings and versions, in the order shown.
    scores, kinds, classes: [N], of the test images [N, C, H, W]; higher = more novel, novel if above the threshold.
    reference: scores of normal validation images.  roc: (fpr, tpr) of scores and control lines by title.
    Names may come from strangers: every text is escaped.
    """
    scores = np.asarray(scores, np.float64)
    headline = next(iter(metrics))
    curves = [
        Curve(escape(name), fpr, tpr, (metrics.get(name) or controls[name])["auroc"], control=name in controls)
        for name, (fpr, tpr) in roc.items()
    ]
    pictures = [
        figures.score_histogram(scores, kinds, threshold, "Scores of the test images", escape(headline)),
        *([figures.roc(curves)] if any(len(curve.x) for curve in curves) else []),
        *([training_curves(progress)] if any(entry["curves"] for entry in progress) else []),
    ]
    percentiles = evaluation.percentile(scores, reference)
    order = np.argsort(-scores, kind="stable")
    ends = {"Most novel by this detector": order[:STRANGEST], "Least novel by this detector": order[::-1][:STRANGEST]}
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(verdict(metrics, controls))}</p>",
        *([f'<p class="caution">{escape(few)}</p>'] if (few := _few(kinds, reference)) else []),
        *([f"<p>AUROC by kind: {escape(each)}</p>"] if (each := by_kind.in_words(metrics[headline], kinds)) else []),
        _metrics_table(metrics, controls),
        f'<div class="charts">{"".join(_chart(picture) for picture in pictures)}</div>',
    ]
    for heading, chosen in ends.items():
        cells = "".join(_image(images[i], classes[i], scores[i], percentiles[i], kinds.kind(i)) for i in chosen)
        body += [f"<h2>{heading}</h2>", f'<div class="images">{cells}</div>']
    body += [f"<p><small>{_caption(kinds)}</small></p>", "<h2>Settings and versions</h2>", _facts_table(facts)]
    body += ["<h2>Words</h2>", _words()]
    looks = {"ink": figures.INK, "normal": figures.NORMAL, "novel": figures.NOVEL, "anomaly": figures.ANOMALY}
    return PAGE.format(title=escape(title), plotly=get_plotlyjs(), body="\n".join(body), **looks)


def _few(kinds: Kinds, reference: ArrayLike) -> str:
    """What keeps the numbers from meaning much."""
    novel = int(kinds.novel.sum())
    return evaluation.few_images({"valid": len(np.asarray(reference)), "normal": len(kinds) - novel, "novel": novel})


def _caption(kinds: Kinds) -> str:
    """What the lines below the images say: "Solid line: normal, dashed: novel." """
    lines: dict[str, list[str]] = {}
    for kind in kinds.kinds:
        lines.setdefault(BORDERS[kind.role], []).append(kind.label)
    (first, names), *others = lines.items()
    told = [f"{first.capitalize()} line: {', '.join(names)}", *(f"{line}: {', '.join(of)}" for line, of in others)]
    return f"{', '.join(told)}. {CAPTION}"


def verdict(metrics: Mapping[str, Metrics], controls: Mapping[str, Metrics]) -> str:
    """The headline score's AUROC beside the best control line's, in one sentence; metrics holds the headline first."""
    headline, own = next((name, values["auroc"]) for name, values in metrics.items())
    rivals = {name: values["auroc"] for name, values in controls.items()}
    if own["value"] is None:
        return f"{headline} has no AUROC: there are no novel test images, so nothing is ranked."
    reached = f"{headline} reaches an AUROC of {figures.three_digits(own)}"
    if not rivals:
        return f"{reached}; its control lines are not computed yet."
    best = max(rivals, key=lambda name: rivals[name]["value"])
    against = f"the best control line, {best}, at {figures.three_digits(rivals[best])}"
    beaten = own["value"] > rivals[best]["value"]
    turned = evaluation.inverted(headline, own)
    return f"{reached}; it {'beats' if beaten else 'does not beat'} {against}.{f' {turned}' if turned else ''}"


def training_curves(progress: Sequence[Mapping[str, Any]]) -> Picture:
    """Every curve against the epoch, one panel a stage.  progress: {stage, epoch, curves}, with at least one curve."""
    stages: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for entry in progress:
        for name, value in entry["curves"].items():
            stages.setdefault(entry["stage"], {}).setdefault(name, []).append((entry["epoch"], value))
    figure = make_subplots(rows=len(stages), subplot_titles=[escape(stage) for stage in stages])
    rows: list[tuple[str, str, int, float]] = []
    for row, (stage, curves) in enumerate(stages.items(), start=1):
        for order, (name, points) in enumerate(curves.items()):
            epochs, values = zip(*points, strict=True)
            line = {
                "color": figures.SERIES[order % len(figures.SERIES)],
                "dash": figures.DASHES[order % len(figures.DASHES)],
            }
            label = escape(name if len(stages) == 1 else f"{stage}: {name}")
            mode = "lines" if len(epochs) > 1 else "markers"
            figure.add_trace(figures.scatter(epochs, values, name=label, mode=mode, line=line), row=row, col=1)
            rows += [(stage, name, epoch, value) for epoch, value in points]
    traces = len(figure.data)
    figures.style(
        figure, "Training", "Epoch", "Value", height=140 + 220 * len(stages) + 20 * traces, legend_rows=traces
    )
    figure.update_layout(showlegend=True, margin_t=70 + 20 * traces)
    stage, name, epoch, value = rows[-1]
    sentence = f"After epoch {epoch:,} of {stage}, {name} is {figures.number(value)}."
    table = dict(zip(("stage", "curve", "epoch", "value"), zip(*rows, strict=True), strict=True))
    return Picture(figure, table, sentence, "training")


def _metrics_table(metrics: Mapping[str, Metrics], controls: Mapping[str, Metrics]) -> str:
    headings = "".join(f"<th>{name} {'↑' if higher else '↓'}</th>" for name, higher in SHOWN.values())
    headline = next(iter(metrics))
    rows = [_metrics_row(name, values, "headline" if name == headline else "score") for name, values in metrics.items()]
    rows += [_metrics_row(f"control: {name}", values, "control") for name, values in controls.items()]
    return f"<table><thead><tr><th></th>{headings}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _metrics_row(name: str, values: Metrics, kind: str) -> str:
    cells = "".join(f"<td>{_cell(values.get(metric))}</td>" for metric in SHOWN)
    return f'<tr class="{kind}"><td>{escape(name)}</td>{cells}</tr>'


def _cell(metric: Mapping[str, float] | None) -> str:
    """A metric with its interval below it; empty where it isn't defined."""
    if metric is None or metric["value"] is None:
        return ""
    value, _, interval = figures.three_digits(metric).partition(" ")
    return f"{value}<br><small>{interval}</small>"


def _facts_table(facts: Mapping[str, object]) -> str:
    rows = (f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _words() -> str:
    """What the report's words mean."""
    terms = (glossary.TERMS[name] for name in ("score", "threshold", "percentile", "interval", "control-line", *SHOWN))
    return "".join(f"<p><small><b>{escape(each.title)}</b>: {escape(each.sentence)}</small></p>" for each in terms)


def _chart(picture: Picture) -> str:
    figure = go.Figure(picture.figure).update_layout(template="plotly_white")
    options = {"displaylogo": False, "responsive": True}
    chart = figure.to_html(full_html=False, include_plotlyjs=False, config=options)
    return f"<section>{chart}<p><small>{escape(picture.sentence)}</small></p></section>"


def _image(image: NDArray[np.uint8], name: str, score: float, percentile: float, kind: Kind) -> str:
    """One image with hard pixels and its label; the line below it tells normal from novel."""
    source = base64.b64encode(figures.strip(image[None], factor=1)).decode()
    shown = escape(str(name)) if kind.role in ("normal", "novelty") else named(name, kind)
    label = f"{shown}<br>{figures.number(score)}<br>percentile {percentile:.0f}"
    picture = f'<img src="data:image/png;base64,{source}" alt="{escape(f"{kind.name} image of class {name}")}">'
    return f'<figure class="{kind.role}">{picture}<figcaption>{label}</figcaption></figure>'
