"""Pictures of CLAD: the kinds that it found in normal images, and how sure its classifier is of one of them.

Kinds are called A, B, C, ... (core/figures/clusters.py says why). A run keeps the classifier's outputs for every image
after each step on a small grid (core/methods/clad.py, `explain`), so that temperature and step can move without the
network and without torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import DIFFERENCES, INK, NORMAL, SERIES, Picture, percent, scatter, sheets, style
from core.figures.clusters import letter

MOST_BARS = 8  # kinds with a bar each, those that the classifier believes most
HATCHED = {"fgcolor": "white", "solidity": 0.2, "fillmode": "overlay"}
BAND = (0.05, 0.5, 0.95)


def unconfidence(logits: NDArray, temperature: float) -> NDArray[np.float64]:
    """-log max_c softmax(logits / T), [...] of [..., K]: 0 is certain, log K knows nothing.

    The same as core/algorithms/odin.py computes, without torch; confidences themselves would lose their digits where
    T is high.
    """
    scaled = logits.astype(np.float64) / temperature
    others = np.exp(scaled - scaled.max(-1, keepdims=True))
    np.put_along_axis(others, scaled.argmax(-1)[..., None], 0, -1)  # the best adds exactly 1, which log1p keeps apart
    return np.log1p(others.sum(-1))


def confidence(logits: NDArray, temperature: float) -> NDArray[np.float64]:
    """max_c softmax(logits / T), [...] of [..., K], in [1 / K, 1]."""
    return np.exp(-unconfidence(logits, temperature))


# --- one image --------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """Which kinds the classifier believes in, what ODIN's step does to its confidence, and what the step is.

    image: uint8 [C, H, W].  explanation: one image's row of `explain`, of which it takes "logits" [E, K] after each
    step of "epsilons" [E], "step", the place of the one in use, "cluster", the kind that the clustering gives it,
    "temperature", and "direction" of the step, [C, H, W] of -1, 0 and 1.  With "normal_logits", [V, E, K] of held-out
    normal images, the second picture says how usual that is.  Without a direction there is no third.
    """
    step, temperature = int(explanation["step"]), float(explanation["temperature"])
    epsilon, normal = float(explanation["epsilons"][step]), explanation.get("normal_logits")
    pair = explanation["logits"][[0, step]]
    pictures = [beliefs(pair, epsilon, int(explanation["cluster"]))]
    pictures.append(pulled(pair, epsilon, temperature, None if normal is None else normal[:, [0, step]]))
    direction = explanation.get("direction")
    return pictures if direction is None else [*pictures, perturbation(image, direction, epsilon)]


def beliefs(logits: NDArray, epsilon: float, cluster: int) -> Picture:
    """The classifier's probabilities at temperature 1, before and after the step, of the kinds that it believes most.

    logits: [2, K].  cluster: the kind that the clustering gives the image.
    """
    scaled = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    before, after = scaled / scaled.sum(1, keepdims=True)
    shown = np.argsort(-before, kind="stable")[:MOST_BARS]
    figure, y = go.Figure(), np.arange(len(shown))
    sides = [("before the step", before, SERIES[0], "")]
    if epsilon:
        sides.append((f"after a step of {epsilon:g}", after, SERIES[1], "/"))
    for name, values, colour, hatch in sides:
        figure.add_bar(
            x=100 * values[shown],
            y=y,
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": HATCHED | {"shape": hatch}},
            text=[percent(round(value, 3)) for value in values[shown].tolist()],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            hovertemplate="%{x:.2f} %<extra>" + name + "</extra>",
        )
    height = 120 + (34 if epsilon else 26) * len(shown)
    style(figure, "Which kind the classifier believes it is", "Probability in %, temperature 1", "", height)
    names = [f"kind {letter(k)}{' *' if k == cluster else ''}" for k in shown.tolist()]
    figure.update_yaxes(tickvals=y, ticktext=names, autorange="reversed", showgrid=False, zeroline=False)
    figure.update_xaxes(range=[0, 112], tickvals=[0, 25, 50, 75, 100])
    figure.update_layout(showlegend=True)
    first = int(shown[0])
    agree = "the clustering (*) agrees" if first == cluster else f"the clustering (*) puts it in kind {letter(cluster)}"
    rest = len(before) - len(shown)
    sentence = f"The classifier takes it for kind {letter(first)} ({percent(round(before[first], 3))}); {agree}."
    sentence += f" The {rest} kinds that it believes less are not drawn." if rest else ""
    table = {"kind": [letter(k) for k in shown.tolist()], "before": before[shown], "after": after[shown]}
    return Picture(figure, table, sentence, "beliefs")


def pulled(logits: NDArray, epsilon: float, temperature: float, normal: NDArray | None = None) -> Picture:
    """Confidence at a temperature before and after the step: of the image, and the 5 to 95 % band of normal images.

    logits: [2, K].  normal: [V, 2, K] of held-out normal images, or None.
    """
    rows = ["before", f"after a step<br>of {epsilon:g}"] if epsilon else ["no step"]
    own = confidence(logits, temperature)[: len(rows)]
    figure = go.Figure()
    table: dict[str, Sequence | NDArray] = {"row": [row.replace("<br>", " ") for row in rows], "image": own}
    if normal is not None:
        others = confidence(normal, temperature)[:, : len(rows)]
        low, middle, high = np.quantile(others, BAND, axis=0)
        for row in range(len(rows)):
            line = {"color": NORMAL, "width": 10}
            ends = {"x": [low[row], high[row]], "y": [row, row], "opacity": 0.35, "hoverinfo": "skip"}
            name = f"5 to 95 % of {len(normal):,} held-out normal images"
            figure.add_scatter(**ends, mode="lines", line=line, name=name, showlegend=row == 0)
        mark = {"symbol": "line-ns", "size": 18, "line": {"color": NORMAL, "width": 3}}
        figure.add_trace(scatter(middle, np.arange(len(rows)), mode="markers", marker=mark, name="their median"))
        table |= {"normal 5 %": low, "normal median": middle, "normal 95 %": high}
    diamond = {"symbol": "diamond", "size": 13, "color": INK}
    figure.add_trace(scatter(own, np.arange(len(rows)), mode="markers", marker=diamond, name="this image"))
    title = f"Confidence at temperature {temperature:g}"
    style(figure, title, f"Confidence (1/{logits.shape[1]} knows nothing, 1 is certain)", "", 150 + 45 * len(rows))
    figure.update_yaxes(
        tickvals=np.arange(len(rows)), ticktext=rows, range=[len(rows) - 0.4, -0.6], showgrid=False, zeroline=False
    )
    sentence = f"Its confidence is {own[0]:.5g}"
    if normal is not None:
        sentence += f", above {percent(round(float((others[:, 0] < own[0]).mean()), 3))} of the held-out normal images"
    if epsilon:
        sentence += f". The step moves it to {own[1]:.5g}"
        if normal is not None:
            sentence += f", above {percent(round(float((others[:, 1] < own[1]).mean()), 3))} of them after theirs"
    return Picture(figure, table, sentence + ".", "confidence-of-image")


def perturbation(image: NDArray[np.uint8], direction: NDArray, epsilon: float) -> Picture:
    """The image, the step that makes the classifier surer, and the image after it.

    image: uint8 [C, H, W].  direction: of each pixel, -1, 0 or 1, [C, H, W].  epsilon: length, of the pixel range.
    """
    after = np.clip(image / 255 + epsilon * direction, 0, 1)
    amounts = direction.astype(np.float64).mean(0)[::-1]
    figure = make_subplots(cols=3, subplot_titles=["the image", "the step", "after the step"])
    for column, pixels in ((1, sheets.rgb(image)), (3, sheets.rgb((255 * after).round().astype(np.uint8)))):
        figure.add_trace(go.Image(z=np.moveaxis(pixels, 0, -1), hoverinfo="skip"), row=1, col=column)
    looks = {"zmin": -1, "zmax": 1, "colorscale": DIFFERENCES, "hoverinfo": "skip"}
    bar = {"tickvals": [-1, 0, 1], "ticktext": ["darker", "same", "brighter"], "thickness": 10}
    figure.add_trace(go.Heatmap(z=amounts, colorbar=bar, **looks), row=1, col=2)
    style(figure, f"What a step of {epsilon:g} does", "", "", 230, 0)
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False, "ticks": ""}
    figure.update_xaxes(constrain="domain", **bare)
    for column in (1, 2, 3):
        figure.update_yaxes(scaleanchor=("x", "x2", "x3")[column - 1], constrain="domain", **bare, col=column)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=60)
    up, down = (float((direction == sign).mean()) for sign in (1, -1))
    sentence = (
        f"Every pixel moves by at most {percent(epsilon)} of its range: {percent(round(up, 2))} brighter, "
        f"{percent(round(down, 2))} darker, as the classifier's gradient says. The eye sees no difference; the "
        "classifier does."
    )
    channel, row, pixel = (each.ravel() for each in np.indices(image.shape))
    table: dict[str, NDArray] = {
        "channel": channel,
        "row": row,
        "column": pixel,
        "image": image.ravel(),
        "step": direction.ravel(),
    }
    return Picture(figure, table, sentence, "perturbation")
