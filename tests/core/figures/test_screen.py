import json

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from core import figures
from core.figures import INK, screen


def chart(values=(1.0, 2.0), **options) -> go.Figure:
    figure = go.Figure(go.Scatter(x=np.arange(len(values)), y=np.asarray(values), name="scores"))
    return figures.style(figure, "A title", "Layer", "Distance", height=300).update_layout(**options)


def sent(figure: go.Figure, dark: bool = False) -> dict:
    """What the browser gets of it, as Streamlit makes it."""
    return json.loads(plotly.io.to_json(figures.on_screen(figure, dark), validate=False))


@pytest.mark.parametrize(("points", "kind"), [(1_500, "scatter"), (1_501, "scattergl")])
def test_webgl_is_started_only_for_so_many_points_in_all_traces(points, kind):
    many = np.arange(points, dtype=float)
    figure = go.Figure([figures.scatter(many, many), figures.scatter(many[:1500], many[:1500]), go.Bar(y=[1])])
    assert [each["type"] for each in sent(figure)["data"]] == [kind, kind, "bar"]
    assert figure.data[0].type == "scattergl"  # a downloaded chart is drawn as it is


def test_magnified_leaves_the_original_alone():
    figure = figures.style(go.Figure(go.Bar(y=[1])), "Bars", "x", "y", height=300)
    large = figures.magnified(figure, 1.5)
    assert (large.layout.height, large.layout.xaxis.tickfont.size) == (450, 18)
    assert (figure.layout.height, figure.layout.xaxis.tickfont.size) == (300, None)


def test_magnified_breaks_what_would_be_cut_and_makes_room_for_it():
    long = "Percentile among normal images, one method against the other"
    figure = figures.style(go.Figure(go.Scatter(y=[1])), long, long, "y", height=300)
    large = figures.magnified(figure, 1.5)
    assert large.layout.title.text.replace("<br>", " ") == long == large.layout.xaxis.title.text.replace("<br>", " ")
    assert max(map(len, large.layout.title.text.split("<br>"))) <= screen.TITLE
    more = 1.3 * screen.LARGE * 1.5
    assert large.layout.height == pytest.approx(450 + more)
    top = (1 - large.layout.legend.y) * large.layout.height  # of the legend, in pixels below the upper edge
    assert top == pytest.approx(34 * 1.5 + more)


def test_magnified_keeps_the_size_of_labels_that_would_touch():
    names = [f"kind {place} of many" for place in range(8)]
    axis = {"tickvals": list(range(8)), "ticktext": names}
    few = figures.magnified(chart(xaxis={"tickvals": [0, 1], "ticktext": names[:2]}))
    many = figures.magnified(chart(xaxis=axis))
    assert few.layout.xaxis.tickfont.size > many.layout.xaxis.tickfont.size == screen.SMALL


def test_a_chart_is_sent_without_template_and_with_plain_lists():
    figure = chart(np.float32([1 / 3, np.nan, 2e-9]))
    spec = sent(figure)
    assert "template" not in spec["layout"]
    assert spec["data"][0]["y"] == [0.3333333, None, 2e-9]
    assert "template" in figure.to_plotly_json()["layout"]  # the figure itself is left alone
    large = sent(figures.magnified(figure))
    assert large["layout"]["font"]["size"] > spec["layout"]["font"]["size"]


def test_what_a_figure_says_itself_stands():
    layout = sent(chart(margin_l=200, xaxis_showgrid=True, title_font_size=9))["layout"]
    assert (layout["margin"]["l"], layout["xaxis"]["showgrid"], layout["title"]["font"]["size"]) == (200, True, 9)
    assert layout["title"]["font"]["weight"] == 600 and layout["yaxis"]["gridcolor"] == screen.GRID


def test_the_revision_differs_where_an_array_does():
    first, again, other = (sent(chart(values))["layout"]["datarevision"] for values in ((1, 2), (1, 2), (1, 3)))
    assert first == again != other
    words = [sent(chart(xaxis={"tickvals": [0], "ticktext": [text]}))["layout"]["datarevision"] for text in "ab"]
    assert words[0] != words[1]


@pytest.mark.parametrize("dark", [False, True])
def test_ink_and_paper_are_those_of_the_theme(dark):
    spec = sent(chart().add_vline(1, line={"color": INK}), dark)
    assert INK not in json.dumps(spec)
    assert spec["layout"]["shapes"][0]["line"]["color"] == screen.INKS[dark] == spec["layout"]["font"]["color"]
    assert spec["layout"]["paper_bgcolor"] == screen.PAPERS[dark]


def test_margins_have_room_for_the_longest_label_and_the_legend():
    """In letters of the font's size and half of it: what Plotly would find too narrow it draws several times."""
    name = "a detector with a long name"
    axis = {"tickvals": [0], "ticktext": [name]}
    by_text, by_words = (
        sent(figure)["layout"]["margin"]["l"]
        for figure in (
            chart(yaxis=axis),
            figures.style(go.Figure(go.Bar(x=[1], y=[name], orientation="h")), "A title", "Layer", "Distance"),
        )
    )
    numbers = sent(chart())["layout"]["margin"]
    assert by_text == by_words > numbers["l"] + 0.35 * screen.SMALL * (len(name) - 4)
    two = sent(chart(xaxis={"tickvals": [0], "ticktext": ["two<br>lines"]}))["layout"]["margin"]
    assert two["b"] - numbers["b"] == pytest.approx(screen.LINE * screen.SMALL, abs=1)
    untitled = sent(chart(yaxis_title_text=""))["layout"]
    assert untitled["margin"]["l"] < numbers["l"] and "title" not in untitled["yaxis"]
    listed = go.Figure([go.Scatter(y=[1], name=name), go.Scatter(y=[2], name=name)])
    one, rows = (sent(figures.style(listed, "T", "x", "y", 300, rows))["layout"]["margin"]["t"] for rows in (1, 2))
    assert rows > one + screen.LINE * screen.SMALL
