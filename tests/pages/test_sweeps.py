import pytest

from core.runs import files, store
from core.sweeps import cells, grid, jobs, sweep
from core.sweeps.rows import Row, Validation
from pages.shared import panels
from tests.pages.words import button, buttons, words

ASKED = {
    "name": "forests",
    "dataset": "digits",
    "scenario": "unimodal",
    "target": "3",
    "method": "isolation-forest",
    "seeds": [0, 1],
    "knobs": {"trees": [10, 100], "sample": [64, 1000]},
}


def reached(spec) -> float:
    return 0.5 + spec.knobs["trees"] / 1000 + spec.knobs["sample"] / 10_000 + spec.seed / 100


def kept(state: str = sweep.FINISHED, **more) -> sweep.Sweep:
    """A sweep whose rows are all there, without runs."""
    asked = grid.read(ASKED | more)
    found = cells.expand(asked)
    one = sweep.keep(asked, found)
    rows = [
        Row(
            cell.settings,
            cell.spec,
            sweep.FINISHED,
            headline=cell.spec.card.headline,
            metrics={cell.spec.card.headline: {"auroc": {"value": reached(cell.spec)}, "f1": {"value": 0.25}}},
            validation=Validation(accepted=0.95 - cell.spec.knobs["trees"] / 1000, aim=0.95),
            seconds=2.0,
        )
        for cell in found
        if cell.spec
    ]
    files.write_json(one.folder / "rows.json", [each.to_json() for each in rows])
    sweep.mark(one, state)
    return one


@pytest.fixture
def forests(own_store) -> sweep.Sweep:
    return kept()


def spec_of(app, place: int = 0) -> str:
    return app.get("plotly_chart")[place].proto.spec


def test_an_empty_store_says_where_sweeps_begin(own_store, open_page):
    app = open_page("sweeps")
    assert app.title[0].value == "Which settings make the difference?"
    assert "No sweep yet" in words(app) and buttons(app) == ["To the Train page"]


def test_the_page_opens_on_the_map_with_best_and_worst_by_validation(forests, open_page):
    app = open_page("sweeps")
    assert "Finished: 8 of 8 runs finished" in words(app)
    assert app.query_params["sweep"] == "forests"
    assert "from 0.521 (trees 10, sample 64) to 0.705 (trees 100, sample 1000)" in words(app)
    assert "Seeds alone move it by 0.00707" in words(app)
    assert "Best: trees 10, sample 64 (and 1 as good)" in words(app)  # held-out images are accepted as they should be
    assert "Held-out images are accepted most nearly as often" in words(app)
    assert "partly luck" not in words(app)


def test_the_answers_are_looked_at_with_a_warning(forests, open_page):
    app = open_page("sweeps")
    app.toggle(key="sweep_answers").set_value(True).run()
    assert "**Best: trees 100, sample 1000**" in words(app) and "**Worst: trees 10, sample 64**" in words(app)
    assert "partly luck, so its figure is too good" in words(app)
    assert "\nAUROC 0.705\n" in words(app)  # said once


def test_measure_axes_and_filters_change_the_map(forests, open_page):
    app = open_page("sweeps")
    app.selectbox(key="sweep_measure").set_value("f1").run()
    assert "F1 by trees and sample" in spec_of(app)
    app.selectbox(key="sweep_measure").set_value("seconds").run()
    app.selectbox(key="sweep_x").set_value("knobs.sample").run()
    app.selectbox(key="sweep_y").set_value("seed").run()
    assert "Seconds of a run by sample and seed" in spec_of(app) and "mean over 2 of trees" in words(app)
    app.multiselect(key="sweep_only_knobs.trees").set_value([100]).run()
    assert "of trees" not in words(app) and "1 of the axes filtered" in str([each.label for each in app.expander])


TABS = {
    "Seeds": "some seed is as good as its worst one",
    "Parallel axes": "% of the differences between these 8 runs",
    "Cost": "All runs together took 16 s",
    "Start again, changed": "8 runs, 0 are done, 8 are left",
}


def test_every_tab_draws(forests, open_page):
    app = open_page("sweeps")
    for tab in TABS:
        app.session_state["sweep_tab"] = tab
        app.run()
        assert not app.exception and not app.error
        assert [name for name, sentence in TABS.items() if sentence in words(app)] == [tab]
    app.session_state["sweep_tab"] = "All runs"
    app.session_state["sweep_code"] = True
    app.run()
    assert len(app.dataframe[0].value) == 8 and list(app.dataframe[0].value.columns)[:3] == ["Trees", "Sample", "Seed"]
    assert "trees = [10, 100]" in app.code[0].value and "--go-on forests" in app.code[1].value


def test_what_cannot_be_trained_is_said_with_its_cells(own_store, open_page):
    kept(scenario=["unimodal", "several-normal"], target=["3", ["0", "1"]])
    app = open_page("sweeps")
    assert "Can't be trained" in words(app) and "takes exactly one class" in words(app)
    assert "scenario unimodal, target 0,1" in words(app)


def test_runs_with_an_alarm_take_no_part_in_validation_s_choice(own_store, open_page):
    one = kept()
    rows = files.read_json(one.folder / "rows.json")
    for row in rows[:4]:
        row["alarm"] = "Collapsed: every image scores alike."
    files.write_json(one.folder / "rows.json", rows)
    app = open_page("sweeps")
    assert "4 of 8 runs have an alarm and take no part." in words(app)
    assert "**Best: trees 100, sample 64" in words(app)
    app.toggle(key="sweep_answers").set_value(True).run()
    assert "4 of 8 runs have an alarm and take part all the same." in words(app)


def test_a_link_to_a_sweep_that_is_gone_says_so(forests, open_page):
    app = open_page("sweeps", sweep="gone")
    assert "The sweep gone is not here any more" in app.warning[0].value.replace("\\", "")
    assert app.selectbox(key="sweep").value == "forests"


def test_a_grid_is_changed_checked_with_its_line_and_started(forests, open_page, monkeypatch):
    started = []

    def submit(asked):
        started.append(asked)
        return sweep.find("forests")

    monkeypatch.setattr(jobs, "submit", submit)
    app = open_page("sweeps", sweep_tab="Start again, changed")
    area = app.text_area[0]
    text = area.value
    area.set_value(text.replace("trees = [10, 100]", "trees = 0")).run()
    assert "Line 12: trees can't be 0" in app.error[0].value.replace("\\", "") and "Start the sweep" not in buttons(app)
    area.set_value(text.replace("seeds = [0, 1]", f"seeds = {list(range(60))}")).run()
    assert "look at them all" in app.checkbox[-1].label and "Start the sweep" not in buttons(app)
    area.set_value(text.replace("trees = [10, 100]", "trees = [10, 20, 30]")).run()
    assert "12 runs, 0 are done, 12 are left" in words(app)
    button(app, "Start the sweep").click().run()
    assert [each.knobs["trees"] for each in started] == [(10, 20, 30)]


def test_a_sweep_is_cancelled_resumed_and_deleted(own_store, open_page, monkeypatch):
    one = kept(sweep.RUNNING)
    monkeypatch.setattr(sweep.Sweep, "alive", property(lambda self: self.mark["state"] in sweep.LIVE))
    app = open_page("sweeps")
    button(app, "Cancel").click().run()
    assert (one.folder / "cancel").exists() and "Stopping" in buttons(app)
    (one.folder / "rows.json").unlink()
    sweep.mark(one, sweep.CANCELLED)
    app.run()
    resumed = []
    monkeypatch.setattr(jobs, "_spawn", lambda one, jobs: resumed.append(one.name))
    button(app, "Resume").click().run()
    assert resumed == ["forests"] and one.state == sweep.QUEUED
    sweep.mark(one, sweep.FINISHED)
    app.run()
    button(app, "Delete").click().run()
    next(each for each in app.button if each.key == "sweep_delete_yes").click().run()
    assert sweep.sweeps() == [] and store.runs() == []


@pytest.fixture
def click(monkeypatch):
    """Clicks a cell of the map at the next drawing, once, as a person does; no AppTest can."""

    def once(cell: int) -> None:
        show, left = panels.show, [cell]

        def shown(picture, key=None, *more, **options):
            show(picture, key, *more, **options)
            return left.pop() if key == "sweep_map" and left else None

        monkeypatch.setattr(panels, "show", shown)

    return once


def test_a_cell_opens_its_run(filled_store, open_page, click):
    run = next(each for each in store.runs() if each.spec.method == "rapp-vae")
    asked = grid.of_run(run.spec)
    sweep.mark(sweep.keep(asked, cells.expand(asked)), sweep.FINISHED)
    click(0)
    app = open_page("sweeps")
    assert app.title[0].value.startswith("RaPP") and app.query_params["rapp_run"] == run.id


def test_a_cell_whose_runs_are_not_here_says_so(forests, open_page, click):
    click(0)
    assert "The folders of these runs are not here" in words(open_page("sweeps"))
