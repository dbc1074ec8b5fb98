import numpy as np
import pytest

from core.data import load, set_roots
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


@pytest.mark.parametrize(
    ("name", "published"),  # test images of each super-category, Park et al. 2021
    [
        ("mnist", {"CUR": 2964, "STR": 3145, "MIX": 3891}),
        ("gtsrb", {"SPDL": 4170, "INST": 1500, "WARN": 2790, "DIRC": 1770, "SPEC": 2040, "REGN": 360}),
    ],
)
def test_super_categories_have_the_published_sizes(data_root, root, name, published):
    set_roots([root, data_root])
    dataset = load(name)
    names = np.array(dataset.classes)[dataset.labels[dataset.is_test]]
    groups = KNOWN[name].groupings["CLAD"]
    assert {group: int(np.isin(names, groups[group]).sum()) for group in groups} == published


def test_every_class_of_tiny_imagenets_groups_is_there(data_root, root):
    set_roots([root, data_root])
    from core.data import entry

    assert entry("tiny-imagenet").groupings == KNOWN["tiny-imagenet"].groupings
    assert [len(names) for names in entry("tiny-imagenet").groupings["CLAD"].values()] == [8] * 5
