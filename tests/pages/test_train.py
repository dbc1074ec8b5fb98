import time

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import RunFailed
from core.runs import store
from core.runs.process import jobs
from core.runs.spec import request
from core.sweeps import cells, sweep
from core.sweeps import jobs as sweep_jobs
from tests.pages.words import button, buttons, words

QUICK = {"dataset": "digits", "scenario": "multimodal", "target": "3", "method": "rapp-ae"}
PATIENCE = 60  # seconds, for a machine that is busy with other things


def until(app: AppTest, done) -> None:
    """Draws the page again until `done` holds."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, words(app)
        time.sleep(0.3)
        app.run()


def command(app: AppTest) -> str:
    return app.code[0].value


def test_an_empty_store_offers_digits_ready_to_train(own_store, open_page, monkeypatch):
    prepared = []
    monkeypatch.setattr(jobs, "prepare", lambda: prepared.append(1))
    app = open_page("train")
    assert prepared  # the next run needs not load its libraries
    assert app.title[0].value == "What should it learn to call normal?"
    assert app.selectbox(key="train_dataset").value == "digits"
    assert not button(app, "Train").disabled
    assert "no run of this method on such images has ended here" in words(app)
    assert command(app) == "python -m core train --dataset digits --scenario multimodal --target 0 --method rapp-ae"
    assert not store.runs()


def test_a_fresh_clone_estimates_by_the_runs_that_ship_with_it(own_store, filled_store, open_page, monkeypatch):
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: own_store)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(own_store.parent / "mine"))
    assert "by a run that ships with the app and the speed of this machine" in words(open_page("train", **QUICK))


def test_the_task_is_shown_before_training(own_store, open_page):
    app = open_page("train", **QUICK)
    assert "trains on **968** images, sets its threshold on **322**" in words(app)
    assert "**324** normal and **183** novel" in words(app)
    normal, novel = (image.proto.imgs[0].alt for image in app.get("image"))
    assert normal == "Normal images of the classes 0, 1, 2, 4, 5, 6, 7, 8"
    assert "**Normal**: 0, 1, 2, 4, 5, 6, 7, 8, 9" in words(app)  # all of them, though eight images are shown
    assert novel == "Novel images of the classes 3"


def test_a_class_a_preset_and_a_knob_change_task_command_and_link(own_store, open_page):
    app = open_page("train", **QUICK)
    app.button_group(key="train_one_digits").set_value("5").run()
    app.button_group(key="train_preset").set_value("paper").run()
    app.number_input(key="train_knob_rapp-ae_paper_1x8x8_epochs").set_value(7).run()
    app.number_input(key="train_seed").set_value(2).run()
    assert command(app).endswith("--target 5 --method rapp-ae --preset paper --set epochs=7 --seed 2")
    assert app.query_params["set"] == "epochs=7"
    changed = app.number_input(key="train_knob_rapp-ae_paper_1x8x8_epochs")
    assert changed.label == "**Epochs** :material/edit:"
    assert [each.label for each in app.expander if "changed" in each.label] == ["Training · 1 changed"]
    again = open_page("train", **app.query_params)
    assert command(again) == command(app)


def test_every_knob_of_the_card_has_one_input(own_store, open_page):
    app = open_page("train", **QUICK | {"method": "multi-radius-svdd"})
    keys = [each.key for each in (*app.number_input, *app.selectbox, *app.checkbox, *app.text_input)]
    settings = request("digits", "multimodal", "3", "multi-radius-svdd").knobs
    for name in settings:
        assert keys.count(f"train_knob_multi-radius-svdd_quick_1x8x8_{name}") == 1, name


def test_a_scenario_asks_for_one_class_several_or_a_group(own_store, open_page):
    app = open_page("train", **QUICK)
    app.radio(key="train_scenario").set_value("several-normal").run()
    app.button_group(key="train_several_digits").set_value(["0", "1"]).run()
    assert "--scenario several-normal --target 0,1" in command(app)
    app.button_group(key="train_several_digits").set_value([]).run()
    assert button(app, "Train").disabled
    assert "Choose at least one class" in words(app)
    app.radio(key="train_scenario").set_value("latent-super-category").run()
    assert "--scenario latent-super-category --target CUR" in command(app)
    assert app.button_group(key="train_super-category_digits").options[0] == " curly digits"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"set": ["first_layer=4", "last_layer=2"]}, "The window 4 to 2 doesn't lie in layers"),
        ({"set": "bottleneck=64"}, "doesn't narrow images of 64 values"),
        ({"method": "multi-radius-svdd", "set": "labels=classes"}, "hides its classes"),
        (
            {"scenario": "cross-dataset", "target": ["0", "1"], "option": "anomalies=digits"},
            "can't be its own anomaly set",
        ),
    ],
)
def test_choices_that_cannot_go_together_say_why_and_do_not_train(own_store, open_page, query, reason):
    app = open_page("train", **QUICK | query)
    assert button(app, "Train").disabled
    assert reason in words(app)


def test_a_refused_link_can_be_mended(own_store, open_page):
    app = open_page("train", **QUICK | {"set": "bottleneck=64"})
    assert "**324** normal and **183** novel" in words(app)
    app.number_input(key="train_knob_rapp-ae_quick_1x8x8_bottleneck").set_value(5).run()
    assert not button(app, "Train").disabled
    assert app.query_params["set"] == "bottleneck=5"


def test_a_set_that_is_not_here_says_what_to_do(own_store, open_page):
    app = open_page("train", **QUICK | {"dataset": "mnist"})
    assert "MNIST isn't on this machine: fetch its" in words(app)
    assert button(app, "Train").disabled
    labels = app.selectbox(key="train_dataset").options
    assert labels[0] == "scikit-learn digits"
    assert any(label.startswith("MNIST (not here: ") for label in labels)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"method": "magic"}, "There is no method"),
        ({"dataset": "nothing"}, "There is no dataset called"),
        ({"target": "99"}, "has no class '99'"),
        ({"set": "epochs=0"}, "epochs can't be 0"),
        ({"from": "rapp-ae-gone"}, "There is no run rapp-ae-gone"),
        ({"seed": "-1"}, "Choose a whole number"),
    ],
)
def test_a_link_that_cannot_be_followed_says_so(own_store, open_page, query, says):
    app = open_page("train", **query)
    assert says in app.warning[0].value.replace("\\", "")
    assert not button(app, "Train").disabled


def test_fork_fills_the_form_as_the_run_was_asked_for(filled_store, open_page):
    run = next(each for each in store.runs() if each.spec.method == "rapp-vae")
    app = open_page("train", **{"from": run.id})
    assert command(app).endswith("--target 3 --method rapp-vae --set layers=4 epochs=4 batch_size=256")
    assert "from" not in app.query_params


def test_train_runs_to_the_end_and_a_second_press_asks(own_store, open_page):
    app = open_page("train", **QUICK | {"set": ["epochs=2", "layers=3", "batch_size=256"]})
    button(app, "Train").click().run()
    run = store.runs()[0]
    assert [each.value for each in app.subheader][-1] == "Training now"
    assert "Cancel" in buttons(app)
    button(app, "Train").click().run()
    assert "already there" in words(app)
    assert len(store.runs()) == 1
    assert {"Open it", "Train with seed 1"} <= set(buttons(app))

    until(app, lambda: run.state not in store.LIVE)
    app.run()
    assert run.state == store.FINISHED, run.log()
    metric = run.metrics()["auroc"]
    assert f"AUROC **{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})**" in words(app)
    assert "on this CPU, by the speed of your last such run" in words(app)

    button(app, "Train with seed 1").click().run()
    second = store.runs()[0]
    assert (second.spec.seed, len(store.runs())) == (1, 2)
    assert app.number_input(key="train_seed").value == 1
    until(app, lambda: second.state not in store.LIVE)
    app.run()
    button(app, "Open", first=True).click().run()
    assert app.title[0].value.startswith("RaPP")
    assert app.query_params["rapp_run"] in {run.id, second.id}


def test_cancel_stops_a_run(own_store, open_page):
    app = open_page("train", **QUICK | {"set": "epochs=5000"})
    button(app, "Train").click().run()
    run = store.runs()[0]
    until(app, lambda: run.state == store.RUNNING and run.live().get("rate"))
    app.run()
    assert "images/s" in words(app) and "epoch" in words(app)
    button(app, "Cancel").click().run()
    until(app, lambda: run.state not in store.LIVE)
    assert run.state == store.CANCELLED
    app.run()
    assert "It was cancelled." in words(app)
    assert "Details" in buttons(app)


def test_a_run_that_waits_says_so(own_store, open_page):
    waiting = store.create(request("digits", "multimodal", "3", "rapp-ae"))
    app = open_page("train", **QUICK | {"seed": "1"})
    assert "Waits its turn" in words(app)
    assert jobs.waiting() == [waiting]


def test_many_runs_start_from_the_form_as_a_grid(own_store, open_page, monkeypatch):
    started = []

    def submit(asked):
        started.append(asked)
        return sweep.keep(asked, cells.expand(asked))

    monkeypatch.setattr(sweep_jobs, "submit", submit)
    app = open_page("train", **QUICK | {"set": "epochs=7"})
    app.toggle(key="train_many").set_value(True).run()
    (area,) = app.text_area
    assert "epochs = 7" in area.value and 'target = [["3"]]' in area.value
    area.set_value(area.value.replace("epochs = 7", "epochs = [2, oops]")).run()
    assert "line " in app.error[0].value and "Start the sweep" not in buttons(app)
    changed = area.value.replace("epochs = [2, oops]", "epochs = [2, 4, 7]").replace("\nseeds = 0", "\nseeds = [0, 1]")
    area.set_value(changed).run()
    assert "6 runs, 0 are done, 6 are left; of unknown length" in words(app) and not app.error
    button(app, "Start the sweep").click().run()
    assert [each.knobs["epochs"] for each in started] == [(2, 4, 7)]
    assert app.title[0].value == "Which settings make the difference?"
    assert app.selectbox(key="sweep").value == "rapp-ae-digits-multimodal"


def test_hundreds_of_runs_are_asked_for_twice(own_store, open_page):
    app = open_page("train", **QUICK)
    app.toggle(key="train_many").set_value(True).run()
    (area,) = app.text_area
    area.set_value(area.value.replace("\nseeds = 0", f"\nseeds = {list(range(201))}")).run()
    assert app.checkbox[-1].label == "Up to 201 runs: look at them all" and "Start the sweep" not in buttons(app)
    app.checkbox[-1].check().run()
    assert "201 runs, 0 are done, 201 are left" in words(app)
    assert button(app, "Start the sweep").disabled
    next(each for each in app.checkbox if each.label == "Train 201 runs").check().run()
    assert not button(app, "Start the sweep").disabled


# --- arithmetic -------------------------------------------------------------------------------------------------------


def answered(monkeypatch, found) -> list[list[str]]:
    """What the page asks the command line for, which answers at once."""
    asked = []

    def answer(words, seconds):
        asked.append(words)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("core.runs.process.detached.answer", answer)
    return asked


def test_bfloat16_is_measured_on_request_and_offered_where_it_gains(own_store, open_page, monkeypatch):
    asked = answered(monkeypatch, {"sentence": "bfloat16 trains 2.0 times as fast.", "worth": True})
    app = open_page("train", **QUICK, set="epochs=7")
    assert not asked
    button(app, "Measure bfloat16").click().run()
    assert "bfloat16 trains 2.0 times as fast." in words(app)
    assert asked == [
        ["precision", "--dataset", "digits", "--method", "rapp-ae", "--preset", "quick", "--set", "epochs=7"]
    ]
    button(app, "Train in bfloat16").click().run()
    assert "precision=bfloat16" in command(app)
    assert "Train in bfloat16" not in buttons(app) and "bfloat16 trains 2.0" in words(app)
    assert len(asked) == 1  # what is known isn't measured again


def test_bfloat16_that_gains_nothing_is_not_offered(own_store, open_page, monkeypatch):
    answered(monkeypatch, {"sentence": "bfloat16 gains nothing.", "worth": False})
    app = open_page("train", **QUICK)
    button(app, "Measure bfloat16").click().run()
    assert "bfloat16 gains nothing." in words(app) and "Train in bfloat16" not in buttons(app)


def test_a_measurement_that_fails_says_why_and_can_be_asked_for_again(own_store, open_page, monkeypatch):
    answered(monkeypatch, RunFailed("It took over 120 seconds."))
    app = open_page("train", **QUICK)
    button(app, "Measure bfloat16").click().run()
    assert "It took over 120 seconds." in words(app)
    app.run()
    assert "Measure bfloat16" in buttons(app)


def test_a_method_of_one_arithmetic_offers_no_measurement(own_store, open_page):
    assert "Measure bfloat16" not in buttons(open_page("train", **QUICK | {"method": "deep-svdd"}))
