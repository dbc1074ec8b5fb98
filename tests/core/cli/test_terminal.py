import io
import os
import shutil
import sys

import pytest

from core.cli import terminal
from core.cli.terminal import ProgressLine
from core.knobs import Knob


def test_columns_are_as_wide_as_their_longest_cell():
    assert terminal.table(["a", "bb"], [["long", "x"], ["y", ""]]) == "a     bb\nlong  x\ny"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ({"value": 0.91249, "low": 0.8, "high": 1.0}, "0.912 (0.800 to 1.000)"),
        ({"value": 0.5, "low": None, "high": None}, "0.500"),
        ({"value": None, "low": None, "high": None}, "undefined"),
    ],
)
def test_a_metric_has_three_digits_and_its_interval(estimate, text):
    assert terminal.interval(estimate) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (65, "1:05"), (3599.7, "1:00:00"), (7265, "2:01:05")])
def test_durations(seconds, text):
    assert terminal.duration(seconds) == text


def test_sizes():
    assert terminal.size((1, 8, 10)) == "10x8 grey"
    assert terminal.size((3, 32, 32)) == "32x32 colour"
    assert terminal.size(None) == "unknown"


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({"kind": int, "low": 2, "high": 12}, "2 to 12"),
        ({"kind": float, "low": 0.5}, "from 0.5"),
        ({"kind": float}, "any number"),
        ({"kind": bool}, "true, false"),
        ({"kind": str, "choices": ("best", "last")}, "best, last"),
    ],
)
def test_what_a_knob_takes(details, text):
    knob = Knob(name="k", label="K", help="", group="", quick=1, paper=1, **details)
    assert terminal.takes(knob) == text


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


NEWS = {"stage": "train", "epoch": 2, "epochs": 8, "share": 0.25, "rate": 1234.5, "eta": 65.0}


def test_on_a_terminal_one_line_is_redrawn_and_cleared(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "REDRAW_SECONDS", 0)
    line = ProgressLine()
    line.training(NEWS)
    line.training(NEWS | {"epoch": 4, "share": 0.5, "eta": None})
    line.close()
    assert screen.getvalue().split("\r") == [
        "",
        "train 2/8  [######..................] 25%  1,234 images/s  1:05 left\x1b[K",
        "train 4/8  [############............] 50%\x1b[K",
        "\x1b[K",
    ]


def test_a_narrow_terminal_cuts_the_line(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((20, 5)))
    ProgressLine().training(NEWS)
    assert screen.getvalue() == "\rtrain 2/8  [######.\x1b[K"


def test_elsewhere_plain_lines_come_at_each_stage_and_now_and_then(monkeypatch):
    stream, now = io.StringIO(), [100.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    line = ProgressLine()
    for second, news in (
        (0, NEWS),
        (1, NEWS | {"epoch": 3}),  # too soon
        (6, NEWS | {"epoch": 4, "share": 0.5}),
        (7, NEWS | {"stage": "evaluate", "epoch": 1, "epochs": 1, "share": 1.0}),
    ):
        now[0] = 100.0 + second
        line.training(news)
    line.close()
    assert stream.getvalue().splitlines() == [
        "train 2/8  25%  1,234 images/s  1:05 left",
        "train 4/8  50%  1,234 images/s  1:05 left",
        "evaluate",
    ]


def test_a_stream_that_is_gone_ends_no_training(monkeypatch):
    class Gone(Screen):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    line = ProgressLine()
    line.training(NEWS)
    line.close()
