import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import svdd_images
from core.figures.sheets import Row


def pictures(count: int) -> np.ndarray:
    """uint8 [count, 1, 2, 2]: each filled with its number."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 1, 2, 2))


def numbers(row: Row) -> list[int]:
    return row.images[:, 0, 0, 0].tolist()


def test_the_nearest_in_a_ball_are_its_own_members_nearest_first(rng):
    clusters, train_of, bank_of = np.arange(60) % 2, np.arange(10, 50), np.arange(5, 60)
    embedding = rng.normal(size=(40, 3))
    reason = {"deciding": np.array(1), "embedding": rng.normal(size=3)}
    bank = {"bank_of": bank_of, "bank": pictures(60)[bank_of], "classes": np.arange(60)[bank_of].astype(str)}
    row = svdd_images.nearest_in_ball(reason, {"embedding": embedding, "train_of": train_of}, bank, clusters)
    far = {number: np.linalg.norm(embedding[number - 10] - reason["embedding"]) for number in range(11, 50, 2)}
    expected = sorted(far, key=far.__getitem__)[:6]
    assert numbers(row) == expected
    assert row.labels == [f"class {number}" for number in expected]
    assert "ball B" in row.title


def test_rows_around_centres_carry_the_distances_of_their_images():
    near, far = np.array([[3, 1, 2], [4, 5, 6]]), np.array([[9, 8, 7], [0, 11, 10]])
    portrait = {"near": near, "far": far, "near_images": pictures(12)[near], "far_images": pictures(12)[far]}
    nearest, farthest = svdd_images.around_centres(portrait | {"distances": np.arange(12) / 4})
    assert [numbers(row) for row in nearest] == near.tolist() and [numbers(row) for row in farthest] == far.tolist()
    assert nearest[0].labels == ["0.75", "0.25", "0.50"]
    assert [row.title[-8:] for row in nearest] == ["centre A", "centre B"]
    assert "farthest from centre B" in farthest[1].title


def test_many_balls_have_few_rows():
    near = np.arange(60).reshape(6, 10)
    portrait = {"near": near, "far": near, "near_images": pictures(60)[near], "far_images": pictures(60)[near]}
    nearest, _ = svdd_images.around_centres(portrait | {"distances": np.ones(60)})
    assert (len(nearest), len(nearest[0].images), len(nearest[0].labels)) == (4, 6, 6)


def test_ranked_test_images_are_labelled_with_their_classes():
    tested = {"images": pictures(4), "classes": np.array(["a", "b", "c", "d"])}
    rows = svdd_images.ranked(np.array([0.1, 0.9, 0.2, 0.8]), 0.5, Kinds.of_test([0, 0, 1, 1]), tested)
    assert numbers(rows["most"])[:2] == [1, 3] and rows["most"].labels[:2] == ["b", "d"]
    assert (rows["missed"].labels, rows["alarms"].labels) == (["c"], ["b"])
    none = svdd_images.ranked(np.array([0.1, 0.2, 0.8, 0.9]), 0.5, Kinds.of_test([0, 0, 1, 1]), tested)
    assert set(none) == {"most", "least"}  # nothing is missed and nothing alarms


@pytest.mark.parametrize("count", [3, 12])
def test_samples_of_a_cluster_are_its_own_and_the_same_again(count):
    labels, bank_of = np.arange(120) % count, np.arange(0, 120, 5)
    rows = svdd_images.cluster_samples(labels, pictures(120)[bank_of], bank_of)
    again = svdd_images.cluster_samples(labels, pictures(120)[bank_of], bank_of)
    assert [numbers(row) for row in rows] == [numbers(row) for row in again]
    assert len(rows) == min(count, 8)
    for row in rows:
        assert row.title == f"{120 // count} images"
        assert len({number % count for number in numbers(row)}) == 1 and len(row.labels) == len(row.images) <= 6
