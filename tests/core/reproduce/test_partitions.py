import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core.reproduce.partitions import partition_note
from core.reproduce.start import plan
from core.runs import files
from tests.core.reproduce.making import asked, finish

CLUSTERS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])


@pytest.fixture
def runs(tmp_path):
    return [finish(spec, 0.9) for spec in plan(asked(tmp_path)).runs[:3]]


def store(run, clusters, chosen=1):
    arrays = {"clusters": clusters, "level_chosen": np.array(chosen), "level_silhouettes": np.array([0.1, 0.25])}
    files.write_arrays(run.folder / "portrait.npz", arrays)
    return run


def test_partitions_are_told_with_their_agreement(runs):
    other = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    told = partition_note([store(runs[0], CLUSTERS), store(runs[1], other)])
    assert told.startswith("3 and 2 clusters were found, silhouette 0.25 and 0.25, the smallest with 20% and 50%")
    assert f"adjusted Rand index of {adjusted_rand_score(CLUSTERS, other):.2f}: a doubtful partition" in told
    same = partition_note([store(runs[0], CLUSTERS), store(runs[0], CLUSTERS)])
    assert same.endswith("seeds agree by an adjusted Rand index of 1.00")


def test_without_a_partition_nothing_is_told(runs):
    assert partition_note(runs[:1]) == ""
    assert partition_note([store(runs[1], CLUSTERS, chosen=-1)]) == ""  # the hidden classes, not found ones
    assert partition_note([store(runs[2], CLUSTERS)]) == (
        "3 clusters were found, silhouette 0.25, the smallest with 20%"
    )
