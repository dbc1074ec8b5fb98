"""Batches by index."""

import pytest
import torch

from core.errors import Cancelled
from core.training import Progress, batches

IMAGES = torch.zeros(23, 1, 2, 2, dtype=torch.uint8)


class Counter(Progress):
    def __init__(self, most: int = 10**9) -> None:
        self.counts: list[int] = []
        self.most = most

    def step(self, samples: int) -> None:
        if sum(self.counts) >= self.most:
            raise Cancelled
        self.counts.append(samples)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [1, 5, 23, 100])
def test_batches_cover_each_image_once(size, shuffle):
    torch.manual_seed(0)
    counter = Counter()
    drawn = list(batches(IMAGES, size, counter, shuffle=shuffle))
    assert sorted(torch.cat(drawn).tolist()) == list(range(23))
    assert (
        [len(batch) for batch in drawn]
        == counter.counts
        == [*[size] * (23 // size), *([23 % size] if 23 % size else [])]
    )
    assert (torch.cat(drawn).tolist() == list(range(23))) is not shuffle


def test_the_order_comes_from_torch_s_seed():
    def order(seed: int) -> list[int]:
        torch.manual_seed(seed)
        return torch.cat(list(batches(IMAGES, 4, Progress()))).tolist()

    assert order(1) == order(1) != order(2)


def test_a_last_batch_that_is_too_small_is_left_out():
    counter = Counter()
    assert [len(batch) for batch in batches(IMAGES, 11, counter, least=2)] == [11, 11] == counter.counts
    assert [len(batch) for batch in batches(IMAGES[:13], 11, Progress(), least=2)] == [11, 2]
    assert [len(batch) for batch in batches(IMAGES[:1], 11, Progress(), least=2)] == [1]  # all there is
    assert list(batches(IMAGES[:0], 11, Progress())) == []


def test_cancel_is_seen_before_the_next_batch():
    taken = []
    with pytest.raises(Cancelled):
        for batch in batches(IMAGES, 5, Counter(most=10)):
            taken.append(batch)
    assert len(taken) == 2
