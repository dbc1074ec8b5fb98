"""A figure as the browser gets it: the app's look in plain values, so that it is drawn once and not several times.

Streamlit hands a chart to Plotly a second time right after the first, with its theme applied anew. Plotly then finds
another template and other arrays, although nothing has changed, and computes and draws everything again. Without a
template, with plain lists and a `datarevision` it finds nothing to do. And where margins are too narrow for labels,
it draws a chart up to six times until they have room; so they are wide enough from the start.
"""

import re
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.palette import INK

INKS, PAPERS = ("rgb(27, 31, 36)", "rgb(232, 234, 237)"), ("rgb(255, 255, 255)", "rgb(17, 21, 26)")  # light, dark
GRID = "rgba(128, 136, 148, 0.25)"  # seen on both
FONT = '"Source Sans", sans-serif'
SMALL, MEDIUM, LARGE = 12, 14, 16  # pixels, as Streamlit's own theme for charts has them
LINE = 1.3  # height of a line of text, in heights of its font
NUMBER = "−0.5"  # stands for the labels of an axis that chooses its own
WEBGL, FEW = "scattergl", 3_000  # so many points stand as soon without WebGL, two charts of 1,254 a tenth sooner
DIGITS = 7  # significant ones of what is sent, about those of single precision

_TITLED = {"font": {"size": MEDIUM}}
_AXIS: dict[str, Any] = {"gridcolor": GRID, "zerolinecolor": GRID, "tickfont": {"size": SMALL}}
_X = _AXIS | {"showgrid": False, "zeroline": False, "automargin": True, "title": _TITLED | {"standoff": 14}}
_Y = _AXIS | {"automargin": True, "title": _TITLED | {"standoff": 16}}
_TOOLS = {"bgcolor": "rgba(0,0,0,0)", "color": "rgba(128, 136, 148, 0.7)", "activecolor": "rgb(128, 136, 148)"}
_LOOK: dict[str, Any] = {
    "font": {"family": FONT, "size": SMALL, "color": INK},
    "title": {"font": {"size": LARGE, "weight": 600}, "xanchor": "left", "x": 0, "pad": {"l": 4}},
    "legend": {"font": {"size": SMALL}, "valign": "top", "title": {"font": {"size": SMALL}, "side": "top"}},
    "margin": {"pad": 8, "l": 0, "r": 0},
    "hoverlabel": {"bordercolor": GRID, "font": {"family": FONT, "size": SMALL, "color": INK}},
    "plot_bgcolor": "rgba(0,0,0,0)",
    "modebar": _TOOLS,
}


# Letters of larger text that have room: in titles and legends of a chart in half the page, along an upright axis, and
# side by side below a chart as wide as the page.
TITLE, LEGEND, ALONG, UPRIGHT, BELOW = 38, 40, 42, 30, 850


class Shown(go.Figure):
    """What Streamlit asks a figure for, `to_dict`, already in the form in which it is sent."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec

    def to_dict(self) -> dict[str, Any]:
        return self._spec


def on_screen(figure: go.Figure, dark: bool = False) -> Shown:
    """The figure in the app's look. What it says itself stands.

    dark: the theme, for what is drawn where a style sheet can't follow it, and for pictures that are downloaded.
    """
    sent = _Sent(INKS[dark])
    data = [sent.plain(trace) for trace in figure._data]
    by_webgl = [trace for trace in data if trace.get("type") == WEBGL]
    if sum(len(trace["x"]) for trace in by_webgl) <= FEW:
        for trace in by_webgl:
            trace["type"] = "scatter"
    for trace in data:
        if trace.get("type", "scatter") == "scatter" and "marker" in trace:
            trace["marker"] = _under({"line": {"width": 0}}, trace["marker"])
    said = {name: each for name, each in figure._layout.items() if name != "template"}
    layout = sent.plain(_under(_LOOK | {"paper_bgcolor": PAPERS[dark]}, said))
    layout["hoverlabel"].setdefault("bgcolor", PAPERS[dark])
    for axis in {"xaxis", "yaxis", *(name for name in said if name[1:].startswith("axis"))}:
        layout[axis] = _axis(axis, layout.get(axis, {}))
    layout["margin"] |= _room(layout, data)
    layout["datarevision"] = sent.digest
    return Shown({"data": data, "layout": layout})


def magnified(figure: go.Figure, scale: float = 1.4) -> go.Figure:
    """A copy whose text is larger by `scale`, for the last row of a classroom; the theme's sizes know nothing of it.

    Long titles and names go on in a second line; labels below that would touch keep their size.
    """
    text, heading = round(SMALL * scale), LARGE * scale
    large = go.Figure(figure).update_layout(font_size=text, legend_font_size=text, title_font_size=heading)
    _break(large.layout.title, TITLE)
    more = 1.3 * heading * (large.layout.title.text or "").count("<br>")  # pixels
    height, top = (figure.layout.height or 450) * scale, (figure.layout.margin.t or 60) * scale
    below = 1 - large.layout.legend.y if large.layout.legend.yref == "container" else 0
    if large.layout.legend.orientation == "v":
        for trace in large.data:
            trace.name = _broken(trace.name or "", LEGEND) or None
        names = sum((trace.name or "").count("<br>") for trace in large.data)
        height, top = height + LINE * text * names, top + LINE * text * names
    large.update_layout(height=height + more, margin_t=top + more)
    large.update_layout(
        margin_b=(figure.layout.margin.b or 8) * scale, title_pad_t=8 + 0.6 * more
    )  # Plotly lifts lines
    if below:
        large.layout.legend.y = 1 - (below * (figure.layout.height or 450) * scale + more) / (height + more)
    large.update_annotations(font_size=text)
    for note in (each for each in large.layout.annotations if each.yshift):
        note.yshift *= scale
    large.update_traces(textfont_size=SMALL, selector={"type": "bar"})
    for axis in large.select_xaxes():
        _break(axis.title, ALONG)
        axis.update(title_font_size=text, tickfont_size=SMALL if _touch(axis, text) else text)
    for axis in large.select_yaxes():
        _break(axis.title, UPRIGHT)
        axis.update(title_font_size=text, tickfont_size=text)
    return large


def _break(title: Any, letters: int) -> None:
    if title.text:
        title.text = _broken(title.text, letters)


def _broken(words: str, letters: int) -> str:
    """The same in lines of about so many letters; with tags of its own it stays as it is."""
    return words if "<" in words else "<br>".join(textwrap.wrap(words, letters))


def _touch(axis: Any, size: float) -> bool:
    """Whether labels of that size would touch where the axis has as much room as there is."""
    labels = axis.tickvals if axis.ticktext is None else axis.ticktext
    widths = [max(map(_width, str(label).split("<br>"))) for label in (() if labels is None else labels)]
    domain = axis.domain or (0, 1)
    return size * (sum(widths) + 0.6 * len(widths)) > BELOW * (domain[1] - domain[0])


def _axis(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """An axis in the app's look; without words it has no title, for which Plotly would keep room."""
    look = _X if name[0] == "x" else _Y
    if not said.get("title", {}).get("text"):
        look, said = ({key: each for key, each in part.items() if key != "title"} for part in (look, said))
    return _under(look, said)


def _room(layout: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Margins in which the legend and the outermost axes have room, as far as can be known.

    Where they haven't, Plotly draws a chart, sees it, and draws all of it again, perhaps several times.
    """
    margin = layout["margin"]
    left, bottom, top = [margin["l"]], [margin.get("b", 0)], [margin.get("t", 0)]
    for name, axis in layout.items():
        if name[1:].startswith("axis") and axis.get("visible", True) and _outermost(layout, name, axis):
            font, title = axis["tickfont"]["size"], axis["title"]["font"]["size"] if "title" in axis else 0
            labels = _labels(name, axis, data) if axis.get("showticklabels", True) else []
            lines = [re.split("<br>", re.sub("<(?!br)[^>]*>", "", label)) for label in labels]
            if name[0] == "y":
                widest = max((_width(line) for each in lines for line in each), default=0.0)
                left.append((14 if labels == [NUMBER] else 25) + widest * font + (title and 21 + title))
            else:
                bottom.append(15 + max(map(len, lines), default=0) * LINE * font + (title and 23 + title or 3))
    legend = layout["legend"]
    if legend.get("yref") == "container" and (rows := _legend_rows(layout, data)):
        above = (1 - legend["y"]) * layout["height"]
        top.append(above + 21 + rows * LINE * 1.3 * legend["font"]["size"])
    return {"l": round(max(left)), "b": round(max(bottom)), "t": round(max(top))}


def _labels(name: str, axis: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of an axis: its own, or the words by which traces place things on it, or what stands for numbers."""
    if "ticktext" in axis:
        return list(map(str, axis["ticktext"]))
    of = name[0] + name[5:]
    placed = (trace.get(name[0]) for trace in data if trace.get(f"{name[0]}axis", name[0]) == of)
    words = [each for values in placed if isinstance(values, list) for each in values if isinstance(each, str)]
    return words or [NUMBER]


def _width(line: str) -> float:
    """Of a text, about, in heights of its font."""
    return sum(0.27 if letter in "ijltfr.,:;|!'() " else 0.82 if letter in "mwMW%" else 0.52 for letter in line)


def _legend_rows(layout: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> int:
    """Lines of the legend, as far as can be known; 0 where there is none."""
    names = [str(trace["name"]) for trace in data if trace.get("name") and trace.get("showlegend", True)]
    if not names or not layout.get("showlegend", len(data) > 1):
        return 0
    return sum(name.count("<br>") + 1 for name in names) if layout["legend"].get("orientation") == "v" else 1


def _outermost(layout: Mapping[str, Any], name: str, axis: Mapping[str, Any]) -> bool:
    """Whether a y axis is the left one of a row of panels, an x axis the lowest one."""
    other = axis.get("anchor", "y" if name[0] == "x" else "x")
    crossed = layout.get(f"{other[0]}axis{other[1:]}", {})
    return not crossed.get("domain", [0])[0]


def _under(look: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, and the look where nothing is."""
    merged = dict(look) | dict(said)
    both = (name for name in look.keys() & said.keys() if isinstance(look[name], dict) and isinstance(said[name], dict))
    return merged | {name: _under(look[name], said[name]) for name in both}


class _Sent:
    """Turns what a figure holds into what JSON has.  digest: of all arrays so far.  ink: what INK becomes."""

    def __init__(self, ink: str) -> None:
        self.digest, self.ink = 0, ink

    def plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.plain(each) for name, each in value.items()}
        if isinstance(value, np.ndarray) and value.dtype != object:
            self.digest = zlib.crc32(np.ascontiguousarray(value).tobytes(), self.digest)
            return _short(value).tolist()
        if isinstance(value, (list, tuple, np.ndarray)):
            plain = [self.plain(each) for each in value]
            self.digest = zlib.crc32(repr(plain).encode(), self.digest)
            return plain
        return value.replace(INK, self.ink) if isinstance(value, str) and INK in value else value


def _short(values: NDArray) -> NDArray:
    """The same to DIGITS significant digits, so that their text is short."""
    if values.dtype.kind != "f":
        return values
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        scale = 10.0 ** np.clip(DIGITS - 1 - np.floor(np.log10(np.abs(wide))), -300, 300)
        rounded = np.rint(wide * scale) / scale
    return np.where(np.isfinite(rounded), rounded, wide)
