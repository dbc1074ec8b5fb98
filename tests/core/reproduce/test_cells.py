import numpy as np
import pytest

from core import data
from core.errors import DamagedRun, WrongRequest
from core.reproduce.cells import Cell, cells, in_what, keys, slug
from core.reproduce.tables import PUBLISHED, QUICK, SHORTENED, table


@pytest.fixture(scope="module")
def rapp():
    return table("rapp-table-2")


def test_quick_is_ten_targets_three_variants_two_seeds(rapp):
    found = cells(rapp, QUICK)
    assert [cell.key for cell in found][:3] == ["ae/reconstruction/mnist", "ae/sap/mnist", "ae/nap/mnist"]
    assert len(found) == 9 and {(len(cell.specs), len(cell.specs[0])) for cell in found} == {(10, 2)}
    assert len({spec.hash for cell in found for row in cell.specs for spec in row}) == 60
    first = found[0]
    assert [spec.target for (spec, _) in first.specs] == [(str(digit),) for digit in range(10)]
    assert [(spec.seed, spec.split_seed) for spec in first.specs[0]] == [(0, 0), (1, 1)]
    assert first.claim.value == 0.825 and first.claim.half == 0.0005 and not first.claim.same_images
    assert first.other_images == "other images: scikit-learn digits in place of MNIST"
    assert "Epochs: 20 in place of 200" in first.shortened


def test_only_the_wanted_cells_are_looked_at(rapp):
    found = cells(rapp, QUICK, seeds=1, epochs=3, device="cpu", patterns=["vae/nap/*", "ae/sap/mnist"])
    assert [cell.key for cell in found] == ["ae/sap/mnist", "vae/nap/mnist"]
    assert {spec.knobs["epochs"] for cell in found for row in cell.specs for spec in row} == {3}
    with pytest.raises(WrongRequest, match="The first is ae/reconstruction/mnist"):
        cells(rapp, QUICK, patterns=["nothing"])
    with pytest.raises(WrongRequest, match="1 to 100"):
        cells(rapp, QUICK, seeds=0)


def test_a_part_of_the_images_is_said_in_the_cell(monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    names = np.array(data.entry("gtsrb").classes)
    images, labels = np.zeros((860, 32, 32, 3), np.uint8), np.arange(860) % 43
    sets = {
        f"{half}_{what}": each for half in ("train", "test") for what, each in (("images", images), ("labels", labels))
    }
    np.savez(tmp_path / "gtsrb.npz", **sets, class_names=names)
    (cell,) = cells(table("clad-tables-1-2"), SHORTENED, patterns=["oc-svm/margin/gtsrb-spdl"])
    assert cell.other_images == (
        "other images: 860 of 39,209 training images and 860 of 12,630 test images of GTSRB traffic signs"
    )


def test_absent_images_are_said_in_the_cell(rapp, monkeypatch, tmp_path):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    (cell,) = cells(rapp, SHORTENED, patterns=["ae/nap/mnist"])
    assert not cell.specs and "MNIST isn't on this machine" in cell.missing
    assert cell.claim.value == 0.899 and cell.needed == 2


def test_classes_of_another_set_go_by_name_then_by_place():
    (cell,) = cells(table("vae-threshold-grid"), QUICK, patterns=["latent-2-dropout-0/*"])
    assert [spec.target for row in cell.specs for spec in row] == [("0",), ("0",)]  # A is the first letter
    grouped = cells(table("clad-figure-3"), QUICK, patterns=["2-clusters/*"])
    assert [cell.specs[0][0].target for cell in grouped] == [("CUR",), ("STR",), ("MIX",)]


def test_a_method_without_chance_is_trained_once():
    (cell,) = cells(table("deep-svdd-table-1"), QUICK, patterns=["oc-svm-svdd/*/mnist-3"])
    assert len(cell.specs) == len(cell.specs[0]) == 1 and cell.spread == 0 and cell.needed == 1


def test_published_settings_are_not_shortened(rapp):
    (cell,) = cells(rapp, PUBLISHED, dataset="digits", seeds=1, patterns=["ae/nap/mnist"])
    assert not cell.shortened and cell.specs[0][0].knobs["epochs"] == 200
    assert cells(rapp, PUBLISHED, dataset="digits", epochs=5, patterns=["ae/nap/mnist"])[0].shortened == (
        "Epochs: 5 in place of 200",
    )


def test_a_cell_survives_json(rapp):
    found = cells(rapp, QUICK, patterns=["ae/*"])
    assert [Cell.from_json(cell.to_json()) for cell in found] == found
    with pytest.raises(DamagedRun, match="--anew"):
        Cell.from_json({"key": "x"})


def test_keys_are_known_without_images(rapp):
    assert keys(rapp)[0] == "ae/reconstruction/mnist" and len(keys(rapp)) == 18
    assert slug("FINCH's clusters, 0.5") == "finch-s-clusters-0-5"


def test_deviations_are_those_of_the_row(rapp):
    (cell,) = cells(rapp, QUICK, patterns=["vae/nap/*"])
    assert list(in_what(cell)) == [1, 2, 4] and in_what(cell)[4].startswith("The quick preset")


def test_cells_of_several_sources_share_their_runs_and_classes_may_be_drawn():
    found = cells(table("metric-learning-digits"), QUICK, patterns=["with-mining/*"])
    assert [cell.part for cell in found] == ["other classes", "novel", "gaussian-noise"]
    assert len({spec.hash for cell in found for row in cell.specs for spec in row}) == 2
    assert table("metric-learning-colour").columns[-1].targets == ((),)
