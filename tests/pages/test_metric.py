import pytest

from core.runs import store
from tests.pages.training import trained
from tests.pages.words import words

TRAIN = """
OPTIONS = {"anomalies": "uniform-noise", "seen": "gaussian-noise", "most": 100}
for method in ("metric-learning", "metric-learning-odm", "softmax-twin"):
    changes = {"epochs": 20} | ({} if method == "softmax-twin" else {"dimension": 3})
    request = spec.request("digits", "cross-dataset", "2,6,7", method, options=OPTIONS, changes=changes)
    run = worker.execute(store.create(request))
    assert run.state == store.FINISHED, run.sentence
"""


@pytest.fixture(scope="module")
def known_store(tmp_path_factory):
    """A store with a short run of each method. Don't change it."""
    return trained(tmp_path_factory.mktemp("known"), TRAIN)


@pytest.fixture
def runs(known_store, own_store, monkeypatch):
    """The three runs by method; the store is as `known_store` left it."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(known_store))
    return {run.spec.method: run for run in store.runs()}


def test_an_empty_store_says_what_to_do(own_store, open_page):
    app = open_page("metric")
    assert app.title[0].value == "Near which class, or near none?"
    assert "No Metric learning run yet" in words(app)


@pytest.mark.parametrize("method", ["metric-learning", "metric-learning-odm", "softmax-twin"])
def test_the_page_opens_on_every_method(runs, open_page, method):
    run = runs[method]
    app = open_page("metric", metric_run=run.id)
    assert f"{run.metrics()['auroc']['value']:.3f}" in words(app)
