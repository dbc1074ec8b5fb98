"""A published table run again: verdicts by colour, sign and word, and how far each cell is from its figure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from core.figures.palette import CONTROL, INK, NORMAL, NOVEL
from core.figures.picture import Picture

SIGNS = {"reproduced": "✓", "not reproduced": "✗", "not decidable": "?"}
COLOURS = {"reproduced": NORMAL, "not reproduced": NOVEL, "not decidable": CONTROL}
SYMBOLS = {"reproduced": "circle", "not reproduced": "x", "not decidable": "circle-open"}
# Light tints under text in the theme's own colour would vanish in one theme; a bar at the left shows in both.
STYLE = f"""<style>
table.verdicts {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .84rem; min-width: 60% }}
table.verdicts th, table.verdicts td {{ text-align: left; padding: .3rem .6rem; vertical-align: top;
  border-bottom: 1px solid rgba(127, 127, 127, .35) }}
table.verdicts th {{ font-weight: 600 }}
table.verdicts td.cell {{ border-left: 5px solid; line-height: 1.4; min-width: 9.5rem }}
table.verdicts td.reproduced {{ border-left-color: {NORMAL}; border-left-style: solid }}
table.verdicts td.not-reproduced {{ border-left-color: {NOVEL}; border-left-style: double }}
table.verdicts td.not-decidable {{ border-left-color: {CONTROL}; border-left-style: dotted }}
table.verdicts small {{ opacity: .8 }}
.scroll {{ overflow-x: auto }}
</style>"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{style}
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: {ink}; background: white }}
main {{ max-width: 1080px; margin: 2em auto; padding: 0 1em }}
h1 {{ font-size: 1.5em; line-height: 1.25 }}
h2 {{ font-size: 1.1em; margin: 2em 0 .5em }}
table.facts {{ border-collapse: collapse; font-size: .85em }}
table.facts td {{ padding: .25em 1em .25em 0; border-bottom: 1px solid #ddd; vertical-align: top }}
table.facts td {{ overflow-wrap: anywhere }}
</style>
<script>{plotly}</script>
</head>
<body><main>
{body}
</main></body>
</html>
"""


@dataclass(frozen=True)
class Judged:
    """A cell as pictures see it.

    word: its verdict.  ours, published: as text, empty where there is none.  difference, half_width: ours minus the
    published figure and its interval to either side, nan where unknown.  marks: numbers of its footnotes.
    """

    line: str
    column: str
    word: str
    reason: str
    ours: str
    published: str
    difference: float
    half_width: float
    finished: int
    asked: int
    live: int
    marks: tuple[int, ...] = ()


def verdict_table(
    lines: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Judged],
    controls: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The table as html: a coloured bar, a sign and a word for each verdict, ours over the published figure.

    controls: of a column, the control lines in words, which stand at its foot.
    """
    placed = {(each.line, each.column): each for each in cells}
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr><th>{escape(line)}</th>{''.join(_cell(placed.get((line, column))) for column in columns)}</tr>"
        for line in lines
    )
    foot = ""
    if controls:
        told = "".join(f"<td><small>{escape(controls.get(column, ''))}</small></td>" for column in columns)
        foot = f"<tr><th><small>control lines</small></th>{told}</tr>"
    return f'<div class="scroll"><table class="verdicts"><tr><th></th>{head}</tr>{body}{foot}</table></div>'


def _cell(each: Judged | None) -> str:
    if each is None:
        return "<td></td>"
    marks = f"<sup>{', '.join(map(str, each.marks))}</sup>" if each.marks else ""
    value, _, interval = each.ours.partition(" ")
    told = [f"<b>{escape(value)}</b> <small>{escape(interval)}</small>"] if each.ours else []
    told += [f"{SIGNS[each.word]} {each.word}{marks}"]
    told += [f"<small>published {escape(each.published)}</small>"] if each.published else []
    if each.finished < each.asked:
        under = f", {each.live} under way" if each.live else ""
        told.append(f"<small>{each.finished} of {each.asked} runs{under}</small>")
    title = f' title="{escape(each.reason, quote=True)}"' if each.reason else ""
    return f'<td class="cell {each.word.replace(" ", "-")}"{title}>{"<br>".join(told)}</td>'


def differences(cells: Sequence[Judged], margin: float) -> Picture:
    """Ours minus the published figure with its interval, a line for each cell, and the margin as a band.

    Cells without a published figure or a finished run are left out.
    """
    shown = [each for each in cells if math.isfinite(each.difference)]
    figure = go.Figure()
    names = [f"{each.line} · {each.column}" for each in shown]
    for word, colour in COLOURS.items():
        places = [place for place, each in enumerate(shown) if each.word == word]
        if not places:
            continue
        widths = [shown[place].half_width for place in places]
        figure.add_scatter(
            x=[shown[place].difference for place in places],
            y=[names[place] for place in places],
            mode="markers",
            name=f"{SIGNS[word]} {word} ({len(places)})",
            marker={"color": colour, "symbol": SYMBOLS[word], "size": 10},
            error_x={"type": "data", "array": [w if math.isfinite(w) else 0 for w in widths], "color": colour},
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": INK, "width": 1})
    for edge in (-margin, margin):
        figure.add_vline(x=edge, line={"color": CONTROL, "width": 1, "dash": "dash"})
    figure.update_layout(
        title="How far each cell is from its published figure",
        height=140 + 26 * max(len(shown), 1),
        xaxis={"title": f"ours minus published; dashed: the margin of {margin:g}", "zeroline": False},
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names, "automargin": True},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        margin={"t": 80, "l": 10, "r": 10, "b": 50},
    )
    table: dict[str, Sequence] = {
        "cell": names,
        "verdict": [each.word for each in shown],
        "difference": [each.difference for each in shown],
        "half_width": [each.half_width for each in shown],
    }
    return Picture(figure, table, _sentence(shown, margin), "differences")


def _sentence(shown: Sequence[Judged], margin: float) -> str:
    if not shown:
        return "No cell has both a published figure and a finished run yet."
    far = max(shown, key=lambda each: abs(each.difference))
    beyond = sum(abs(each.difference) > margin for each in shown)
    return (
        f"{beyond} of {len(shown)} cells lie more than {margin:g} from their published figure; furthest is {far.line}, "
        f"{far.column}, by {far.difference:+.3f}. An interval that holds 0 can't tell the two apart."
    )


def needed(margins: Sequence[float], seeds: Mapping[str, Sequence[int | None]]) -> Picture:
    """How many seeds each margin needs, a curve for each cell; where no number is enough, the curve ends.

    seeds: of each cell by its name, one for each margin.
    """
    figure = go.Figure()
    ends = []
    for place, (name, counts) in enumerate(seeds.items()):
        known = [(margin, count) for margin, count in zip(margins, counts, strict=True) if count is not None]
        if not known:
            ends.append(name)
            continue
        figure.add_scatter(
            x=[margin for margin, _ in known],
            y=[count for _, count in known],
            mode="lines+markers",
            name=name,
            line={"color": CONTROL if place else NORMAL, "dash": ("solid", "dot", "dash", "longdash")[place % 4]},
        )
    figure.update_layout(
        title="How many seeds a margin needs",
        xaxis={"title": "margin: the difference that is to be found"},
        yaxis={"title": "seeds", "rangemode": "tozero"},
        height=320,
        margin={"t": 60, "l": 10, "r": 10, "b": 50},
    )
    rows = [
        (name, margin, count) for name, counts in seeds.items() for margin, count in zip(margins, counts, strict=True)
    ]
    table: dict[str, Sequence] = {
        "cell": [row[0] for row in rows],
        "margin": [row[1] for row in rows],
        "seeds": [row[2] for row in rows],
    }
    never = f" For {', '.join(ends)} no number is enough: the published figure is of too few trainings." if ends else ""
    return Picture(
        figure,
        table,
        "By the spread between seeds, as measured or else assumed, with 95 % probability to find a difference of the "
        f"margin.{never}",
        "seeds-needed",
    )


def page(
    title: str,
    paper: str,
    lines: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Judged],
    picture: Picture,
    *,
    above: Sequence[str],
    footnotes: Sequence[str],
    controls: Mapping[str, str],
    facts: Mapping[str, object],
) -> str:
    """One page of html with everything (5 MB, most of it Plotly).  Names may come from strangers: all is escaped."""
    figure = go.Figure(picture.figure).update_layout(template="plotly_white")
    chart = figure.to_html(include_plotlyjs=False, full_html=False, config={"displaylogo": False})
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(paper)}</p>",
        *(f"<p>{escape(each)}</p>" for each in above),
        verdict_table(lines, columns, cells, controls),
        chart,
        f"<p>{escape(picture.sentence)}</p>",
        "<h2>Footnotes</h2>",
        f"<ol>{''.join(f'<li>{escape(each)}</li>' for each in footnotes)}</ol>",
        "<h2>Protocol</h2>",
        _facts(facts),
    ]
    return PAGE.format(title=escape(title), ink=INK, style=STYLE, plotly=get_plotlyjs(), body="\n".join(body))


def _facts(facts: Mapping[str, object]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    return f'<table class="facts">{rows}</table>'
