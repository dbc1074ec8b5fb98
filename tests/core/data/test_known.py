import numpy as np
import pytest

from core.data import entry, load, set_roots
from core.data.known import GROUP_TITLES, KNOWN


def test_the_groups_of_a_grouping_are_disjoint_classes_of_the_set():
    for known in KNOWN.values():
        for groups in known.groupings.values():
            names = [name for group in groups.values() for name in group]
            assert len(names) == len(set(names))
            assert not known.classes or set(names) <= set(known.classes)


def test_stand_ins_are_known_sets_with_the_same_groupings():
    for known in KNOWN.values():
        for name in known.stand_ins:
            assert KNOWN[name].groupings in ({}, known.groupings)


def test_every_abbreviation_has_a_title():
    groups = {group for known in KNOWN.values() for one in known.groupings.values() for group in one}
    assert groups - GROUP_TITLES.keys() == {"tops", "footwear", "rest"}


# Training and test images of each super-category, and all its test images: Park et al. 2021.
PUBLISHED = {
    "mnist": {"CUR": (17_905, 2_964), "STR": (18_849, 3_145), "MIX": (23_246, 3_891)},
    "gtsrb": {
        **{"SPDL": (12_780, 4_170), "INST": (4_530, 1_500), "WARN": (8_970, 2_790)},
        **{"DIRC": (5_639, 1_770), "SPEC": (6_150, 2_040), "REGN": (1_140, 360)},
    },
    "cifar10": {"THG": (20_000, 4_000), "LIV": (30_000, 6_000)},
    "tiny-imagenet": {name: (4_000, 400) for name in ("ANML", "ISCT", "ISTM", "STRT", "VHCL")},
}
TESTED = {"mnist": 10_000, "gtsrb": 12_630, "cifar10": 10_000, "tiny-imagenet": 2_000}


def labels(root, name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Labels of the training and the test images, and the class names; JPEG-compressed images are left as they are."""
    stand_ins = {"cifar10": "cifar10_jpeg", "tiny-imagenet": "tiny_imagenet32_jpeg"}
    if name not in stand_ins:
        dataset = load(name)
        return [dataset.labels[~dataset.is_test], dataset.labels[dataset.is_test]], np.array(dataset.classes)
    packed = np.load(root / "packed" / f"{stand_ins[name]}.npz")
    return [packed["train_labels"], packed["test_labels"]], packed["class_names"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_super_categories_have_the_published_sizes(data_root, root, name):
    set_roots([root, data_root])
    halves, classes = labels(data_root, name)
    found = {
        group: tuple(int(np.isin(classes[half], names).sum()) for half in halves)
        for group, names in KNOWN[name].groupings["CLAD"].items()
    }
    # of GTSRB's training images every third is here, of Tiny-ImageNet's 200 of 500
    share = {"gtsrb": 1 / 3, "tiny-imagenet": 2 / 5}.get(name, 1)
    assert found == {group: (int(share * train), test) for group, (train, test) in PUBLISHED[name].items()}
    assert sum(test for _, test in found.values()) == TESTED[name]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("tsinghua", {"prohibitory": 107, "warning": 35, "mandatory": 20}),
        ("omniglot_part", {"Balinese": 24, "Early_Aramaic": 22, "Greek": 24, "Japanese_(katakana)": 47}),
    ],
)
def test_families_of_names_hold_every_class_once(data_root, root, name, sizes):
    set_roots([root, data_root])
    groups = entry(name).groupings["by kind"]
    assert {group: len(groups[group]) for group in sizes} == sizes
    assert sorted(each for names in groups.values() for each in names) == sorted(entry(name).classes)


def test_every_class_of_tiny_imagenets_groups_is_there(data_root, root):
    set_roots([root, data_root])
    assert entry("tiny-imagenet").groupings == KNOWN["tiny-imagenet"].groupings
    assert [len(names) for names in entry("tiny-imagenet").groupings["CLAD"].values()] == [8] * 5
