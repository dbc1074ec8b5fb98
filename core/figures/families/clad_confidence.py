"""Confidence of CLAD's classifier at any temperature, after any step on the grid that the run keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from core import evaluation
from core.evaluation import ThresholdRule
from core.figures import INK, NOVEL, SERIES, Kinds, Picture, percent, scatter, style
from core.figures.charts import hatched, stacked
from core.figures.families.clad import confidence, unconfidence

TEMPERATURES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MANY, DRAWS, FEW_DRAWS = 5_000, 1_000, 200  # from so many test images on a moved score's interval has fewer draws
BARS = 40
SATURATED = 0.25  # share of normal images with nearly full confidence from which the softmax counts as saturated
PYTHON = """
import numpy as np

from core import evaluation
from core.runs import store

run = store.find("{run}")
reasons = run.arrays("explanations")  # of each image: the classifier's outputs after each step, [N, E, K]


def scores(split):  # minus the logarithm of the largest probability
    scaled = reasons[split + "/logits"][:, {step}].astype(float) / {temperature:g}
    return np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1))


threshold = run.rule.held_out().threshold(None, scores("valid"))
print(evaluation.metrics(scores("test"), run.novel, threshold)["auroc"])
"""  # fills with run, step (a place on the grid), temperature


@dataclass(frozen=True, eq=False)
class Asked:
    """The classifier's outputs of a run, asked for its confidence at a temperature, after a step.

    tested, normal: outputs [T, E, K] of test and [V, E, K] of held-out normal images after each step of `epsilons` [E].
    step: a place on that grid.  rule: sets the threshold.
    """

    tested: NDArray
    normal: NDArray
    epsilons: NDArray
    temperature: float
    step: int
    rule: ThresholdRule

    @property
    def epsilon(self) -> float:
        return float(self.epsilons[self.step])

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """ODIN of the test images, [T]: higher = more novel."""
        return unconfidence(self.tested[:, self.step], self.temperature)

    @cached_property
    def normal_scores(self) -> NDArray[np.float64]:
        """The same of held-out normal images, [V]."""
        return unconfidence(self.normal[:, self.step], self.temperature)

    @cached_property
    def threshold(self) -> float:
        """An image is called novel strictly above it."""
        return self.rule.held_out().threshold(None, self.normal_scores)

    @cached_property
    def percentiles(self) -> NDArray[np.float64]:
        """Where each test image lies among held-out normal ones, [T] in 0..100."""
        return evaluation.percentile(self.scores, self.normal_scores)

    @cached_property
    def surest(self) -> int:
        """The step, by its place, that makes held-out normal images most confident on average."""
        return int(self.normal_confidences.argmax())

    @cached_property
    def normal_confidences(self) -> NDArray[np.float64]:
        """Mean confidence of held-out normal images after each step, [E]."""
        return confidence(self.normal, self.temperature).mean(0)

    def metrics(self, novel: ArrayLike, source: ArrayLike | None = None) -> dict[str, Any]:
        """All metrics of ODIN, with intervals from as many draws as there is time for.  novel, source: [T]."""
        return evaluation.metrics(self.scores, novel, self.threshold, source, draws=draws(len(self.scores)))

    def without_step(self, novel: ArrayLike) -> dict[str, dict[str, float]]:
        """The AUROC at this temperature alone, without its interval.  novel: [T]."""
        return {"auroc": {"value": evaluation.auroc(unconfidence(self.tested[:, 0], self.temperature), novel)}}

    def aurocs(self, novel: ArrayLike) -> NDArray[np.float64]:
        """AUROC after each step at this temperature, [E].  novel: [T]."""
        return np.array([evaluation.auroc(each, novel) for each in unconfidence(self.tested, self.temperature).T])

    def aurocs_by_temperature(self, novel: ArrayLike) -> NDArray[np.float64]:
        """AUROC at each of TEMPERATURES, without a step and after this one, [2, len(TEMPERATURES)]."""
        both = self.tested[:, [0, self.step]]
        each = [unconfidence(both, temperature) for temperature in TEMPERATURES]
        return np.array([[evaluation.auroc(scores[:, side], novel) for scores in each] for side in (0, 1)])


def draws(count: int) -> int:
    """Bootstrap draws for a score that is moved by hand, on so many test images."""
    return DRAWS if count < MANY else FEW_DRAWS


def three_steps(asked: Asked, kinds: Kinds) -> Picture:
    """Confidence of images of every kind: the softmax as it is, at the temperature, and after the step too.

    kinds: of the T test images.
    """
    still, moved = asked.tested[:, 0], asked.tested[:, asked.step]
    parts = {
        "Softmax, T = 1": confidence(still, 1),
        f"Temperature {asked.temperature:g}": confidence(still, asked.temperature),
        f"and a step of {asked.epsilon:g} (ODIN)": confidence(moved, asked.temperature),
    }
    scores = (unconfidence(still, 1), unconfidence(still, asked.temperature), asked.scores)
    aurocs = [evaluation.auroc(each, kinds.novel) for each in scores]
    titles = [f"{escape(name)}<br><b>AUROC {auroc:.3f}</b>" for name, auroc in zip(parts, aurocs, strict=True)]
    figure = make_subplots(cols=3, horizontal_spacing=0.05, subplot_titles=titles)
    warm = np.concatenate(list(parts.values())[1:])  # both at the temperature: on one axis
    tables: dict[str, Sequence | NDArray] = {}
    for column, (name, values) in enumerate(parts.items(), 1):
        edges = _edges(values if column == 1 else warm)
        tables |= {f"{name}, from": edges[:-1], f"{name}, to": edges[1:]}
        tables |= {f"{name}, {group}": np.histogram(values[mask], edges)[0] for group, mask in kinds.groups.items()}
        for kind, counts, below in stacked(kinds, partial(_counted, values, edges)):
            of = kinds.novel.sum() if kind.foreign else (~kinds.novel).sum()
            figure.add_bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=100 * counts / of,
                base=None if below is None else 100 * below / of,
                width=np.diff(edges),
                name=f"{kind.label} ({kinds.counts[kind.name]:,})",
                legendgroup=kind.label,
                showlegend=column == 1,
                marker=hatched(kind),
                opacity=0.65 if kind.foreign else 0.9,
                customdata=counts,
                hovertemplate=f"%{{customdata:,}} {kind.label} images around %{{x:.4g}}<extra></extra>",
                row=1,
                col=column,
            )
    least = f"Confidence (1/{still.shape[1]}: knows nothing)"
    style(figure, "How sure the classifier is of normal and novel images", least, "", 350)
    figure.update_yaxes(title_text="% of normal or novel", col=1)
    figure.update_yaxes(matches="y2", col=3)
    figure.update_annotations(font={"color": INK, "size": 14})
    figure.update_layout(barmode="overlay", bargap=0, margin_t=110)
    return Picture(figure, tables, _steps_in_words(asked, aurocs), "confidence")


def _counted(values: NDArray, edges: NDArray, mask: NDArray) -> NDArray:
    return np.histogram(values[mask], edges)[0]


def _edges(values: NDArray) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low, high if high > low else low + 1e-6, BARS + 1)


def _steps_in_words(asked: Asked, aurocs: Sequence[float]) -> str:
    softmax, temperature, odin = aurocs
    sure = float((confidence(asked.normal[:, 0], 1) > 0.99).mean())
    saturated = ": the softmax saturates" if sure > SATURATED else ""
    said = [f"At temperature 1, {percent(round(sure, 3))} of the held-out normal images get over 0.99{saturated}."]
    if asked.temperature != 1:
        said.append(f"Temperature {asked.temperature:g} changes the AUROC by {temperature - softmax:+.3f}.")
    if asked.epsilon:
        said.append(f"A step of {asked.epsilon:g} on top changes it by {odin - temperature:+.3f}.")
    return " ".join(said)


def choosing(asked: Asked, kinds: Kinds) -> Picture:
    """What chooses the step and what that is worth: held-out confidence, AUROC by step, AUROC by temperature."""
    aurocs, (plain, stepped) = asked.aurocs(kinds.novel), asked.aurocs_by_temperature(kinds.novel)
    x = np.arange(len(asked.epsilons))
    titles = ["Confidence of held-out normal images", "AUROC on the test images", f"AUROC, step of {asked.epsilon:g}"]
    figure = make_subplots(cols=3, horizontal_spacing=0.09, subplot_titles=titles)
    line = {"color": SERIES[0], "width": 2.5}
    looks = {"mode": "lines+markers", "line": line, "showlegend": False}
    figure.add_trace(
        scatter(x, asked.normal_confidences, hovertemplate="%{y:.5f}<extra></extra>", **looks), row=1, col=1
    )
    figure.add_trace(scatter(x, aurocs, hovertemplate="AUROC %{y:.3f}<extra></extra>", **looks), row=1, col=2)
    _mark(figure, asked, aurocs)
    for values, name, dash, colour in (
        (plain, "no step", "dot", SERIES[2]),
        (stepped, "after the step", "solid", SERIES[0]),
    ):
        style_of = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_trace(
            scatter(np.log10(TEMPERATURES), values, mode="lines+markers", line=style_of, name=name), row=1, col=3
        )
    shown = np.log10(max(asked.temperature, TEMPERATURES[0]))
    for column, at in ((1, asked.step), (2, asked.step), (3, shown)):
        figure.add_vline(at, line={"color": INK, "dash": "dash", "width": 1.5}, row=1, col=column)
    style(figure, "Choosing step and temperature", "Step", "", 360)
    ticks = [f"{each:g}" for each in asked.epsilons]
    figure.update_xaxes(tickvals=x, ticktext=ticks, tickangle=0)
    logs = {"tickvals": [0, 1, 2, 3], "ticktext": ["1", "10", "100", "1,000"], "title_text": "Temperature (log scale)"}
    figure.update_xaxes(**logs, col=3)
    figure.update_yaxes(tickformat=".3f", col=2)
    figure.update_yaxes(tickformat=".3f", col=3)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95)
    table = {"step": asked.epsilons, "held-out confidence": asked.normal_confidences, "auroc": aurocs}
    return Picture(figure, table, _choice_in_words(asked, aurocs), "choosing")


def _mark(figure: go.Figure, asked: Asked, aurocs: NDArray) -> None:
    """The step that held-out normal images choose, on both panels, and the one that only the answers know."""
    chosen, best = asked.surest, int(aurocs.argmax())
    circle = {"symbol": "circle-open", "size": 17, "color": INK, "line": {"width": 3}}
    for column, values in ((1, asked.normal_confidences), (2, aurocs)):
        name = f"held-out normal images choose {asked.epsilons[chosen]:g}"
        mark = scatter([chosen], [values[chosen]], mode="markers", marker=circle, name=name, showlegend=column == 1)
        figure.add_trace(mark, row=1, col=column)
    star = {"symbol": "star", "size": 13, "color": NOVEL}
    name = f"best on the test images: {asked.epsilons[best]:g}"
    figure.add_trace(scatter([best], [aurocs[best]], mode="markers", marker=star, name=name), row=1, col=2)


def _choice_in_words(asked: Asked, aurocs: NDArray) -> str:
    chosen, best = asked.surest, int(aurocs.argmax())
    sentence = (
        f"Held-out normal images alone would choose a step of {asked.epsilons[chosen]:g}, AUROC {aurocs[chosen]:.3f}"
    )
    if chosen == len(aurocs) - 1:
        sentence += "; their confidence still grows at the end of the grid, so it never tells them when to stop"
    if best == chosen:
        return f"{sentence}. Here no other step does better."
    return (
        f"{sentence}. The star, {asked.epsilons[best]:g} with {aurocs[best]:.3f}, is known only to who has seen novel "
        "images."
    )
