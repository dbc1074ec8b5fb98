import subprocess
import sys

import pytest

from core.figures import Kinds
from core.figures.pages.score import mixture
from core.runs import store
from core.runs.process import machine
from pages.shared.home import puzzle
from tests.pages.words import button, words

TITLE = "Which of these would surprise a network that has never seen a 3?"


def links(app) -> dict[str, str]:
    return {link.proto.label: f"{link.proto.page}?{link.proto.query_string}" for link in app.main.get("page_link")}


@pytest.fixture
def best(store_with_runs):
    """The run that the puzzle is about: nothing ships with the app here."""
    return max(store.runs(), key=lambda run: run.metrics()["auroc"]["value"])


def test_an_empty_store_offers_a_first_training(own_store, open_page):
    app = open_page("home")
    assert [title.value for title in app.title] == [TITLE]
    assert "No network here has ever been kept from seeing a 3" in words(app)
    assert [each.label for each in app.main.button] == ["Train one"]
    assert words(app).count("No run of it on this machine yet.") >= 2
    assert "Open" not in links(app)


def test_ten_images_are_asked_about_and_show_tells_who_was_right(best, open_page):
    app = open_page("home")
    assert [title.value for title in app.title] == [TITLE]
    assert len(app.checkbox) == 10
    novel = best.novel[mixture(Kinds.of_test(best.novel), 10, 0)]
    for box, is_novel in zip(app.checkbox, novel, strict=True):
        box.set_value(bool(is_novel))
    button(app, "Show").click().run()
    assert not app.checkbox
    assert "You found 5 of 5 novel images with 0 false alarms" in words(app)
    assert f"The network: {best.name}" in words(app)
    caught = int((best.scores()[mixture(Kinds.of_test(best.novel), 10, 0)][novel == 1] > best.threshold()).sum())
    assert f"the network {caught} of 5" in words(app)


def test_picks_that_are_wrong_are_counted_as_false_alarms(best, open_page):
    app = open_page("home")
    for box in app.checkbox:
        box.set_value(True)
    button(app, "Show").click().run()
    assert "You found 5 of 5 novel images with 5 false alarms" in words(app)


def test_another_ten_are_other_images_and_stand_in_the_link(best, open_page):
    app = open_page("home")
    first = [box.key for box in app.checkbox]
    button(app, "Show").click().run()
    button(app, "Another ten").click().run()
    assert app.query_params["home_sheet"] == "1"
    assert len(app.checkbox) == 10
    assert {box.key for box in app.checkbox}.isdisjoint(first)
    assert not any(box.value for box in app.checkbox)


def test_each_family_shows_a_run_of_it_or_says_that_there_is_none(best, open_page):
    app = open_page("home")
    assert "ways to find the unknown" in " ".join(each.value for each in app.subheader)
    assert f"AUROC {best.metrics()['auroc']['value']:.3f}" in words(app)
    assert "No run of it on this machine yet." in words(app)  # SVDD
    assert links(app)["Open"] == f"rapp?rapp_run={best.id}"
    assert "compare?runs=" in links(app)["3. Compare 3 runs on the same images"]


def test_the_machine_is_described(best, open_page, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ["NVIDIA H200"])
    monkeypatch.setattr(machine, "cores", lambda: 16)
    told = words(open_page("home"))
    assert "16 cores, NVIDIA H200" in told
    assert "scikit-learn digits" in told
    assert f"{len(store.runs())} finished runs, 0 in training, 0 waiting" in told


def test_ten_images_are_the_same_for_everyone_with_the_link(best, open_page):
    app = open_page("home", home_sheet="4")
    places = mixture(Kinds.of_test(best.novel), puzzle.TEN, 4)
    assert [box.key for box in app.checkbox] == [f"home_guess_{best.id}_4_{place}" for place in places]


def test_the_pages_of_this_file_load_nothing_heavy(best):
    heavy = ("torch", "torchvision", "mlflow", "sklearn", "umap", "scipy.stats")
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
for page in ("home", "compare", "datasets"):
    assert not app.switch_page(f"pages/{{page}}.py").run().exception
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=store.PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
