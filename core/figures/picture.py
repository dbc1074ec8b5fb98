"""A picture with what stands behind and below it, its files, and numbers as people write them."""

import csv as comma_separated
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.texts import cell


@dataclass(frozen=True)
class Picture:
    """A figure with what stands behind and below it.

    table: the columns of the downloaded CSV, all of one length.  sentence: what to look for.  name: stem of file names.
    """

    figure: go.Figure
    table: Mapping[str, Sequence | NDArray]
    sentence: str
    name: str


def csv(picture: Picture) -> str:
    """The table behind a picture as comma-separated text with a header row."""
    return as_csv(picture.table)


def as_csv(table: Mapping[str, Sequence | NDArray]) -> str:
    """A table of columns of one length as comma-separated text with a header row.

    None is an empty cell, what a spreadsheet would run as a formula a text.
    """
    text = io.StringIO()
    writer = comma_separated.writer(text, lineterminator="\n")
    writer.writerow(map(cell, table))
    writer.writerows(
        map(cell, row) for row in zip(*(np.asarray(each).tolist() for each in table.values()), strict=True)
    )
    return text.getvalue()


def html(picture: Picture) -> str:
    """The picture and its sentence as a page that opens anywhere, without app and network (5 MB, most of it Plotly)."""
    figure = go.Figure(picture.figure).update_layout(template="plotly_white")
    chart = figure.to_html(include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(picture.name)}</title>'
    return f'{head}<body style="font-family: sans-serif">{chart}<p>{escape(picture.sentence)}</p>'


def percent(share: float) -> str:
    """0.95 -> "95 %", 0.1234 -> "12.3 %"; a share that isn't a number -> "unknown"."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %" if math.isfinite(share) else "unknown"


def number(value: float) -> str:
    """Three digits as people write them: 0.01234 -> "0.0123", 12345.6 -> "12,346"."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def three_digits(metric: Mapping[str, float | None]) -> str:
    """A metric {value, low, high} -> "0.972 (0.968 to 0.975)"; without a known interval -> "0.972", or "undefined"."""
    if metric["value"] is None:
        return "undefined"
    low, high = metric.get("low"), metric.get("high")
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"{metric['value']:.3f}" + (f" ({low:.3f} to {high:.3f})" if known else "")
