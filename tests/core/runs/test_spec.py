import dataclasses
import re

import numpy as np
import pytest

from core.errors import NoveltyError, WrongRequest
from core.knobs import knobs_of
from core.methods.cards import Published
from core.runs import spec
from core.runs.spec import RunSpec, published, request


def test_a_spec_survives_json_and_keeps_its_hash():
    asked = request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": "7"}, seed=2)
    assert RunSpec.from_json(asked.to_json()) == asked
    assert RunSpec.from_json(asked.to_json()).hash == asked.hash


def test_the_hash_tells_requests_apart_but_not_devices():
    asked = request("digits", "multimodal", "3", "rapp-ae")
    assert request("digits", "multimodal", "3", "rapp-ae", device="cpu").hash == asked.hash
    others = [
        request("digits", "multimodal", "4", "rapp-ae"),
        request("digits", "multimodal", "3", "rapp-vae"),
        request("digits", "multimodal", "3", "rapp-ae", seed=1),
        request("digits", "multimodal", "3", "rapp-ae", split_seed=1),
        request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 7}),
        request("digits", "multimodal", "3", "rapp-ae", options={"novelty_share": 0.3}),
    ]
    assert len({asked.hash, *(each.hash for each in others)}) == 7


def test_a_run_that_is_older_than_a_knob_is_the_request_that_names_what_it_did():
    asked = request("digits", "multimodal", "3", "rapp-ae")
    content = asked.to_json()
    del content["knobs"]["width"]
    older = RunSpec.from_json(content)
    assert older.settings == asked.settings
    assert older.hash == asked.hash
    assert older.hash != request("digits", "multimodal", "3", "rapp-ae", changes={"width": 32}).hash


def test_what_is_no_spec_is_refused():
    with pytest.raises(WrongRequest, match="not the description of a run"):
        RunSpec.from_json({"dataset": "digits"})


@pytest.fixture
def figures(monkeypatch, tmp_path):
    """A card with three figures on MNIST: of all classes, of class 3 alone, and of another share of novel images."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    common = Published("mnist", "multimodal", "nap", "auroc", 0.9, "Table 1")
    listed = (
        common,
        dataclasses.replace(common, source="Table 2", target=("3",)),
        dataclasses.replace(common, source="Table 3", options={"novelty_share": 0.35}),
    )
    card = dataclasses.replace(spec.methods.card("rapp-ae"), published=listed)
    monkeypatch.setattr(spec.methods, "card", lambda name: card)


@pytest.mark.parametrize(
    ("dataset", "scenario", "target", "options", "sources"),
    [
        ("mnist", "multimodal", "3", {}, ["Table 1", "Table 2"]),
        ("mnist", "multimodal", "4", {}, ["Table 1"]),
        ("mnist", "multimodal", "3", {"novelty_share": "0.35"}, ["Table 3"]),
        ("mnist", "multimodal", "3", {"novelty_share": 0.5}, []),
        ("mnist", "unimodal", "3", {}, []),
        ("fashion-mnist", "multimodal", "3", {}, []),
        ("digits", "multimodal", "3", {}, []),
    ],
)
def test_figures_are_shown_only_where_the_task_is_the_same(figures, dataset, scenario, target, options, sources):
    asked = request(dataset, scenario, target, "rapp-ae", options=options)
    assert [figure.source for figure in published(asked)] == sources
    assert published(RunSpec.from_json(asked.to_json())) == published(asked)


def test_a_run_that_is_older_than_an_option_was_made_with_its_default(figures):
    asked = request("mnist", "multimodal", "3", "rapp-ae")
    assert published(dataclasses.replace(asked, options={})) == published(asked) != []


def test_no_figure_beside_a_stand_in(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    card = spec.methods.card("rapp-ae")
    figure = Published("cifar10", "multimodal", "nap", "auroc", 0.9, "Table 1")
    monkeypatch.setattr(spec.methods, "card", lambda name: dataclasses.replace(card, published=(figure,)))
    asked = request("cifar10", "multimodal", "cat", "rapp-ae", changes={"layers": 2})
    assert published(asked) == [figure]
    images, names = np.zeros((10, 32, 32, 3), np.uint8), np.array(spec.data.entry("cifar10").classes)
    np.savez(tmp_path / "cifar10_exact.npz", train_images=images, train_labels=np.arange(10), class_names=names)
    assert published(asked) == []


def test_no_figure_beside_a_part_of_a_set(monkeypatch, tmp_path):
    """One third of the frames of GTSRB, as some files hold them, isn't what a paper trained on."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    names = np.array(spec.data.entry("gtsrb").classes)
    card = spec.methods.card("rapp-ae")
    figure = Published("gtsrb", "unimodal", "nap", "auroc", 0.9, "Table 1")
    monkeypatch.setattr(spec.methods, "card", lambda name: dataclasses.replace(card, published=(figure,)))
    asked = request("gtsrb", "unimodal", names[0], "rapp-ae", changes={"layers": 2})
    assert published(asked) == [figure]
    images, labels = np.zeros((86, 32, 32, 3), np.uint8), np.arange(86) % 43
    np.savez(tmp_path / "gtsrb.npz", train_images=images, train_labels=labels, class_names=names)
    assert published(asked) == []


def test_a_request_is_complete_and_checked():
    asked = request(
        "digits", "several-normal", "3,0", "multi-radius-svdd", changes={"epochs": "9"}, options={"split": "pooled"}
    )
    assert asked.target == ("0", "3") and asked.options == {"split": "pooled"}
    assert asked.knobs["epochs"] == 9 and asked.knobs.keys() == {each.name for each in knobs_of(asked.card.knobs)}
    assert (
        asked.settings.epochs == 9
        and asked.task.hash
        == request("digits", "several-normal", "0,3", "deep-svdd", options={"split": "pooled"}).task.hash
    )
    paper = request("digits", "unimodal", "3", "rapp-ae", preset="paper")
    assert (paper.knobs["layers"], paper.knobs["epochs"]) == (10, 200)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"preset": "slow"}, "no preset 'slow'"),
        ({"changes": {"depth": 3}}, "no setting 'depth' here"),
        ({"changes": {"layers": 4, "first_layer": 5}}, "The window 5 to 4 doesn't lie in layers 0 to 4"),
        ({"seed": -1}, "The seed can't be -1"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"method": "multi-radius-svdd", "changes": {"labels": "classes"}}, "Set labels to finch"),
        ({"dataset": "tiny-imagenet", "target": "bee"}, "isn't on this machine"),
    ],
)
def test_a_request_that_can_t_be_met_is_refused(change, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    asked = {"dataset": "digits", "scenario": "unimodal", "target": "3", "method": "rapp-ae"} | change
    with pytest.raises(NoveltyError, match=sentence):
        request(**asked)


def test_the_slug_is_a_safe_name():
    asked = request("fashion-mnist", "several-normal", "T-shirt/top,Ankle boot,Sandal,Dress", "deep-svdd", seed=12)
    assert re.fullmatch(r"deep-svdd-fashion-mnist-several-normal-t-shirt-top-dress-sandal-s12-[0-9a-f]{6}", asked.slug)
