import csv
import io

import numpy as np
import plotly.graph_objects as go
import pytest

from core import figures
from core.figures import Picture


def test_csv_reads_back_as_the_table():
    table = {"image": np.array([3, 5]), "score": np.array([0.1, 2.5]), "class": ["T-shirt, top", 'a "sign"']}
    picture = Picture(go.Figure(), table, "Look.", "scores")
    rows = list(csv.DictReader(io.StringIO(figures.csv(picture))))
    assert rows == [
        {"image": "3", "score": "0.1", "class": "T-shirt, top"},
        {"image": "5", "score": "2.5", "class": 'a "sign"'},
    ]


def test_csv_refuses_columns_of_different_lengths():
    with pytest.raises(ValueError):
        figures.csv(Picture(go.Figure(), {"a": [1, 2], "b": [1]}, "Look.", "scores"))


def test_html_stands_alone_and_shows_the_sentence_as_text():
    page = figures.html(Picture(go.Figure(go.Bar(y=[1])), {}, "More <novel> images.", "bars"))
    assert "More &lt;novel&gt; images." in page
    assert "<script src=" not in page
    assert "Plotly.newPlot" in page


@pytest.mark.parametrize(
    ("share", "words"), [(0.95, "95 %"), (0.1234, "12.3 %"), (1, "100 %"), (0, "0 %"), (float("nan"), "unknown")]
)
def test_percent(share, words):
    assert figures.percent(share) == words


@pytest.mark.parametrize(("value", "words"), [(0.012345, "0.0123"), (22.06, "22.1"), (12345.6, "12,346")])
def test_number(value, words):
    assert figures.number(value) == words


def test_three_digits():
    assert figures.three_digits({"value": 0.9721, "low": 0.968, "high": 0.9751}) == "0.972 (0.968 to 0.975)"
    assert figures.three_digits({"value": 0.9721, "low": None, "high": None}) == "0.972"
    assert figures.three_digits({"value": 0.9721}) == "0.972"
    assert figures.three_digits({"value": None, "low": None, "high": None}) == "undefined"
