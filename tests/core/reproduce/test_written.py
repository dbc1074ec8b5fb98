import csv
import io

import pytest

from core.reproduce import written
from core.reproduce.results import results
from core.reproduce.start import agreed, plan
from tests.core.reproduce.making import asked, finish


@pytest.fixture
def made(tmp_path):
    request = asked(tmp_path, seeds=4)
    protocol = agreed(request, plan(request))
    for cell, mean in zip(protocol.cells, (0.85, 0.31), strict=True):
        for row in cell.specs:
            for seed, spec in enumerate(row):
                finish(spec, mean + 0.004 * (seed % 2) - 0.002)
    return protocol, results(protocol)


def test_markdown_has_intervals_verdicts_and_footnotes(made):
    protocol, found = made
    text = written.markdown(protocol, found)
    assert "### A small table" in text and f"Protocol {protocol.short}" in text
    line = next(line for line in text.splitlines() if line.startswith("| AE"))
    assert "0.850 (" in line and "✗ not reproduced; published 0.900 [" in line
    assert "1 not reproduced, 1 not decidable." in text and "deviation 1 of the method: NAP comes from" in text
    assert "digits, control lines: PCA error (95 % of the variance) 0.800." in text
    assert "A note | of the table." in text


def test_footnotes_stand_once(made):
    _, found = made
    texts, numbers = written.footnotes(found)
    assert len(texts) == len(set(texts)) and max(max(each) for each in numbers.values()) == len(texts)
    assert "a note & of the row." in texts


def test_csv_has_a_line_for_each_cell(made):
    protocol, found = made
    rows = list(csv.DictReader(io.StringIO(written.csv(protocol, found))))
    assert [row["cell"] for row in rows] == [cell.key for cell in protocol.cells]
    assert rows[0]["verdict"] == "not reproduced" and float(rows[0]["difference"]) == pytest.approx(-0.05)
    assert rows[0]["finished"] == rows[0]["runs"] == "8" and rows[0]["protocol"] == protocol.short


def test_latex_is_escaped(made):
    protocol, found = made
    text = written.latex(protocol, found)
    assert r"a note \& of the row." in text and text.count(r"\begin{tabular}{ll}") == 1
    assert r"AE & 0.850 (" in text and r"$\times$, published 0.900\textsuperscript{" in text


def test_plain_text_has_a_row_for_each_cell(made):
    head, rows, notes = written.text(*made)
    assert len(head) == len(rows[0]) and rows[0][:3] == ["AE", "digits", "0.900"]
    assert notes[0].startswith("1. ")


def test_seeds_that_are_too_few_are_said(made):
    protocol, found = made
    assert written.few_seeds(protocol, found) == ""
    one = type(protocol)(protocol.content | {"seeds": [0]}, protocol.digest, protocol.path)
    assert "there are 1" in written.few_seeds(one, found)
    assert all(count is not None for count in written.needs(found[0], (0.05, 0.1)))


def test_standing_says_that_a_protocol_was_changed(made, tmp_path):
    request = asked(tmp_path, seeds=5, anew=True)
    anew = agreed(request, plan(request))
    told = "\n".join(written.standing(anew, results(anew)))
    assert "It was sealed 2 times" in told and "the seeds 0, 1, 2, 3, now 0, 1, 2, 3, 4" in told


def test_what_is_unknown_is_left_empty(tmp_path):
    request = asked(tmp_path)
    found = results(agreed(request, plan(request)))
    assert written.ours(found[0].verdict) == "" and written.claimed(found[0]) == "0.900"
    assert written.counted(found) == "2 not decidable"
    assert written.lines_and_columns(found) == (["AE", "upside down"], ["digits"])
    assert written.control_lines(found) == ""
