import numpy as np
import pytest

from core.figures import ANOMALY, NORMAL, NOVEL, Kinds, score_histogram
from core.figures.families import rapp, rapp_replay, svdd_clusters, svdd_distances, svdd_plane
from core.figures.families.svdd import Balls
from core.figures.kinds import TRAINING
from core.figures.pages import threshold_desk

SOURCE = np.array(["normal", "uniform-noise", "novel", "mnist", "normal", "gaussian-noise", "novel"])
KIND = np.array(["normal", "anomaly", "novelty", "seen", "normal", "anomaly", "novelty"])
IS_NOVEL = SOURCE != "normal"


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test(IS_NOVEL, SOURCE, KIND)


def test_one_kind_of_novelty_looks_and_is_called_as_a_label_of_0_or_1():
    kinds = Kinds.of_test([0, 1, 1])
    looks = [(kind.name, kind.colour, kind.symbol, kind.hatch, kind.dash, kind.faint) for kind, _ in kinds]
    assert looks == [
        ("normal", NORMAL, "circle", "", "solid", "rgba(0,114,178,0.22)"),
        ("novel", NOVEL, "diamond", "/", "dash", "rgba(213,94,0,0.18)"),
    ]
    assert not kinds.several
    assert {name: column.tolist() for name, column in kinds.columns.items()} == {"novel": [0, 1, 1]}
    assert list(kinds.groups) == ["normal", "novel"]
    assert kinds.by_name(np.ones(3, bool)) == ""


def test_anomalies_are_purple_and_never_orange(kinds):
    for kind in kinds.foreign:
        assert kind.colour == (NOVEL if kind.role == "novelty" else ANOMALY)
    alone = Kinds.of_test([0, 1], ["normal", "gaussian-noise"])
    assert [(kind.name, kind.colour) for kind in alone.foreign] == [("gaussian-noise", ANOMALY)]


def test_the_order_is_normal_novelty_seen_then_anomalies_by_name(kinds):
    names = ["normal", "novelty", "seen mnist", "gaussian-noise", "uniform-noise"]
    assert [kind.name for kind, _ in kinds] == list(kinds.counts) == names
    assert list(kinds.counts.values()) == [2, 2, 1, 1, 1]
    np.testing.assert_array_equal(np.sum([mask.astype(int) for _, mask in kinds], axis=0), 1)
    for kind, mask in kinds:
        assert set(SOURCE[mask]) == {kind.source}


@pytest.mark.parametrize("look", ["symbol", "hatch", "dash", "open_symbol", "name"])
def test_no_two_kinds_share_a_symbol_a_hatch_or_a_dash(kinds, look):
    assert len({getattr(kind, look) for kind in kinds.kinds}) == len(kinds.kinds)


def test_many_sources_still_differ_in_some_look():
    source = np.array(["normal", "novel", *(f"set {number:02d}" for number in range(20))])
    kinds = Kinds.of_test(source != "normal", source)
    assert len({(kind.symbol, kind.hatch) for kind in kinds.kinds}) == 22


def test_without_stored_kinds_the_source_says_them():
    kinds = Kinds.of_test(IS_NOVEL, SOURCE)
    assert [(kind.role, kind.name) for kind in kinds.foreign] == [
        ("novelty", "novelty"), ("anomaly", "gaussian-noise"), ("anomaly", "mnist"), ("anomaly", "uniform-noise")
    ]  # fmt: skip


def test_novel_is_whatever_is_not_normal(kinds):
    np.testing.assert_array_equal(kinds.novel, IS_NOVEL)
    assert kinds.kind(3).role == "seen" and not kinds.kind(0).foreign
    assert not TRAINING.foreign and TRAINING.colour == NORMAL


def test_a_part_keeps_names_and_looks(kinds):
    part = kinds[np.array([0, 6])]
    assert part.names.tolist() == ["normal", "novelty"]
    assert part.several and len(part) == 2
    assert [kind.name for kind, _ in kinds[~kinds.novel]] == ["normal"]


def test_columns_groups_and_words_name_several_kinds(kinds):
    assert kinds.columns["kind"].tolist()[2:4] == ["novelty", "seen mnist"]
    groups = kinds.groups
    assert list(groups)[:3] == ["normal", "novel", "novelty"]
    assert groups["novel"].sum() == 5 and groups["gaussian-noise"].tolist() == (SOURCE == "gaussian-noise").tolist()
    hits = np.array([True, True, True, False, False, False, False])
    assert kinds.by_name(hits) == " (novelty 1 of 2, seen mnist 0 of 1, gaussian-noise 0 of 1, uniform-noise 1 of 1)"


def test_kinds_take_turns_and_keep_their_own_order():
    source = np.array(["noise"] * 4 + ["novel"] * 2)
    kinds = Kinds.of_test(np.ones(6), source)
    assert kinds.by_turns(np.array([3, 2, 1, 5, 0, 4])).tolist() == [3, 5, 2, 4, 1, 0]
    one = Kinds.of_test(np.ones(6))
    assert one.by_turns(np.array([3, 2, 1, 5])).tolist() == [3, 2, 1, 5]


def test_probe_images_have_the_kinds_of_their_test_images_and_held_out_ones_are_normal(kinds):
    probe = kinds.of_probe(np.array([3, -1, 0, -1]), [1, 0, 0, 1])
    assert probe.names.tolist() == ["seen mnist", "normal", "normal", "novelty"]
    np.testing.assert_array_equal(probe.novel, [True, False, False, True])


def test_names_from_strangers_are_no_markup():
    (kind,) = Kinds.of_test([1], ["<b>set"]).foreign
    assert kind.label == "&lt;b&gt;set" and kind.name == "<b>set"


def test_an_image_is_told_by_class_and_kind_and_noise_once(kinds):
    assert kinds.kind(2).of_class("3") == "class 3, novelty"
    assert kinds.kind(1).of_class("uniform-noise") == "uniform-noise"


def pictures(kinds: Kinds) -> dict:
    """Every picture with a trace for each kind, of random scores."""
    rng = np.random.default_rng(0)
    count = len(kinds)
    scores, layers, points = rng.normal(size=count), np.exp(rng.normal(size=(count, 3))), rng.normal(size=(count, 2))
    balls = Balls(np.array([1.0, 0.5]), np.array([0, 1]), np.array([0.9, 0.4]))
    places, out = np.arange(count), np.zeros(count, bool)
    axis = threshold_desk.steps(scores, kinds, 0.5)
    snapshots = {1: {"layers": layers}}
    plane = svdd_plane.ball_plane(None, points, points[:2], balls.radii, kinds, places, out, 0.5)
    pathways = rapp.pathway_map(layers, kinds, scores, layers, ["x"] * count, "SAP")
    umap = svdd_clusters.neighbour_map(points, points, np.zeros(count, int), kinds, places, ["A"])
    return {
        "histogram": score_histogram(scores, kinds, 0.5, "Scores"),
        "desk": threshold_desk.histogram(scores, kinds, axis, 3, "NAP"),
        "layers": rapp.layer_scores(layers, kinds),
        "pathways": pathways,
        "replay": rapp_replay.layers_after(1, snapshots, kinds, None),
        "distances": svdd_distances.distance_histogram(np.abs(points), kinds, balls, 0.1),
        "two nearest": svdd_distances.two_nearest(np.abs(points), kinds, balls.radii),
        "plane": plane,
        "umap": umap,
    }


def looks(picture) -> dict[str, str]:
    """The colour of each named trace by the beginning of its name."""
    found = {}
    for trace in picture.figure.data:
        if trace.name:
            marker = getattr(trace, "marker", None)
            found[trace.name.partition(" (")[0]] = (marker and marker.color) or trace.line.color
    return found


def test_in_no_picture_is_an_anomaly_orange_or_a_novelty_purple(kinds):
    expected = {kind.name: kind.colour for kind in kinds.kinds}
    many = kinds[np.tile(np.arange(len(kinds)), 20)]
    for name, picture in pictures(many).items():
        drawn = looks(picture)
        for kind, colour in expected.items():
            (found,) = {drawn[trace] for trace in drawn if trace.partition(",")[0].removesuffix(" test images") == kind}
            assert found == colour, (name, kind)
        lengths = {len(column) for column in picture.table.values()}
        assert len(lengths) == 1, name


def test_with_one_novelty_every_picture_has_the_two_traces_it_always_had(kinds):
    alone = Kinds.of_test(np.tile(IS_NOVEL, 20))
    for name, picture in pictures(alone).items():
        told = {
            trace.partition(",")[0].removesuffix(" test images"): colour for trace, colour in looks(picture).items()
        }
        assert told["normal"] == NORMAL and told["novel"] == NOVEL, name
        assert ANOMALY not in told.values()
        assert "kind" not in picture.table
        assert "(novel" not in picture.sentence


def test_bars_of_several_kinds_stand_on_each_other(kinds):
    scores = np.array([0.0, 2, 2, 2, 0, 2, 2])
    bars = score_histogram(scores, kinds, 1.0, "Scores").figure.data
    tops = [np.asarray(bar.y) + (0 if bar.base is None else np.asarray(bar.base)) for bar in bars[1:]]
    assert tops[-1].max() == IS_NOVEL.sum()  # together as high as all novel images
    assert [bar.base is None for bar in bars[:2]] == [True, True]
