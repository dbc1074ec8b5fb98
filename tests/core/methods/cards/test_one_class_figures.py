"""Published figures: as many as there are groups and classes, and the cells that the papers print."""

import pytest

from core import data
from core.data.known import CIFAR_GROUPS, DIGIT_GROUPS, SIGN_GROUPS, TINY_GROUPS
from core.methods.cards.one_class_figures import CLASSES, GROUPS, SEVERAL, SINGLE, several, single


def test_groups_and_classes_are_those_of_the_datasets():
    known = {"mnist": DIGIT_GROUPS, "gtsrb": SIGN_GROUPS, "cifar10": CIFAR_GROUPS, "tiny-imagenet": TINY_GROUPS}
    assert {name: tuple(groups) for name, groups in known.items()} == GROUPS
    assert all(data.entry(name).name == name for name in GROUPS)
    assert sorted(name for names in CIFAR_GROUPS.values() for name in names) == sorted(CLASSES["cifar10"])


@pytest.mark.parametrize(
    ("row", "dataset", "group", "value"),
    [
        ("OCSVM", "mnist", "STR", 0.874),
        ("OCSVM", "gtsrb", "REGN", 0.772),
        ("OCNN", "cifar10", "THG", 0.585),
        ("OCNN", "tiny-imagenet", "ANML", 0.582),
        ("OCCNN", "tiny-imagenet", "VHCL", 0.664),
        ("OCCNN", "gtsrb", "WARN", 0.604),
    ],
)
def test_cells_of_clad(row, dataset, group, value):
    (cell,) = [each for each in several(row, "any") if (each.dataset, each.target) == (dataset, (group,))]
    assert cell.value == pytest.approx(value) and cell.scenario == "latent-super-category" and cell.score == "any"
    assert cell.options == {"split": "official"}


def test_cells_with_one_normal_class():
    cells = single("OC-SVM/SVDD", "margin", "a source", "a remark")
    assert len(cells) == 20 and {cell.remark for cell in cells} == {"a remark"}
    means = [sum(c.value for c in cells if c.dataset == name) / 10 for name in ("mnist", "cifar10")]
    assert means == pytest.approx([0.913, 0.648], abs=5e-4)  # the means of the printed rows
    assert all(len(values) == 16 for values in SEVERAL.values()) and all(len(v) == 20 for v in SINGLE.values())
