"""Rows of images on the SVDD page: what lies near a centre, far from it, or near an image; what a cluster holds."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.figures import Kinds
from core.figures.clusters import letter
from core.figures.families.svdd import nearest_members
from core.figures.sheets import RANKINGS, Row, ranking

BALLS = 4  # that get a row of images each
CLUSTERS = 8
IN_A_ROW = 6


def nearest_in_ball(
    reason: Mapping[str, NDArray], shown: Mapping[str, NDArray], bank: Mapping[str, NDArray], clusters: NDArray
) -> Row:
    """The training images nearest to an image in the embedding, within the ball that decided about it.

    reason: "deciding" and "embedding" [D] of the image.  shown: of a run's `projection`, "embedding" [n, D] and
    "train_of" [n], which training images those are.  bank: of its `neighbours`, the pictures "bank" [b, C, H, W] of the
    training images "bank_of" [b], in ascending order, and their "classes".  clusters: the ball of each training image.
    """
    members = clusters[shown["train_of"]] == reason["deciding"]
    near = nearest_members(shown["embedding"], members, reason["embedding"], IN_A_ROW)
    # The bank and the shown training images are the first of one seeded order, and the bank is the longer.
    pictures = np.searchsorted(bank["bank_of"], shown["train_of"][near])
    title = f"Nearest training images of ball {letter(int(reason['deciding']))} in the embedding"
    return Row(title, bank["bank"][pictures], [f"class {name}" for name in bank["classes"][pictures]])


def around_centres(portrait: Mapping[str, NDArray]) -> tuple[list[Row], list[Row]]:
    """The training images nearest to the centres of the first balls, and those farthest, with their distances.

    portrait: a run's, of which "near" and "far", training images by number [K, m], "near_images" and "far_images",
    [K, m, C, H, W], and "distances" [n] of the training images to their own centre.
    """
    sides = []
    for which, words in (("near", "nearest to"), ("far", "farthest from")):
        parts = zip(portrait[which][:BALLS], portrait[f"{which}_images"], strict=False)
        sides.append(
            [
                Row(
                    f"Training images {words} centre {letter(k)}",
                    pictures[:IN_A_ROW],
                    [f"{portrait['distances'][member]:.2f}" for member in members[:IN_A_ROW]],
                )
                for k, (members, pictures) in enumerate(parts)
            ]
        )
    return sides[0], sides[1]


def ranked(scores: NDArray, threshold: float, kinds: Kinds, tested: Mapping[str, NDArray]) -> dict[str, Row]:
    """Test images by each ranking that has any, each labelled with its class.

    scores: [T].  kinds: of the T images.  tested: a run's `test`, of which "images" and "classes".
    """
    places = {which: ranking(which, scores, kinds, threshold, IN_A_ROW) for which in RANKINGS}
    return {
        which: Row(
            f"Test images: {RANKINGS[which]}", tested["images"][some], [str(name) for name in tested["classes"][some]]
        )
        for which, some in places.items()
        if len(some)
    }


def cluster_samples(labels: NDArray, bank: NDArray[np.uint8], bank_of: ArrayLike) -> list[Row]:
    """A few training images of each of the first clusters, drawn by a fixed seed.

    labels: the cluster of each training image, [n].  bank: pictures [b, C, H, W] of the training images bank_of [b].
    """
    of_bank, rng = labels[np.asarray(bank_of)], np.random.default_rng(0)
    rows = []
    for k, size in enumerate(np.bincount(labels)[:CLUSTERS].tolist()):
        members = rng.permutation(np.flatnonzero(of_bank == k))[:IN_A_ROW]
        if len(members):
            rows.append(Row(f"{size:,} images", bank[members], [""] * len(members)))
    return rows
