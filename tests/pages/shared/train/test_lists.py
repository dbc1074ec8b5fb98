"""Classes and sets of a scenario's options, clicked together on the Train page."""

import shlex

import numpy as np
from streamlit.testing.v1 import AppTest

from core.__main__ import parser
from core.knobs import parse_assignments
from core.scenarios import build, task_spec
from tests.pages.words import button, words

CROSS = {"dataset": "digits", "scenario": "cross-dataset", "method": "rapp-ae"}
LINKED = CROSS | {"target": ["2", "6", "7"], "option": ["seen_classes=0,3", "anomalies=gaussian-noise", "most=50"]}


def asked(app: AppTest):
    """What the command of the page asks for: its target and the scenario's options."""
    found = parser().parse_args(shlex.split(app.code[0].value)[3:])
    return found.target, parse_assignments(found.scenario_set)


def classes(app: AppTest, option: str):
    return app.button_group(key=f"train_option_cross-dataset_{option}_digits")


def sets(app: AppTest, option: str):
    return app.multiselect(key=f"train_option_cross-dataset_{option}_digits")


def test_classes_and_sets_are_clicked_and_stand_in_command_and_link(own_store, open_page):
    app = open_page("train", **CROSS)
    assert asked(app) == ("0,1,2", {})
    classes(app, "seen_classes").set_value(["3", "4"]).run()
    assert asked(app)[1] == {"seen_classes": "3,4"}
    task = build(task_spec("digits", "cross-dataset", "0,1,2", {"seen_classes": "3,4"}))
    assert f"learn from **{len(task.seen)}** foreign ones" in words(app)
    assert f"**Seen in training**, other classes, {(task.kind == 'seen').sum()}: 3, 4" in words(app)
    assert [each.split()[-1] for each in classes(app, "novelty").options] == list("56789")  # a class is in one list
    classes(app, "novelty").set_value(["9"]).run()
    sets(app, "anomalies").set_value(["gaussian-noise"]).run()
    assert asked(app)[1] == {"seen_classes": "3,4", "novelty": "9", "anomalies": "gaussian-noise"}
    again = open_page("train", **app.query_params)
    assert asked(again) == asked(app)


def test_a_link_fills_the_lists(own_store, open_page):
    app = open_page("train", **LINKED)
    assert not app.warning and classes(app, "seen_classes").value == ["0", "3"]
    assert sets(app, "anomalies").value == ["gaussian-noise"] and sets(app, "seen").value == []
    expected = {"seen_classes": "0,3", "anomalies": "gaussian-noise", "most": "50"}
    assert asked(app) == ("2,6,7", expected)


def test_a_class_that_becomes_known_leaves_the_seen_ones(own_store, open_page):
    app = open_page("train", **LINKED)
    app.button_group(key="train_several_digits").set_value(["0", "2"]).run()
    assert asked(app)[1]["seen_classes"] == "3"


def test_a_link_whose_lists_contradict_each_other_says_so(own_store, open_page):
    app = open_page("train", **LINKED | {"option": "seen_classes=2"})
    assert "2 of scikit-learn digits can't be known and seen" in app.warning[0].value.replace("\\", "")


def test_drawn_classes_need_no_choice(own_store, open_page):
    app = open_page("train", **CROSS | {"option": ["draw=3", "draw_seen=2"], "split-seed": "1"})
    assert not app.warning and not button(app, "Train").disabled
    assert "3 classes, drawn by the split seed" in words(app)
    assert asked(app) == ("", {"draw": "3", "draw_seen": "2"}) and "target" not in app.query_params
    app.number_input(key="train_option_cross-dataset_draw").set_value(0).run()
    assert asked(app)[0] == "0,1,2"


def test_other_sets_are_offered_by_title_and_a_strange_one_is_refused(own_store, open_page, tmp_path, rng):
    (tmp_path / "data").mkdir()
    images, names = rng.integers(0, 256, (40, 12, 12, 3), np.uint8), np.array(["a"])
    np.savez(tmp_path / "data/mine.npz", train_images=images, train_labels=np.zeros(40, int), class_names=names)
    app = open_page("train", **CROSS | {"target": ["0", "1"], "option": "anomalies=mine,gone"})
    assert "mine" in sets(app, "seen").options and "scikit-learn digits" not in sets(app, "seen").options
    assert button(app, "Train").disabled and "There is no dataset called 'gone'" in words(app)
    sets(app, "anomalies").set_value(["mine"]).run()
    assert "mine: made grey, resized from 12x12 to 8x8." in words(app)
    before, after = (each for each in app.get("image")[-2:])
    assert (before.proto.imgs[0].alt, after.proto.imgs[0].alt) == ("mine, before", "mine, after")
