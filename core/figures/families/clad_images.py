"""Rows of images on CLAD's page: those that its classifier is most and least sure of, and neighbours of an image."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.figures.clusters import letter
from core.figures.sheets import Row

IN_A_ROW = 6


def of_kind(kind: int, portrait: Mapping[str, NDArray], classes: NDArray) -> tuple[Row, Row]:
    """The training images of a kind that the classifier is most sure of, and least.

    portrait: a run's, of which "sure" and "unsure", training images by number [K, m]; "sure_images" and
    "unsure_images", their pictures [K, m, C, H, W]; "sizes" [K]; "doubt" [n], minus the logarithm of the largest
    softmax.  classes: hidden, [n].
    """
    rows = []
    for which, words in (("sure", "surest"), ("unsure", "least sure")):
        members = portrait[which][kind][:IN_A_ROW]
        sureness = np.exp(-portrait["doubt"][members].astype(np.float64))
        labels = [f"{name} · {each:.3f}" for name, each in zip(classes[members], sureness, strict=True)]
        title = f"Kind {letter(kind)}, {portrait['sizes'][kind]:,} images: {words}" if which == "sure" else words
        rows.append(Row(title, portrait[f"{which}_images"][kind][:IN_A_ROW], labels))
    return rows[0], rows[1]


def neighbours(
    reason: Mapping[str, NDArray], shown: Mapping[str, NDArray], bank: Mapping[str, NDArray], kinds: NDArray
) -> Row:
    """The training images of the image's kind that are nearest to it in the embedding.

    reason: "cluster" and "embedding" [D] of the image.  shown: of a run's `projection`, "embedding" [n, D] and
    "train_of" [n], which training images those are.  bank: of its `neighbours`, the pictures "bank" [b, C, H, W] of the
    training images "bank_of" [b], in ascending order, and their "classes".  kinds: of each training image.
    """
    kind = int(reason["cluster"])
    members = np.flatnonzero(kinds[shown["train_of"]] == kind)
    far = np.square(shown["embedding"][members] - reason["embedding"]).sum(1)
    near = members[np.argsort(far, kind="stable")[:IN_A_ROW]]
    # The bank and the shown training images are the first of one seeded order, and the bank is the longer.
    pictures = np.searchsorted(bank["bank_of"], shown["train_of"][near])
    title = f"Nearest training images of kind {letter(kind)} in the embedding"
    return Row(title, bank["bank"][pictures], [f"class {name}" for name in bank["classes"][pictures]])
