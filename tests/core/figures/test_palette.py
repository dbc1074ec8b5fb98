import tomllib
from pathlib import Path

import numpy as np
import pytest

from core import figures

THEME = Path(__file__).parents[3] / ".streamlit" / "config.toml"


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        shares = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_theme_repeats_the_colours():
    theme = tomllib.loads(THEME.read_text())["theme"]
    named = (figures.NORMAL, figures.NOVEL, figures.ANOMALY, *figures.SERIES, figures.CONTROL)
    assert tuple(theme["chartCategoricalColors"]) == named
    assert tuple(theme["chartSequentialColors"]) == figures.AMOUNTS
    assert tuple(theme["chartDivergingColors"]) == figures.DIFFERENCES


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_meanings_and_text_stand_out_from_both_backgrounds(mode):
    theme = tomllib.loads(THEME.read_text())["theme"][mode]
    for colour in (figures.NORMAL, figures.NOVEL, figures.CONTROL):
        assert contrast(colour, theme["backgroundColor"]) > 3  # WCAG 1.4.11, graphical objects
    for surface in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], surface) > 7
        assert contrast(theme["linkColor"], surface) > 4.5


def test_a_translucent_colour_keeps_its_red_green_and_blue():
    assert figures.translucent("#0072B2", 0.22) == "rgba(0,114,178,0.22)"
    assert figures.translucent(figures.NOVEL, 0.18) == "rgba(213,94,0,0.18)"
