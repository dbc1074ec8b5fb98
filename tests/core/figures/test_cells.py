import re

import numpy as np
import pytest
from plotly.colors import sample_colorscale

from core.figures import cells
from core.figures.palette import AMOUNTS, DIFFERENCES


def contrast(one: float, other: float) -> float:
    """Of two luminances (WCAG 2.2)."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def of_colour(red: float, green: float, blue: float) -> float:
    """Luminance of a colour of 0..255, written out."""
    parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("colours", [AMOUNTS, DIFFERENCES])
def test_every_text_stands_out_at_least_as_large_print_must(colours):
    values = np.linspace(0, 1, 201)[None]
    told = cells.readable(np.full(values.shape, "x"), values, colours, 0, 1)
    for value, text, sampled in zip(values[0], told[0], sample_colorscale(list(colours), values[0]), strict=True):
        below = of_colour(*map(float, re.findall(r"[\d.]+", sampled)))
        ink = {"#000000": 0.0, "#FFFFFF": 1.0}[re.findall("#[0-9A-F]{6}", text)[0]]
        assert contrast(below, ink) >= max(4.5, contrast(below, 1 - ink)) - 0.05, value


def test_the_scale_runs_from_the_smallest_to_the_largest_value_unless_it_is_told():
    scale = ("#000000", "#FFFFFF")
    told = cells.readable([["a", "b"]], [[3.0, 5.0]], scale)
    assert "#FFFFFF" in told[0, 0] and "#000000" in told[0, 1]
    told = cells.readable([["a", "b"]], [[3.0, 5.0]], scale, 0, 100)
    assert "#FFFFFF" in told[0, 0] and "#FFFFFF" in told[0, 1]
    assert cells.luminance(np.array([7.0]), scale, 7.0, 7.0)[0] == pytest.approx(of_colour(127.5, 127.5, 127.5))


def test_what_has_no_colour_stays_as_it_is():
    told = cells.readable([["", "gone", "long <b>text</b>"]], [[1.0, np.nan, 2.0]], AMOUNTS)
    assert told[0, 0] == "" and told[0, 1] == "gone" and "long <b>text</b></span>" in told[0, 2]
    assert cells.readable([["gone"]], [[np.nan]], AMOUNTS).tolist() == [["gone"]]


def test_the_font_fits_the_longest_line_and_is_never_large():
    assert cells.text_font([["0.9", "0.8"]], 600) == {"size": cells.LARGEST}
    wide = cells.text_font([["<b>0.972</b><br>(0.968 to 0.975)"] * 8], 640)["size"]
    assert wide == pytest.approx(0.9 * 80 / (0.58 * len("(0.968 to 0.975)")))
    assert cells.text_font([[""]], 100) == {"size": cells.LARGEST}
