"""What is said of JSON and arrays that aren't what a run holds."""

import json

import numpy as np
import pytest

from core.runs import checks, files, store

SIZES = {"T": 4, "V": 3, "N": 6, "C": 1, "H": 2, "W": 2}
PROBE = {
    "images": np.zeros((2, 1, 2, 2), np.uint8),
    "novel": np.array([0, 1], np.uint8),
    "place": np.array([-1, 3]),
}


def test_every_run_that_the_app_writes_fits(store_with_runs):
    """Run, state, control lines, epochs and all arrays, also those that only this method keeps."""
    for run in store.runs():
        assert checks.wrong(run.about, checks.RUN) == checks.wrong(run.mark, checks.STATE) == ""
        assert checks.RESULTS.keys() <= run.about.keys() and run.controls and run.progress()
        kept = [path.relative_to(run.folder).with_suffix("").as_posix() for path in run.folder.rglob("*.npz")]
        assert {"portrait", "explanations", "snapshots/train-00001"} <= run.about["arrays"].keys() <= set(kept)
        for file in kept:
            assert run.arrays(file)
        assert run.about["arrays"] == files.described(run.folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"created": None}, "created is not a time in seconds since 1970"),
        ({"created": 1e300}, "created is not a time in seconds since 1970"),
        ({"created": float("nan")}, "created is not a time in seconds since 1970"),
        ({"created": True}, "created is not a time in seconds since 1970"),
        ({"format": True}, "format is not 1"),
        ({"counts": {"train": 1, "valid": 1, "normal": 1}}, "counts.novel is missing"),
        ({"counts": {"train": -1, "valid": 1, "normal": 1, "novel": 1}}, "counts.train is not a whole number"),
        ({"counts": {"train": 1.0, "valid": 1, "normal": 1, "novel": 1}}, "counts.train is not a whole number"),
        ({"metrics": None}, "metrics is not a group of entries"),
        ({"metrics": {"nap": {"auroc": 0.5}}}, "metrics.nap.auroc is not a group of entries"),
        ({"metrics": {"nap": {"auroc": {"value": "high"}}}}, "metrics.nap.auroc.value is not a number or null"),
        ({"metrics": {"nap": {"by_source": [1]}}}, "metrics.nap.by_source is not a group of entries"),
        ({"thresholds": {"nap": float("inf")}}, "thresholds.nap is not a number"),
        ({"thresholds": {"nap": 10**400}}, "thresholds.nap is not a number"),
        ({"environment": {"device": "cpu", "threads": 0}}, "environment.threads is not a number of threads"),
        ({"alarms": {"nap": {}}}, "alarms.nap is not a text"),
        ({"note": ["a"]}, "note is not a text"),
        ({"spec": {"dataset": "digits"}}, "spec.scenario is missing"),
        ({}, ""),
    ],
)
def test_the_first_wrong_entry_of_a_run_is_named(store_with_runs, change, told):
    about = json.loads(json.dumps(store.runs()[0].about))
    assert checks.wrong(about | change, checks.RUN).startswith(told) and bool(told) == bool(
        checks.wrong(about | change, checks.RUN)
    )


def test_what_a_name_says_is_cut_where_it_is_long():
    assert len(checks.wrong({"x" * 10_000: 1}, checks.Each(checks.TEXT))) < 100


def test_depth_counts_nested_groups_and_lists():
    assert [checks.depth(each) for each in (1, [], [1], {"a": [1, {"b": 2}]}, [[], [[]]])] == [0, 0, 1, 3, 2]
    nested: list = []
    for _ in range(100_000):  # deeper than Python's own calls may go
        nested = [nested]
    assert checks.depth(nested) == 100_000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"images": np.zeros((2, 1, 2, 2), np.float32)}, "images holds float32 in place of image values"),
        ({"images": np.zeros((2, 1, 2, 2), np.uint16)}, "images holds uint16 in place of image values"),
        ({"images": np.zeros((3, 1, 2, 2), np.uint8)}, "novel has 2 rows or columns where 3 belong"),
        ({"images": np.zeros((2, 1, 2, 3), np.uint8)}, "images has 3 rows or columns where 2 belong"),
        ({"images": np.zeros((2, 4), np.uint8)}, "images has 4 rows or columns where 1 belong"),
        ({"images": np.zeros(2, np.uint8)}, "images has 1 dimensions in place of 4"),
        ({"novel": np.array([[0, 1]], np.uint8)}, "novel has 1 rows or columns where 2 belong"),
        ({"novel": np.array([0, 7], np.uint8)}, "novel holds places outside 0 to 1"),
        ({"place": np.array(["a", "b"])}, "place holds text in place of choice values"),
        ({"place": np.array([2, 2])}, "place holds a place twice"),
        ({"place": np.array([0, 4])}, "place holds places outside 0 to 3"),
        ({"place": np.array([0, -2])}, "place holds places outside 0 to 3"),
    ],
)
def test_the_first_wrong_array_is_named(change, told):
    assert checks.wrong_arrays("probe", PROBE | change, SIZES, {}, whole=True).startswith(told)
    assert bool(checks.wrong_arrays("probe", PROBE | change, SIZES, {}, whole=True)) == bool(told)


def test_an_array_that_belongs_there_is_missed_in_a_whole_file_only():
    part = {"novel": PROBE["novel"]}
    assert checks.wrong_arrays("probe", part, SIZES, {}, whole=True) == "images is missing"
    assert checks.wrong_arrays("probe", part, SIZES, {}, whole=False) == ""


def test_scores_are_finite_and_as_many_as_images_but_a_curve_may_begin_at_infinity():
    right = {"test/nap": np.zeros(4), "valid/nap": np.zeros(3)}
    assert checks.wrong_arrays("scores", right, SIZES, {}, whole=True) == ""
    for split, wrong in (("test", np.zeros(3)), ("valid", np.zeros(4)), ("test", np.array([0, 1, np.nan, 2]))):
        assert checks.wrong_arrays("scores", right | {f"{split}/nap": wrong}, SIZES, {}, whole=True)
    curve = {"roc/nap/threshold": np.array([np.inf, 1]), "roc/nap/fpr": np.array([0.0, 1]), "pr/nap/recall": np.ones(3)}
    assert checks.wrong_arrays("curves", curve, SIZES, {}, whole=True) == ""
    short = curve | {"roc/nap/fpr": np.ones(1)}
    assert (
        checks.wrong_arrays("curves", short, SIZES, {}, whole=True)
        == "roc/nap/fpr has 1 rows or columns where 2 belong"
    )


def test_what_a_method_keeps_is_as_the_run_wrote_it():
    kept = {"radii": np.ones(2, np.float32), "gap": np.array([np.inf])}
    listed = {name: checks.described(array) for name, array in kept.items()}
    assert listed == {"radii": "<f4 2", "gap": "<f8 1 open"}
    assert checks.wrong_arrays("portrait", kept, {}, listed, whole=True) == ""
    for wrong in (np.ones(2), np.ones((2, 1), np.float32), np.array([1, np.nan], np.float32), np.array(["a", "b"])):
        told = checks.wrong_arrays("portrait", kept | {"radii": wrong}, {}, listed, whole=True)
        assert told == "radii is not as the run wrote it"
    assert checks.wrong_arrays("portrait", {"gap": kept["gap"]}, {}, listed, whole=True) == "radii is missing"
