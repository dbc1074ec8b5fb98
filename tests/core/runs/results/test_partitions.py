import dataclasses

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core.reproduce.start import plan
from core.runs import files
from core.runs.results import partitions
from tests.core.reproduce.making import asked, finish

CLUSTERS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    return [finish(spec, 0.9) for spec in plan(asked(tmp_path)).runs[:3]]


def store(run, clusters, chosen=1):
    arrays = {"clusters": clusters, "level_chosen": np.array(chosen), "level_silhouettes": np.array([0.1, 0.25])}
    files.write_arrays(run.folder / "portrait.npz", arrays)
    return run


def test_partitions_are_told_with_their_agreement(runs):
    other = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    found = partitions.told([store(runs[0], CLUSTERS), store(runs[1], other)])
    told = found.text
    assert found.doubtful
    assert told.startswith("3 and 2 clusters were found, silhouette 0.25 and 0.25, the smallest with 20% and 50%")
    assert f"adjusted Rand index of {adjusted_rand_score(CLUSTERS, other):.2f}: a doubtful partition" in told
    same = partitions.told([store(runs[0], CLUSTERS), store(runs[0], CLUSTERS)])
    assert not same.doubtful and same.text.endswith("seeds agree by an adjusted Rand index of 1.00")


def test_without_a_partition_nothing_is_told(runs):
    assert partitions.told(runs[:1]).text == ""
    assert partitions.told([store(runs[1], CLUSTERS, chosen=-1)]).text == ""  # the hidden classes, not found ones
    assert partitions.told([store(runs[2], CLUSTERS)]).text == (
        "3 clusters were found, silhouette 0.25, the smallest with 20%"
    )


def test_one_run_of_each_other_seed_counts(runs):
    first, other = runs[0], dataclasses.replace(runs[0].spec, seed=7)
    before = len(partitions.of_seeds(first))
    finish(other, 0.9)
    finish(other, 0.9)
    finish(dataclasses.replace(other, seed=8, split_seed=1), 0.9)
    finish(dataclasses.replace(other, seed=9, knobs={**other.knobs, "epochs": 3}), 0.9)
    found = partitions.of_seeds(first)
    assert len(found) == before + 1 and found[0] == first
    assert sorted({each.spec.seed for each in found}) == sorted(each.spec.seed for each in found)
