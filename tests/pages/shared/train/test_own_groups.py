"""Classes clicked together on the Train page."""

import shlex

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import parser
from core.knobs import parse_assignments
from tests.pages.words import button, words

SCENARIO = {"dataset": "digits", "scenario": "latent-super-category", "method": "rapp-ae"}
LINKED = SCENARIO | {"target": "round", "option": "groups=round: 0, 6, 8, 9; straight: 1, 4, 7"}


def pressed(app: AppTest, number: int, dataset: str = "digits") -> list[str]:
    return app.button_group(key=f"train_own_groups_{dataset}_{number}_classes").value


def choose(app: AppTest, number: int, names: list[str], dataset: str = "digits") -> None:
    app.button_group(key=f"train_own_groups_{dataset}_{number}_classes").set_value(names).run()


def asked(app: AppTest):
    """What the command of the page asks for: its target and the scenario's options."""
    found = parser().parse_args(shlex.split(app.code[0].value)[3:])
    return found.target, parse_assignments(found.scenario_set)


def reason(app: AppTest) -> str:
    assert button(app, "Train").disabled
    return next(line for line in words(app).splitlines() if line.startswith(":material/block:"))


def test_the_dataset_s_groups_stand_until_the_switch_is_on(own_store, open_page):
    app = open_page("train", **SCENARIO)
    assert asked(app) == ("CUR", {}) and not any("name" in (each.key or "") for each in app.text_input)
    app.toggle(key="train_option_own_groups_digits").set_value(True).run()
    assert [pressed(app, number) for number in range(3)] == [list("038"), list("147"), list("2569")]
    assert asked(app) == ("CUR", {})  # still the dataset's own
    choose(app, 0, list("08"))
    assert asked(app) == ("CUR", {"groups": "CUR: 0, 8; STR: 1, 4, 7; MIX: 2, 5, 6, 9"})
    assert "In no group, so left out: 3." in words(app)
    assert "**Normal**: 0, 8" in words(app)
    app.toggle(key="train_option_own_groups_digits").set_value(False).run()
    assert asked(app) == ("CUR", {}) and "**Normal**: 0, 3, 8" in words(app)


def test_a_class_chosen_elsewhere_moves_there(own_store, open_page):
    app = open_page("train", **LINKED)
    choose(app, 1, list("1478"))
    assert (pressed(app, 0), pressed(app, 1)) == (list("069"), list("1478"))
    assert asked(app)[1] == {"groups": "round: 0, 6, 9; straight: 1, 4, 7, 8"}


def test_a_link_opens_its_groups_and_the_page_writes_it_again(own_store, open_page):
    app = open_page("train", **LINKED)
    assert not app.warning and (pressed(app, 0), pressed(app, 1)) == (list("0689"), list("147"))
    assert asked(app) == ("round", {"groups": "round: 0, 6, 8, 9; straight: 1, 4, 7"})
    assert "**Novel**: 1, 4, 7" in words(app)
    app.text_input(key="train_own_groups_digits_0_name").set_value('round; "or so", all').run()
    assert asked(app)[0] == 'round; "or so", all'  # the normal group keeps its place under its new name
    again = open_page("train", **app.query_params)
    assert again.code[0].value == app.code[0].value
    assert again.text_input(key="train_own_groups_digits_0_name").value == 'round; "or so", all'
    for name, value in SCENARIO.items():
        again.query_params[name] = value
    del again.query_params["option"], again.query_params["target"]
    again.run()
    assert asked(again) == ("CUR", {}) and not again.toggle(key="train_option_own_groups_digits").value


def test_a_group_is_added_named_and_removed(own_store, open_page):
    app = open_page("train", **LINKED)
    assert app.button(key="train_own_groups_digits_0_remove").disabled  # two are the fewest
    button(app, "Add a group").click().run()
    assert reason(app) == ":material/block: The group 'Group 3' has no class yet. Choose its classes, or leave it out."
    choose(app, 2, ["5"])
    assert asked(app)[1] == {"groups": "round: 0, 6, 8, 9; straight: 1, 4, 7; Group 3: 5"}
    app.button_group(key="train_super-category_digits").set_value("Group 3").run()
    assert "The group 'Group 3' has only one class, 5. Add another" in reason(app)
    app.button(key="train_own_groups_digits_2_remove").click().run()
    assert asked(app) == ("round", {"groups": "round: 0, 6, 8, 9; straight: 1, 4, 7"})
    for _ in range(8):
        button(app, "Add a group").click().run()
    assert button(app, "Add a group").disabled


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("round", "round"), "Two groups are called 'round'. Give each"),
        (("", "b"), "A group has no name. Give it one."),
    ],
)
def test_names_that_can_t_be_say_so(own_store, open_page, names, sentence):
    app = open_page("train", **LINKED)
    for number, name in enumerate(names):
        app.text_input(key=f"train_own_groups_digits_{number}_name").set_value(name).run()
    assert sentence in reason(app) and not app.exception


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("groups=a: 0, 1; b: 1, 2", "The class 1 of scikit-learn digits is in the groups 'a' and 'b'"),
        ("groups=a: 0, cat; b: 1", "scikit-learn digits has no class 'cat'"),
        ("groups=a: 0, 1", "'a' is the only group, so nothing is left to be novel"),
        ("groups=nonsense", "groups can't be 'nonsense'. Write them as"),
    ],
)
def test_a_link_with_groups_that_can_t_be_says_so(own_store, open_page, option, sentence):
    app = open_page("train", **SCENARIO | {"option": option})
    assert sentence in app.warning[0].value.replace("\\", "")


@pytest.fixture
def shapes(own_store, tmp_path, rng):
    """A set of 30 classes without groupings of its own, with commas in their names; `pair` has two classes."""
    (tmp_path / "data").mkdir()
    for name, classes in (("shapes", [f"shape, {n}" for n in range(30)]), ("pair", ["a", "b"])):
        labels = np.repeat(np.arange(len(classes)), 8)
        images = rng.integers(0, 256, (len(labels), 8, 8), np.uint8)
        halves = {"train_images": images, "train_labels": labels, "test_images": images, "test_labels": labels}
        np.savez(tmp_path / "data" / f"{name}.npz", **halves, class_names=np.array(classes))


def test_a_set_of_many_classes_without_groups_asks_for_them(shapes, open_page):
    app = open_page("train", **SCENARIO | {"dataset": "shapes"})
    assert "shapes has no groups of its own: click classes together." in words(app)
    assert "In no group, so left out: shape, 0, " in words(app) and " and 18 more." in words(app)
    assert "The group 'Group 1' has no class yet" in reason(app)
    app.multiselect(key="train_own_groups_shapes_0_classes").set_value(["shape, 7", "shape, 3"]).run()
    app.multiselect(key="train_own_groups_shapes_1_classes").set_value(["shape, 29"]).run()
    assert asked(app) == ("Group 1", {"groups": 'Group 1: "shape, 3", "shape, 7"; Group 2: "shape, 29"'})
    assert [each.proto.imgs[0].alt for each in app.get("image")][:2] == [
        "Images of shape, 7, shape, 3",
        "Images of shape, 29",
    ]
    again = open_page("train", **app.query_params)
    assert again.code[0].value == app.code[0].value


def test_a_set_of_two_classes_can_t_be_grouped(shapes, open_page):
    app = open_page("train", **SCENARIO | {"dataset": "pair"})
    kinds = app.radio(key="train_scenario").options
    assert [label for label in kinds if "(pair has too few classes)" in label] == [
        label for label in kinds if "One group of hidden classes" in label
    ]
    assert "pair has no super-categories" in reason(app)
