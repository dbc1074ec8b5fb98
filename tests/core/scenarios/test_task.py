"""What names a task."""

import dataclasses

from core.scenarios import task_spec


def test_the_hash_names_images_scenario_choice_options_and_split():
    spec = task_spec("digits", "unimodal", "3")
    others = [
        dataclasses.replace(spec, images="0123456789abcdef"),
        dataclasses.replace(spec, scenario="multimodal"),
        dataclasses.replace(spec, target=("4",)),
        dataclasses.replace(spec, options={**spec.options, "balanced": False}),
        dataclasses.replace(spec, split_seed=1),
    ]
    assert len({spec.hash, *(other.hash for other in others)}) == 6


def test_a_task_is_its_images_not_their_name():
    spec = task_spec("digits", "unimodal", "3")
    assert dataclasses.replace(spec, dataset="another name").hash == spec.hash
    unknown = dataclasses.replace(spec, images="")
    assert dataclasses.replace(unknown, dataset="another name").hash != unknown.hash != spec.hash
