"""Scenarios: the sizes of the published splits, and what must hold for every task."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from core import data
from core.errors import NoveltyError, WrongRequest
from core.scenarios import SCENARIOS, Task, build, offer, super_categories, task_spec

# RaPP's split of MNIST: train, valid, test-normal and novel images where class c is chosen, as its published code cuts.
MULTIMODAL = {
    0: (37858, 12619, 12620, 6903),
    1: (37273, 12424, 12426, 7877),
    5: (38212, 12737, 12738, 6313),
    9: (37825, 12608, 12609, 6958),
}
AT_35_PERCENT = {0: (12620, 6795), 1: (12426, 6690), 5: (11724, 6313), 9: (12609, 6789)}
UNIMODAL = {0: (4141, 1380, 1382), 1: (4726, 1575, 1576), 5: (3787, 1262, 1264), 9: (4174, 1391, 1393)}
TARGETS = {"several-normal": "0,1,3", "latent-super-category": "CUR", "cross-dataset": "0,1,2,3,4"}
KINDS = list(SCENARIOS)


def digits_task(kind: str, split_seed: int = 0, **options) -> Task:
    return build(task_spec("digits", kind, TARGETS.get(kind, "3"), options, split_seed))


def places(task: Task, split: str) -> set[tuple[int, int]]:
    rows = task.rows(split)
    return set(zip(rows.pool.tolist(), rows.index.tolist(), strict=True))


@pytest.fixture
def mnist(data_root, monkeypatch) -> None:
    monkeypatch.setenv("NOVELTY_DATA", str(data_root))


@pytest.fixture
def grouped(tmp_path, monkeypatch) -> str:
    """A set whose images come in tracks of 1 to 12: two classes of 300 images, a third of 100; no official test set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [300, 300, 100])
    tracks = np.concatenate([100 * c + np.sort(rng.integers(0, n // 6, n)) for c, n in enumerate((300, 300, 100))])
    tracks[::50] = -1  # some images have no track
    np.savez(
        tmp_path / "tracks.npz",
        train_images=rng.integers(0, 256, (700, 8, 8), np.uint8),
        train_labels=labels,
        train_groups=tracks,
        class_names=np.array(["red", "green", "blue"]),
    )
    return "tracks"


# --- sizes ------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("c", UNIMODAL)
def test_sizes_of_unimodal_mnist(mnist, c):
    train, valid, normal = UNIMODAL[c]
    task = build(task_spec("mnist", "unimodal", str(c)))
    assert task.counts == {"train": train, "valid": valid, "normal": normal, "novel": normal}
    assert len(set(task.class_names("test")[task.novel == 1])) == 9
    every = build(task_spec("mnist", "unimodal", str(c), {"balanced": "no"}))
    assert every.counts["novel"] == 70_000 - train - valid - normal


def test_sizes_of_mnist_with_the_official_test_set(mnist):
    task = build(task_spec("mnist", "several-normal", "3,0,1"))
    assert task.spec.target == ("0", "1", "3")
    assert task.counts == {
        "train": int(0.9 * 18_796),
        "valid": 18_796 - int(0.9 * 18_796),
        "normal": 3_125,
        "novel": 6_875,
    }
    assert (task.test.index >= 60_000).all() and (task.train.index < 60_000).all() and (task.valid.index < 60_000).all()


def test_pooled_and_official_splits_of_digits():
    labels, is_test = data.load("digits").labels, data.load("digits").is_test
    official = digits_task("unimodal", split="official")
    mine = labels == 3
    assert official.counts == {
        "train": int(0.9 * (mine & ~is_test).sum()),
        "valid": (mine & ~is_test).sum() - int(0.9 * (mine & ~is_test).sum()),
        "normal": (mine & is_test).sum(),
        "novel": (~mine & is_test).sum(),
    }
    pooled = digits_task("unimodal", split="pooled")
    n = int(mine.sum())
    assert pooled.counts["train"] == int(0.6 * n) and pooled.counts["valid"] == int(0.2 * n)
    assert pooled.counts["normal"] == pooled.counts["novel"] == n - int(0.6 * n) - int(0.2 * n)


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


# --- what holds for every kind ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_image_is_on_two_sides(kind):
    task = digits_task(kind)
    train, valid, test = (places(task, split) for split in ("train", "valid", "test"))
    assert [len(train), len(valid), len(test)] == [len(task.train), len(task.valid), len(task.test)]  # none twice
    assert not train & valid and not train & test and not valid & test


@pytest.mark.parametrize("kind", KINDS)
def test_the_split_seed_alone_decides(kind):
    first, again, other = (digits_task(kind, seed) for seed in (4, 4, 5))
    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(first.rows(split).index, again.rows(split).index)
        np.testing.assert_array_equal(first.images(split), again.images(split))
    np.testing.assert_array_equal(first.source, again.source)
    assert first.spec.hash == again.spec.hash != other.spec.hash
    assert places(first, "train") != places(other, "train")
    assert {name: first.counts[name] for name in ("train", "valid")} == {
        name: other.counts[name] for name in ("train", "valid")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_novelty_labels_follow_the_hidden_classes(kind):
    task, entry = digits_task(kind), data.entry("digits")
    normal = {
        "multimodal": set("012456789"),
        "unimodal": {"3"},
        "several-normal": {"0", "1", "3"},
        "latent-super-category": set(super_categories(entry).get("CUR", ())),
        "contaminated": {"3"},
        "cross-dataset": set("01234"),
    }[kind]
    here = np.isin(task.class_names("test"), list(normal)) & (task.test.pool == 0)
    np.testing.assert_array_equal(task.novel, 1 - here)
    np.testing.assert_array_equal(task.novel == 0, task.source == "normal")
    assert task.novel.dtype == np.uint8 and task.images("test").shape == (len(task.test), *task.shape)
    if kind != "contaminated":
        assert set(task.class_names("train")) | set(task.class_names("valid")) == normal
    assert (task.labels is not None) == SCENARIOS[kind].labels
    if task.labels is not None:
        np.testing.assert_array_equal(np.array(entry.classes)[task.labels], task.class_names("train"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "latent-super-category"])
@pytest.mark.parametrize("seed", range(4))
def test_a_group_stays_on_one_side(grouped, kind, seed):
    target = {"several-normal": "red,green", "cross-dataset": "red,green"}.get(kind, "red")
    options = {"split": "pooled"} if kind in ("unimodal", "several-normal") else {}
    task = build(task_spec(grouped, kind, target, options, seed))
    groups = task.pools[0].groups
    sides = [
        set(groups[task.rows(split).index[task.rows(split).pool == 0]]) - {-1} for split in ("train", "valid", "test")
    ]
    assert all(sides)
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


# --- contaminated -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.2])
def test_impurities_have_the_rate_asked_for(rate):
    task = digits_task("contaminated", rate=rate)
    for split in ("train", "valid", "test"):
        foreign = task.class_names(split) != "3"
        pure = int((~foreign).sum())
        expected = round(rate / (1 - rate) * pure)
        assert foreign.sum() == (max(2, expected) if split == "test" else expected), split
        if split == "valid":
            np.testing.assert_array_equal(task.valid_novel, foreign)
        counts = Counter(task.class_names(split)[foreign])
        assert not counts or len(counts) < 9 or max(counts.values()) - min(counts.values()) <= 1  # spread evenly


def test_impurities_lie_anywhere_in_the_training_images():
    foreign = np.flatnonzero(digits_task("contaminated", rate=0.2).class_names("train") != "3")
    count = len(digits_task("contaminated", rate=0.2).train)
    assert foreign.min() < count / 4 and foreign.max() > 3 * count / 4


# --- cross-dataset ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shapes(tmp_path, monkeypatch) -> None:
    """`shapes`: 60 training and 40 test images, colour, 12 x 10; `streets`: 50 training images and no test set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    rng = np.random.default_rng(1)
    train, test = rng.integers(0, 100, (60, 12, 10, 3), np.uint8), rng.integers(156, 256, (40, 12, 10, 3), np.uint8)
    names = {"class_names": np.array(["circle", "square"])}
    np.savez(
        tmp_path / "shapes.npz",
        train_images=train,
        train_labels=np.arange(60) % 2,
        test_images=test,
        test_labels=np.arange(40) % 2,
        **names,
    )
    np.savez(
        tmp_path / "streets.npz",
        train_images=train[:50],
        train_labels=np.zeros(50, int),
        class_names=np.array(["street"]),
    )


def test_sources_of_a_cross_dataset_task(shapes):
    task = digits_task("cross-dataset", anomalies="shapes, gaussian-noise,shapes", seen="uniform-noise", most=30)
    counts = Counter(task.source)
    assert set(counts) == {"normal", "novel", "shapes", "gaussian-noise", "uniform-noise"}
    assert counts["novel"] == counts["shapes"] == counts["uniform-noise"] == 30
    assert set(task.class_names("test")[task.source == "novel"]) <= set("56789")
    assert all(pool.shape == (1, 8, 8) for pool in task.pools)


def test_an_anomaly_set_gives_its_test_images_and_the_seen_set_trains_with_others(shapes):
    task = digits_task("cross-dataset", anomalies="shapes", most=30)
    anomalies = task.images("test")[task.source == "shapes"]
    assert anomalies.mean() > 150  # the bright test half
    seen = digits_task("cross-dataset", anomalies="", seen=" shapes ", most=30)
    assert len(seen.seen) == 30 and seen.images(seen.seen).mean() < 100
    assert seen.images("test")[seen.source == "shapes"].mean() > 150


@pytest.mark.parametrize("name", ["shapes", "streets", "gaussian-noise"])
def test_a_seen_set_is_never_tested_on_what_it_trains_with(shapes, name):
    task = digits_task("cross-dataset", anomalies="", seen=name, most=30)
    trained = set(zip(task.seen.pool.tolist(), task.seen.index.tolist(), strict=True))
    assert len(task.seen) >= 10 and (task.source == name).sum() >= 10
    assert not trained & places(task, "test")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("cats", "unimodal", "3"), "There is no dataset called 'cats'"),
        (("digits", "sideways", "3"), "There is no scenario 'sideways'. Choose from multimodal, unimodal"),
        (("digits", "unimodal", "10"), "no class '10'. Choose from 0, 1, 2"),
        (("digits", "unimodal", "-1"), "no class '-1'"),
        (("digits", "unimodal", ""), "takes exactly one class of .*, not 0"),
        (("digits", "multimodal", "1,2"), "takes exactly one class of .*, not 2"),
        (("digits", "several-normal", []), "Choose at least one class"),
        (("digits", "several-normal", "0,1,2,3,4,5,6,7,8,9"), "If all 10 classes .* none is left to be novel"),
        (("digits", "latent-super-category", "ABC"), "no super-category 'ABC'. Choose one of"),
        (("digits", "unimodal", "3", {"splitt": "official"}), "no setting 'splitt' here. Choose from split, balanced"),
        (("digits", "unimodal", "3", {"split": "other"}), "split can't be other. Choose from pooled, official"),
        (("digits", "multimodal", "3", {"novelty_share": 0.95}), "novelty_share can't be 0.95"),
        (("digits", "contaminated", "3", {"rate": 0.6}), "rate can't be 0.6. Choose a number from 0 to 0.5"),
        (("digits", "unimodal", "3", {}, -1), "The split seed can't be -1"),
        (("tiny-imagenet", "latent-super-category", "ANML"), "isn't on this machine"),
        (("tiny-imagenet", "unimodal", "bee"), "isn't on this machine"),
    ],
)
def test_a_choice_that_no_task_can_have_is_refused(asked, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    with pytest.raises(NoveltyError, match=sentence):
        task_spec(*asked)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"anomalies": "digits"}, "can't be its own anomaly set"),
        ({"anomalies": "cats"}, "no dataset called 'cats'"),
        ({"anomalies": "", "seen": "shapes,streets"}, "Only one dataset can be seen in training"),
    ],
)
def test_an_anomaly_set_that_can_t_be_is_refused(shapes, options, sentence):
    with pytest.raises(WrongRequest, match=sentence):
        digits_task("cross-dataset", **options)


def test_a_task_without_novel_images_is_refused():
    with pytest.raises(WrongRequest, match="leaves 0 novel images. Choose other classes."):
        build(task_spec("digits", "cross-dataset", "0,1,2,3,4,5,6,7,8,9", {"anomalies": ""}))


def test_a_set_without_test_images_has_no_official_split(grouped):
    with pytest.raises(WrongRequest, match="has no official test set. Set split to pooled."):
        build(task_spec(grouped, "several-normal", "red,green"))


def test_classes_go_by_name_or_number_in_any_order(grouped):
    assert task_spec(grouped, "several-normal", "2,red").target == ("red", "blue")
    assert task_spec(grouped, "several-normal", ["blue", 0, "red"]).target == ("red", "blue")
    by_name, by_number = task_spec(grouped, "unimodal", "green"), task_spec(grouped, "unimodal", ["1"])
    assert by_name == by_number and by_name.hash == by_number.hash


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


@pytest.mark.parametrize(
    ("kind", "target", "count"),
    [("multimodal", "3", 9), ("unimodal", "3", 1), ("several-normal", "1,2,3", 3), ("latent-super-category", "CUR", 3)],
)
def test_how_many_classes_are_normal(kind, target, count):
    assert offer(task_spec("digits", kind, target)).classes == count


def test_an_offer_says_what_a_method_may_have_before_a_run_exists():
    offered = offer(task_spec("digits", "cross-dataset", "0,1,2"))
    assert (offered.shape, offered.kind, offered.labels, offered.seen) == ((1, 8, 8), "cross-dataset", True, False)
    assert offered.train == len(build(task_spec("digits", "cross-dataset", "0,1,2")).train)
    assert not offer(task_spec("digits", "multimodal", "3")).labels


def test_a_scenario_says_its_own_title_words_and_pictogram():
    assert SCENARIOS["multimodal"].in_words(("3",)) == "all but 3"
    assert SCENARIOS["several-normal"].in_words(("0", "1")) == "0, 1"
    for rule in SCENARIOS.values():
        assert rule.idea[0] == "n" and set(rule.idea) <= set("nxa|") and "|" in rule.idea and rule.asks
