"""Pictures and their colours: arrays in, a `Picture` out, without torch and without a page.

A figure function returns a `Picture`: the Plotly figure, the table behind it, and one sentence that says what to look
for, with this run's own numbers in it. So every picture can be downloaded as data, works without the app and is tested
without a browser. One meaning, one colour everywhere, never by colour alone; fonts, grid and background are the
theme's.

What all pictures share is imported from here: colours (palette.py), the kinds of images and their looks (kinds.py), the
picture (picture.py), charts (charts.py) and rows of images (sheets.py).
"""

from core.figures.charts import (
    SMALLEST,
    SVG_POINTS,
    Curve,
    lay_out,
    log_axis,
    pr,
    roc,
    scatter,
    score_histogram,
    style,
    wrapped,
)
from core.figures.kinds import Kind, Kinds
from core.figures.palette import (
    AMOUNTS,
    ANOMALY,
    CONTROL,
    DASHES,
    DIFFERENCES,
    INK,
    NORMAL,
    NOVEL,
    SERIES,
    translucent,
)
from core.figures.picture import Picture, as_csv, csv, html, number, percent, three_digits
from core.figures.screen import magnified, on_screen
from core.figures.sheets import enlarge, strip

__all__ = [
    "AMOUNTS",
    "ANOMALY",
    "CONTROL",
    "DASHES",
    "DIFFERENCES",
    "INK",
    "NORMAL",
    "NOVEL",
    "SERIES",
    "SMALLEST",
    "SVG_POINTS",
    "Curve",
    "Kind",
    "Kinds",
    "Picture",
    "as_csv",
    "csv",
    "enlarge",
    "html",
    "lay_out",
    "log_axis",
    "magnified",
    "number",
    "on_screen",
    "percent",
    "pr",
    "roc",
    "scatter",
    "score_histogram",
    "strip",
    "style",
    "three_digits",
    "translucent",
    "wrapped",
]
