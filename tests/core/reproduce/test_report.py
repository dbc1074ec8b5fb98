import pytest

from core.reproduce import report
from core.reproduce.results import results
from core.reproduce.start import agreed, plan
from core.reproduce.tables import table
from tests.core.reproduce.making import asked, finish


@pytest.fixture
def made(tmp_path):
    request = asked(tmp_path)
    protocol = agreed(request, plan(request))
    for row in protocol.cells[0].specs:
        for spec in row:
            finish(spec, 0.85)
    return protocol, results(protocol)


def test_the_report_stands_alone(made):
    protocol, found = made
    page = report.html(protocol, found)
    assert protocol.digest in page and "A small table" in page and "a note &amp; of the row." in page
    assert "src=" not in page.split("<main>")[1] and "0 of 4 runs" in page
    assert 'class="cell not-reproduced"' in page


def test_judged_cells_keep_what_pictures_need(made):
    _, found = made
    first, second = report.judged(found)
    assert (first.line, first.published, first.finished, first.asked) == ("AE", "0.900", 4, 4)
    assert first.difference == pytest.approx(-0.05) and second.ours == ""


def test_a_table_that_nobody_started_shows_what_is_published():
    found = report.unstarted(table("rapp-table-2"))
    assert len(found) == 18 and found[2].published == "0.899" and found[2].reason == "not run yet"
