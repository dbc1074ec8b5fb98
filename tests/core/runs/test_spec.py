import dataclasses

import numpy as np
import pytest

from core.errors import WrongRequest
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


def test_what_is_no_spec_is_refused():
    with pytest.raises(WrongRequest, match="not the description of a run"):
        RunSpec.from_json({"dataset": "digits"})


@pytest.fixture
def figures(monkeypatch, tmp_path):
    """A card with three figures on MNIST: of all classes, of class 3 alone, and of another share of novel images."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    common = Published("mnist", "multimodal", "nap", 0.9, "Table 1")
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


def test_no_figure_beside_a_stand_in(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    card = spec.methods.card("rapp-ae")
    figure = Published("cifar10", "multimodal", "nap", 0.9, "Table 1")
    monkeypatch.setattr(spec.methods, "card", lambda name: dataclasses.replace(card, published=(figure,)))
    asked = request("cifar10", "multimodal", "cat", "rapp-ae", changes={"layers": 2})
    assert published(asked) == [figure]
    images, names = np.zeros((10, 32, 32, 3), np.uint8), np.array(spec.data.entry("cifar10").classes)
    np.savez(tmp_path / "cifar10_exact.npz", train_images=images, train_labels=np.arange(10), class_names=names)
    assert published(asked) == []
