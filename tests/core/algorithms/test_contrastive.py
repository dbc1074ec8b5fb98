"""Contrastive loss and pairs: against numpy and by hand, shares of an epoch, requests that no pair can meet."""

import numpy as np
import pytest
import torch

from core.algorithms import contrastive
from core.algorithms.contrastive import FOREIGN, NEGATIVE, POSITIVE, SEEN, Partners
from core.errors import WrongRequest

MARGIN = 3.0


@pytest.fixture
def pairs(rng):
    """Embeddings and labels of 60 pairs, some of them with one or two foreign images."""
    left, right = (torch.from_numpy(2 * rng.normal(size=(60, 4))) for _ in range(2))
    labels = [torch.from_numpy(rng.integers(-1, 3, 60)) for _ in range(2)]
    return left, right, *labels


def by_hand(left, right, left_labels, right_labels, power):
    """Half the mean over the pairs that say something, one by one."""
    costs = []
    for a, b, s, t in zip(left.numpy(), right.numpy(), left_labels.tolist(), right_labels.tolist(), strict=True):
        if s < 0 and t < 0:
            continue
        d = np.sqrt(np.sum((a - b) ** 2))
        costs.append(d**power if s == t else max(0.0, MARGIN - d) ** power)
    return 0.5 * np.mean(costs)


def loss(left, right, left_labels, right_labels, power):
    apart = contrastive.distances(left, right)
    cost = contrastive.losses(apart, left_labels, right_labels, MARGIN, power)
    return contrastive.mean_loss(cost, left_labels, right_labels)


@pytest.mark.parametrize("power", [1, 2])
def test_the_loss_equals_that_of_each_pair_by_hand(pairs, power):
    assert loss(*pairs, power).item() == pytest.approx(by_hand(*pairs, power), rel=1e-9)


@pytest.mark.parametrize("power", [1, 2])
def test_the_gradient_equals_finite_differences(pairs, power):
    left, right, *labels = pairs
    left.requires_grad_()
    loss(left, right, *labels, power).backward()
    for row, column in ((0, 0), (7, 2), (31, 3)):
        moved = [left.detach().clone() for _ in range(2)]
        moved[0][row, column] += 1e-6
        moved[1][row, column] -= 1e-6
        up, down = (by_hand(each, right, *labels, power) for each in moved)
        assert left.grad[row, column].item() == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("power", [1, 2])
def test_two_foreign_images_say_nothing_and_a_known_one_is_pushed_from_a_foreign_one(power):
    left = torch.tensor([[0.0, 0.0], [0.0, 0.0]], requires_grad=True)
    right = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    labels = torch.tensor([FOREIGN, 0]), torch.tensor([FOREIGN, FOREIGN])
    value = loss(left, right, *labels, power)
    value.backward()
    assert value.item() == pytest.approx(0.5 * (MARGIN - 1) ** power, rel=1e-5)  # of the one pair that counts
    assert left.grad[0].abs().max() == 0
    assert left.grad[1, 0] > 0  # descending moves it away from the foreign image


def test_only_foreign_pairs_cost_nothing():
    alike = torch.full((3,), FOREIGN)
    assert loss(torch.zeros(3, 2), torch.ones(3, 2), alike, alike, 2) == 0


def test_the_pull_of_squares_fades_and_that_of_power_1_does_not():
    slopes = {}
    for power in (1, 2):
        for apart in (0.1, 1.0):
            left = torch.tensor([[apart]], dtype=torch.float64, requires_grad=True)
            label = torch.tensor([0])
            loss(left, torch.zeros(1, 1, dtype=torch.float64), label, label, power).backward()
            slopes[power, apart] = left.grad.item()
    assert slopes[1, 0.1] == pytest.approx(slopes[1, 1.0]) and slopes[2, 0.1] == pytest.approx(slopes[2, 1.0] / 10)


@pytest.mark.parametrize("power", [1, 2])
def test_a_pair_of_equal_embeddings_has_a_finite_gradient(power):
    left = torch.zeros(2, 3, requires_grad=True)
    loss(left, torch.zeros(2, 3), torch.tensor([0, 0]), torch.tensor([0, 1]), power).backward()
    assert torch.isfinite(left.grad).all()


def test_pairs_beyond_the_margin_give_no_gradient():
    left = torch.tensor([[MARGIN + 0.1, 0.0]], requires_grad=True)
    loss(left, torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1]), 2).backward()
    assert left.grad.abs().max() == 0


def test_the_usual_library_s_contrastive_loss_is_another_one(pairs):
    """pytorch-metric-learning, ContrastiveLoss as documented: embeddings of length 1 by default, [d - pos_margin]+ and
    [neg_margin - d]+ of all pairs of a batch, each averaged over its non-zero terms; power raises the distance alone.
    """
    left, right, *_ = pairs
    labels = torch.arange(60) % 3, torch.arange(60) % 2

    def documented(a, b, power, normalise):
        if normalise:
            a, b = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (a, b))
        codes, names = np.concatenate([a, b]), torch.cat(labels).numpy()
        apart = np.linalg.norm(codes[:, None] - codes, axis=2) ** power
        same = names[:, None] == names
        pulled = apart[same & ~np.eye(len(codes), dtype=bool)]
        pushed = np.maximum(MARGIN - apart[~same], 0)
        return pulled[pulled > 0].mean() + (pushed[pushed > 0].mean() if (pushed > 0).any() else 0)

    for power in (1, 2):
        ours = loss(left, right, *labels, power).item()
        for normalise in (True, False):
            theirs = documented(left.numpy(), right.numpy(), power, normalise)
            assert abs(theirs - ours) > 0.2 * ours
    # One pair pushed apart at a distance of 2: the hinge is squared here, there the distance in it.
    d = torch.tensor([2.0])
    ours = contrastive.losses(d, torch.tensor([0]), torch.tensor([1]), MARGIN, 2)
    assert ours.item() == (MARGIN - 2) ** 2 and max(0, MARGIN - 2**2) == 0


# --- pairs ------------------------------------------------------------------------------------------------------------

LABELS = torch.tensor([4] * 30 + [7] * 50 + [1] * 20)[torch.randperm(100, generator=torch.Generator().manual_seed(0))]


def epoch(seed=0, size=32, **options):
    torch.manual_seed(seed)
    return contrastive.epoch_of_pairs(Partners.of(LABELS), size, **options)


def test_a_quarter_is_of_one_class_and_nobody_meets_itself():
    pairs = epoch()
    assert pairs.left.shape == pairs.right.shape == pairs.kind.shape == (3, 32)  # 4 of 100 images rest
    assert (pairs.kind[:, :8] == POSITIVE).all() and (pairs.kind[:, 8:] == NEGATIVE).all()
    assert len(pairs.left.unique()) == 96
    same = LABELS[pairs.left] == LABELS[pairs.right]
    assert torch.equal(same, pairs.kind == POSITIVE)
    assert (pairs.left != pairs.right).all()


def test_over_an_epoch_25_50_25():
    labels = torch.arange(4096) % 10
    kinds = contrastive.epoch_of_pairs(Partners.of(labels), 512, foreign=999).kind
    assert [(kinds == each).float().mean().item() for each in (POSITIVE, NEGATIVE, SEEN)] == [0.25, 0.5, 0.25]
    even, odd = kinds[::2], kinds[1::2]
    assert (even != SEEN).all() and (odd == SEEN).sum(1).tolist() == [256] * 4
    assert (odd[:, 256:] == SEEN).all() and (odd[:, :128] == POSITIVE).all()


def test_seen_partners_are_of_the_seen_images_and_known_images_stay_on_the_left():
    pairs = epoch(foreign=500)
    drawn = pairs.right[pairs.kind == SEEN]
    assert drawn.max() >= 100 and drawn.max() < 500  # beyond the training images: they are numbers of seen ones
    assert pairs.left.max() < 100


def test_batches_are_counted_through_the_epochs():
    """With one batch an epoch, every second epoch meets seen images."""
    met = [bool((epoch(size=100, foreign=9, first=first).kind == SEEN).any()) for first in range(4)]
    assert met == [False, True, False, True]


def test_the_share_of_seen_pairs_is_as_asked():
    assert (epoch(foreign=9, share=0.25).kind[1] == SEEN).sum() == 8
    assert (epoch(foreign=9, share=0.75).kind[1] == SEEN).sum() == 24
    assert (epoch(foreign=9, share=0.75).kind[1] == POSITIVE).sum() == 8


def test_partners_are_drawn_evenly():
    partners = Partners.of(torch.tensor([0, 0, 0, 1, 1, 2, 2]))
    torch.manual_seed(0)
    images = torch.zeros(30_000, dtype=torch.int64)
    same, other = partners.same(images).bincount(minlength=7) / 30_000, partners.other(images).bincount(minlength=7)
    np.testing.assert_allclose(same, [0, 0.5, 0.5, 0, 0, 0, 0], atol=0.02)
    np.testing.assert_allclose(other / 30_000, [0, 0, 0, 0.25, 0.25, 0.25, 0.25], atol=0.02)
    last = partners.other(torch.full((9_000,), 5))
    assert set(last.tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("power", [1, 2])
def test_of_an_epoch_s_pairs_the_plain_mean_is_the_loss(rng, power):
    """None of them is of two foreign images, so a training step needs no labels."""
    pairs = epoch(foreign=50)
    left = LABELS[pairs.left].flatten()
    right = LABELS[pairs.right.clamp(max=99)].masked_fill(pairs.kind == SEEN, FOREIGN).flatten()
    apart = torch.from_numpy(rng.uniform(0, 2 * MARGIN, len(left)))
    expected = contrastive.mean_loss(contrastive.losses(apart, left, right, MARGIN, power), left, right)
    found = 0.5 * contrastive.cost(apart, pairs.kind.flatten() == POSITIVE, MARGIN, power).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_same_seed_draws_the_same_pairs():
    one, again, other = epoch(3, foreign=50), epoch(3, foreign=50), epoch(4, foreign=50)
    assert torch.equal(one.right, again.right) and not torch.equal(one.left, other.left)


def test_fewer_images_than_a_batch_make_one_batch():
    assert epoch(size=512).left.shape == (1, 100)


def test_what_no_pair_can_meet():
    with pytest.raises(WrongRequest, match="of one class, so no pair .* Choose two or more known classes."):
        Partners.of(torch.zeros(9, dtype=torch.int64))
    with pytest.raises(WrongRequest, match="1 of 3 known classes .* single training image, .* Leave them out"):
        Partners.of(torch.tensor([0, 0, 1, 1, 2]))
