"""Views of an embedding, stored with a run: a plane by PCA, and maps of neighbourhoods by UMAP.

For every method that explains images by an array `embedding`. projection.npz holds

    train_of [n], test_of [m]      which training and test images are shown: a seeded choice of at most 3,000 each
    embedding [n, D]               of these training images
    pca/train [n, 2], pca/test [m, 2], and pca/centres [K, 2] where the method's portrait has centres
    pca/mean [D], pca/axes [2, D], pca/ratio [2]      the plane, and the share of the variance along either axis
    umap/train [n, 2], umap/test [m, 2], or umap_note, a sentence why there is none; added once they are computed
    umap3/train [n, 3], umap3/test [m, 3]      the same in three dimensions, for methods whose page turns it

McInnes, Healy and Melville, UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction, 2018.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.runs import files
from core.runs.store import Run
from core.scenarios import Rows, Task

if TYPE_CHECKING:
    from core.methods.base import Detector

MOST = 3000  # images of either split
NEIGHBOURS = 15  # that UMAP looks at around each image
FEWEST = 2 * NEIGHBOURS  # training images that make a map worth drawing
ABSENT = "There is no map: the package umap-learn was missing where this run was trained."
TOO_FEW = f"There is no map: UMAP needs at least {FEWEST} training images."


def store_plane(run: Run, detector: "Detector", task: Task) -> None:
    """Write projection.npz with the plane; nothing for a method without an embedding."""
    tested = run.arrays("explanations").get("test/embedding")
    if tested is None or tested.ndim != 2 or tested.shape[1] < 2:
        return
    rng = np.random.default_rng(task.spec.split_seed)
    train_of, test_of = (np.sort(rng.permutation(len(rows))[:MOST]) for rows in (task.train, task.test))
    train = detector.explain(task.images(Rows(task.train.pool[train_of], task.train.index[train_of])))["embedding"]
    centres = run.arrays("portrait").get("centres", train[:0])
    shown = {"train_of": train_of, "test_of": test_of, "embedding": train}
    files.write_arrays(run.folder / "projection.npz", shown | plane(train, tested[test_of], centres))


def store_map(run: Run) -> None:
    """Add the UMAP maps to projection.npz, where there is one: slow, so after the run has finished."""
    if run.has("projection"):
        stored = run.arrays("projection")
        tested = run.arrays("explanations", "test/embedding")["test/embedding"][stored["test_of"]]
        sizes = [size for size in run.spec.card.maps if size <= max(2, tested.shape[1])]
        files.write_arrays(run.folder / "projection.npz", stored | neighbourhoods(stored["embedding"], tested, sizes))


def plane(train: np.ndarray, test: np.ndarray, centres: np.ndarray) -> dict[str, np.ndarray]:
    """The two axes along which training images and centres vary most, and projections onto them: pca/... as above.

    train: [n, D], test: [m, D], centres: [K, D] with D >= 2; K may be 0.  The largest weight of either axis is
    positive, so the same embedding always gives the same picture.
    """
    rows = np.concatenate([train, centres]).astype(np.float64)
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))  # ascending
    axes = vectors[:, :-3:-1].T
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
    found = {
        name: (each - mean) @ axes.T
        for name, each in (("train", train), ("test", test), ("centres", centres))
        if len(each)
    }
    ratio = values[:-3:-1].clip(0) / max(values.clip(0).sum(), np.finfo(float).tiny)
    found |= {"mean": mean, "axes": axes, "ratio": ratio}
    return {f"pca/{name}": array.astype(np.float32) for name, array in found.items()}


def neighbourhoods(train: np.ndarray, test: np.ndarray, sizes: Sequence[int] = (2,)) -> dict[str, np.ndarray]:
    """UMAP fitted on the training embedding [n, D], the test embedding [m, D] put into it: umap/..., or umap_note.

    sizes: numbers of axes, 2 or 3; the map of three is umap3/...
    """
    if len(train) < FEWEST:
        return {"umap_note": np.array(TOO_FEW)}
    try:
        from umap import UMAP  # compiles for seconds, so only where it is needed
    except ImportError:
        return {"umap_note": np.array(ABSENT)}
    maps: dict[str, np.ndarray] = {}
    for size in sizes:  # one job: else the seed isn't kept
        fitted = UMAP(n_components=size, n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1).fit(train)
        name = "umap" if size == 2 else f"umap{size}"
        maps |= {f"{name}/train": fitted.embedding_, f"{name}/test": fitted.transform(test)}
    return {name: array.astype(np.float32) for name, array in maps.items()}
