import pytest

from core.reproduce import start
from core.reproduce.start import Asked, agreed, plan
from tests.core.reproduce.making import finish
from tests.pages.opening import opened

ASKED = Asked("rapp-table-2", "quick", patterns=("ae/nap/*",))


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))


def table_of(app) -> str:
    return next(
        each.proto.body for each in app.get("html") if "verdicts" in each.proto.body and "<tr>" in each.proto.body
    )


def test_an_unstarted_table_shows_what_is_published_and_starts(monkeypatch):
    started = []
    monkeypatch.setattr(start, "submit", started.append)
    app = opened("reproduce")
    assert app.title[0].value == "Is this published table so?"
    assert "published 0.899" in table_of(app) and "✓ reproduced" not in table_of(app)
    app.multiselect(key="rows_rapp-table-2").select("AE").run()
    app.button(key="reproduce_start").click().run()
    (asked,) = started
    assert (asked.table, asked.scale, asked.patterns) == ("rapp-table-2", "quick", ("ae/*",))
    assert "python -m core reproduce rapp-table-2 --quick --cells ae/*" in app.code[0].value.replace("'", "")


def test_a_filled_table_has_verdicts_notes_and_files():
    made = plan(ASKED)
    protocol = agreed(ASKED, made)
    app = opened("reproduce", table="rapp-table-2", scale="quick")
    for spec in made.runs[:-1]:  # not before: the first page would look for more in them than they have
        finish(spec, 0.9 + 0.01 * spec.seed)
    app.run()
    assert "19 of 20 runs" in table_of(app) and protocol.short in "".join(each.value for each in app.markdown)
    finish(made.runs[-1], 0.91)
    app.run()
    assert "0.905" in table_of(app) and "? not decidable" in table_of(app)
    assert any(
        "other images: scikit-learn digits in place of MNIST" in each.value.replace("\\", "") for each in app.markdown
    )
    assert [each.proto.label for each in app.get("download_button")][-4:] == [
        "Markdown",
        "CSV",
        "LaTeX",
        "Report (HTML)",
    ]


def test_an_edited_protocol_is_said():
    protocol = agreed(ASKED, plan(ASKED))
    protocol.path.write_text(protocol.path.read_text().replace('"margin": 0.05', '"margin": 0.5'))
    app = opened("reproduce", table="rapp-table-2", scale="quick")
    assert "was edited after it was sealed" in app.error[0].value.replace("\\", "")
    protocol.path.write_text("{")
    app.run()
    assert "is no protocol any more" in app.error[0].value.replace("\\", "")


def test_the_mistaken_reading_is_offered_where_there_is_one():
    assert "mistaken" not in {each.key for each in opened("reproduce").toggle}
    app = opened("reproduce", table="clad-figure-3")
    assert "mistaken" in {each.key for each in app.toggle}
