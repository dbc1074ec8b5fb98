"""Sizes of the published split, and the share of novel images."""

import pytest

from core.scenarios import build, task_spec
from tests.core.scenarios.tasks import digits_task, places

# RaPP's split of MNIST: train, valid, test-normal and novel images where class c is chosen, as its published code cuts.
MULTIMODAL = {
    0: (37858, 12619, 12620, 6903),
    1: (37273, 12424, 12426, 7877),
    5: (38212, 12737, 12738, 6313),
    9: (37825, 12608, 12609, 6958),
}
AT_35_PERCENT = {0: (12620, 6795), 1: (12426, 6690), 5: (11724, 6313), 9: (12609, 6789)}


@pytest.mark.parametrize("c", MULTIMODAL)
def test_sizes_of_multimodal_mnist(mnist, c):
    train, valid, normal, novel = MULTIMODAL[c]
    task = build(task_spec("mnist", "multimodal", str(c)))
    assert task.counts == {"train": train, "valid": valid, "normal": normal, "novel": novel}
    assert set(task.class_names("test")[task.novel == 1]) == {str(c)}
    assert str(c) not in set(task.class_names("train")) | set(task.class_names("valid"))
    share = build(task_spec("mnist", "multimodal", str(c), {"novelty_share": 0.35}))
    assert (share.counts["normal"], share.counts["novel"]) == AT_35_PERCENT[c]
    assert places(share, "train") == places(task, "train")


@pytest.mark.parametrize("share", [0.05, 0.1, 0.35, 0.5, 0.9])
def test_the_novelty_share_draws_the_larger_side_down(share):
    everything = digits_task("multimodal").counts
    task = digits_task("multimodal", novelty_share=share)
    normal, novel = task.counts["normal"], task.counts["novel"]
    if everything["novel"] > share * (everything["novel"] + everything["normal"]):
        assert (normal, novel) == (everything["normal"], int(everything["normal"] * share / (1 - share)))
    else:
        assert (normal, novel) == (int(everything["novel"] / share - everything["novel"]), everything["novel"])
    assert novel / (normal + novel) == pytest.approx(share, abs=0.01)
