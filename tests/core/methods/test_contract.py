"""What every row of METHODS keeps, on every scenario that it says it takes."""

import dataclasses
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from core import methods, scenarios
from core.figures import Picture
from core.knobs import knobs_of, preset
from core.methods.base import Detector, Outlier, build, from_state
from core.runs import files
from core.runs.results import reasons
from core.scenarios import SCENARIOS, Task
from core.training import Checkpoint, Progress, TaskTensors, on_device, train
from tests import toy

TARGETS = {"several-normal": "0,1,3", "latent-super-category": "CUR", "cross-dataset": "0,1,2"}
OPTIONS = {"cross-dataset": {"anomalies": "uniform-noise", "seen": "gaussian-noise", "most": 200}}
SMALL = {"epochs": 2, "pretrain_epochs": 2, "warm_up": 1, "layers": 3, "draws": 2, "batch_size": 32, "smallest": 20}
SMALL |= {"cluster_epochs": 3, "tolerance": 0.0}  # no stage ends early
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Fitted:
    detector: Detector
    task: Task
    tensors: TaskTensors
    images: np.ndarray  # at most 40 of its test set


def settings_of(name: str, **changes):
    """The quick preset, as short as it can be."""
    knobs = methods.card(name).knobs
    known = {each.name for each in knobs_of(knobs)}
    quick = preset(knobs, "quick", (1, 8, 8))
    return dataclasses.replace(quick, **{k: v for k, v in (SMALL | changes).items() if k in known})


def sliced(kind: str) -> tuple[Task, TaskTensors]:
    """A task on digits, and at most 150 of its training and 40 of its validation images."""
    task = scenarios.build(scenarios.task_spec("digits", kind, TARGETS.get(kind, "3"), OPTIONS.get(kind)))
    full = on_device(task, CPU)
    labels = None if full.labels is None else full.labels[:150]
    return task, TaskTensors(full.train[:150], full.valid[:40], labels, full.seen)


def fitted(name: str, tensors: TaskTensors, seed: int = 0, **changes) -> Detector:
    return build(methods.load(name), settings_of(name, **changes), tensors.shape, seed).fit(tensors, seed)


TASKS = {kind: sliced(kind) for kind in SCENARIOS}
with toy.registered():  # a family that nobody made room for keeps the contract too
    NAMES = list(methods.METHODS)
    ROWS = [
        (name, kind)
        for name in NAMES
        for kind in SCENARIOS
        if not methods.card(name).refuses(settings_of(name), scenarios.offer(TASKS[kind][0].spec))
    ]


@pytest.fixture(scope="module", autouse=True)
def toy_is_registered():
    with toy.registered():
        yield


@pytest.fixture(scope="module", params=ROWS, ids=" on ".join)
def row(request) -> Fitted:
    name, kind = request.param
    task, tensors = TASKS[kind]
    drawn = np.random.default_rng(0).permutation(len(task.test))[:40]
    return Fitted(fitted(name, tensors), task, tensors, task.images("test")[drawn])


def test_every_method_takes_some_scenario_and_every_scenario_has_a_method():
    assert {name for name, _ in ROWS} == set(NAMES)
    assert {kind for _, kind in ROWS} == set(SCENARIOS)


def test_scores_are_one_finite_number_per_image(row):
    scores = row.detector.score(row.images)
    assert {score.name for score in row.detector.card.scores} <= scores.keys()
    for name, each in scores.items():
        assert each.shape == (len(row.images),) and each.dtype == np.float64 and np.isfinite(each).all(), name
    assert len(np.unique(scores[row.detector.card.headline])) > 0.8 * len(row.images)  # it tells images apart


def test_scores_repeat_with_the_seed(row):
    first = row.detector.score(row.images)
    again = fitted(row.detector.card.name, row.tensors).score(row.images)
    other = fitted(row.detector.card.name, row.tensors, seed=1).score(row.images)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)
    headline, seeded = row.detector.card.headline, row.detector.card.seeded
    assert np.array_equal(first[headline], other[headline]) != seeded  # the card says whether a seed matters


def test_scores_do_not_depend_on_the_other_images(row):
    together, backwards = row.detector.score(row.images), row.detector.score(row.images[::-1].copy())
    alone = row.detector.score(row.images[7:8])
    for name, each in together.items():
        np.testing.assert_allclose(backwards[name][::-1], each, rtol=1e-3, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(alone[name], each[7:8], rtol=1e-3, atol=1e-5, err_msg=name)


def test_the_state_survives_a_file(row, tmp_path):
    files.write_state(tmp_path / "detector.safetensors", row.detector.state())
    restored = from_state(
        type(row.detector), row.detector.knobs, row.task.shape, files.read_state(tmp_path / "detector.safetensors")
    )
    for name, each in row.detector.score(row.images).items():
        np.testing.assert_array_equal(restored.score(row.images)[name], each, err_msg=name)
    for name, each in row.detector.explain(row.images).items():
        np.testing.assert_array_equal(restored.explain(row.images)[name], each, err_msg=name)


def test_explanations_are_arrays_with_a_row_per_image(row):
    reasons = row.detector.explain(row.images)
    assert reasons
    for name, each in reasons.items():
        assert len(each) == len(row.images) and each.dtype != object, name
        # Pictures are uint8, signs of pixels int8.
        assert each.dtype in (np.uint8, np.int8) if each.ndim == 4 else np.isfinite(each).all(), name


def test_the_family_s_why_takes_what_explain_gives(row):
    """One image's row alone, and with the rows of held-out normal images, as a run keeps them: no pictures."""
    why = methods.figures(row.detector.card.name).why
    tested, valid = row.detector.explain(row.images), row.detector.explain(row.tensors.valid)
    stored = {f"test/{name}": each for name, each in tested.items()}
    kept = {f"valid/{name}": each for name, each in valid.items() if each.ndim != 4}
    for held_out in ({}, kept):
        for place in (0, len(row.images) - 1):
            pictures = why(reasons.of_image(stored | held_out, place), row.images[place])
            assert pictures and len({each.name for each in pictures}) == len(pictures)
            for each in pictures:
                assert isinstance(each, Picture) and len(each.figure.data) and each.name
                assert each.sentence.strip() and not re.search(r"\bnan\b|\binf\b|\bNone\b", each.sentence), each.name
                assert each.table and len({len(column) for column in each.table.values()}) == 1, each.name
                for name, column in each.table.items():
                    values = np.asarray(column)
                    assert len(values) and (values.dtype.kind not in "fc" or np.isfinite(values).all()), name


def test_portrait_and_snapshot_are_arrays_that_a_file_takes(row, tmp_path):
    probe = torch.from_numpy(row.images)
    told = {stage.name: row.detector.snapshot(probe, stage.name) for stage in row.detector.card.replayed}
    for name, arrays in ({"portrait": row.detector.portrait(row.tensors)} | told).items():
        files.write_arrays(tmp_path / f"{name}.npz", arrays)
        read = files.read_arrays(tmp_path / f"{name}.npz")
        assert read.keys() == arrays.keys() and len(read) > 0
        for key, each in arrays.items():
            np.testing.assert_array_equal(read[key], each, err_msg=f"{name}: {key}")


def test_a_state_that_was_loaded_regains_reasons_and_portrait(row):
    """So that they can be computed later, where a process was killed before."""
    restored = from_state(type(row.detector), row.detector.knobs, row.task.shape, row.detector.state())
    restored.regain(row.tensors)
    for made in (lambda each: each.explain(row.images), lambda each: each.portrait(row.tensors)):
        found, expected = made(restored), made(row.detector)
        assert found.keys() == expected.keys()
        for name, each in expected.items():
            np.testing.assert_array_equal(found[name], each, err_msg=name)


def test_the_card_tells_the_stages(row):
    stages = row.detector.stages(row.tensors)
    assert tuple(stage.record for stage in stages) == row.detector.card.stages
    for stage in stages:
        assert stage.epochs == (getattr(row.detector.knobs, stage.record.epochs) if stage.record.epochs else 1)
    assert not any(stage.record.replay for stage in stages if not stage.record.learns)


@pytest.mark.parametrize("name", NAMES)
def test_resume_after_any_epoch_equals_no_interruption(name, tmp_path):
    _, tensors = TASKS[next(kind for method, kind in ROWS if method == name)]
    kept = []

    def keep(stage, epoch, make):
        kept.append(tmp_path / f"{stage.record.name}-{epoch}.safetensors")
        files.write_state(kept[-1], vars(make()))

    whole = build(methods.load(name), settings_of(name), tensors.shape, 0)
    train(whole, tensors, seed=0, after_epoch=keep)
    expected = whole.score(tensors.valid)
    assert len(kept) <= sum(stage.epochs for stage in whole.stages(tensors))  # a stage may settle before
    for path in kept:
        torch.randn(3)
        resumed = build(methods.load(name), settings_of(name), tensors.shape, 99)  # other initial weights
        train(resumed, tensors, seed=0, resume=Checkpoint(**files.read_state(path)))
        for score, each in resumed.score(tensors.valid).items():
            np.testing.assert_array_equal(each, expected[score], err_msg=f"{path.stem}: {score}")


@pytest.mark.parametrize("name", NAMES)
def test_progress_hears_of_every_image(name):
    _, tensors = TASKS[next(kind for method, kind in ROWS if method == name)]
    told, seen = [], []

    class Counting(Progress):
        def stage(self, name, number, stages, epochs, samples):
            told.append(samples)
            seen.append(0)

        def step(self, samples):
            seen[-1] += samples

    build(methods.load(name), settings_of(name), tensors.shape, 0).fit(tensors, progress=Counting())
    for stage, (asked, there) in enumerate(zip(told, seen, strict=True)):
        # A stage may count less than it says (a last batch of one is left out), never more: the bar would pass its end.
        assert 0.9 * asked <= there <= asked, methods.card(name).stages[stage].name


@pytest.mark.parametrize("name", NAMES)
def test_the_outlier_adapter_has_scikit_learn_s_signs(name):
    kinds = [kind for method, kind in ROWS if method == name]
    kind = "unimodal" if "unimodal" in kinds else kinds[0]  # where a method needs classes or foreign images
    task, tensors = TASKS[kind]
    foreign = None if tensors.seen is None else tensors.seen.numpy()
    images, more = tensors.train.numpy(), () if kind == "unimodal" else (tensors.labels.numpy(), foreign)
    settings = settings_of(name, normal_share=0.5)  # so that some images are flagged, however little was learned
    outlier = Outlier(methods.load(name), settings, seed=3)
    assert outlier.fit(images, *more) is outlier
    samples = outlier.score_samples(images)
    np.testing.assert_allclose(samples, -outlier.detector_.score(images)[outlier.detector_.card.headline])
    np.testing.assert_allclose(outlier.decision_function(images), samples - outlier.offset_)
    tested = task.images("test")
    predicted = outlier.predict(tested)
    assert set(predicted) == {1, -1}
    np.testing.assert_array_equal(predicted == -1, outlier.decision_function(tested) < 0)
    np.testing.assert_array_equal(predicted == -1, -outlier.score_samples(tested) > outlier.threshold_)
    again = Outlier(methods.load(name), settings, seed=3).fit(images, *more)
    np.testing.assert_array_equal(again.score_samples(images), samples)
