"""The cards of the classical one-class methods: what a network has to beat, each fitted in a single step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.knobs import Shape, knob
from core.methods.cards import Card, Score, StageRecord, ThresholdKnobs
from core.methods.cards.one_class_figures import several, single
from core.scenarios import Offer

WIDEST = 6000  # pixel values whose covariance can be taken apart in minutes; RaPP's widest pathway too


def _pca_where_wide(shape: Shape) -> str:
    """What takes seconds: the covariance of 4,096 pixels takes a minute."""
    return "pca" if math.prod(shape) > math.prod((3, 32, 32)) else "pixels"


FIT = (StageRecord("fit", "Fit"),)
DEEP_SVDD = ("Deep SVDD, Table 1", "OC-SVM/SVDD, its kernel width the best of a search with labels")


def _choice_of_features(quick: str | Callable[[Shape], str] = "pixels") -> Any:
    return knob(
        quick,
        "pixels",
        label="Features",
        group="Features",
        choices=("pixels", "pca"),
        help="What images are compared by. pixels: all values in 0..1. pca: coordinates along the first principal "
        "components of the training images.",
    )


def _number_of_components() -> Any:
    return knob(
        50, label="Components", group="Features", low=1, high=1000, help="Principal components, where features is pca."
    )


def _number_of_images(quick: int, paper: int, high: int, why: str) -> Any:
    return knob(
        quick, paper, label="Most training images", low=50, high=high, help=f"Of more, so many are drawn. {why}"
    )


@dataclass(frozen=True)
class SvmKnobs(ThresholdKnobs):
    features: str = _choice_of_features()
    components: int = _number_of_components()
    nu: float = knob(
        0.1,
        0.5,
        label="nu: share of training images outside",
        low=0.001,
        high=0.99,
        help="At most this share of the training images lies outside the border, and at least this share are support "
        "vectors.",
    )
    kernel: str = knob(
        "rbf",
        label="Kernel",
        choices=("rbf", "polynomial"),
        help="How alike two images are. rbf: by their distance. polynomial: by the third power of their product.",
    )
    gamma: str = knob(
        "scale",
        label="Width of the kernel",
        choices=("scale", "auto", *(f"1e-{decade}" for decade in range(1, 10))),
        help="scale: 1 / (columns x variance). auto: 1 / columns. Or a number, the larger the narrower.",
    )
    most: int = _number_of_images(
        5000, 10_000, 10_000, "The exact solver's time grows with the square of their number: 10,000 take seconds."
    )


@dataclass(frozen=True)
class OcSvmKnobs(SvmKnobs):
    solver: str = knob(
        "exact",
        label="Solver",
        choices=("exact", "linear"),
        help="exact: on a draw of the training images. linear: on all of them, in linear time, by an approximated "
        "kernel.",
    )
    landmarks: int = knob(
        1000, label="Landmarks", low=10, high=5000, help="Images that the approximate kernel is made of."
    )


@dataclass(frozen=True)
class ForestKnobs(ThresholdKnobs):
    features: str = _choice_of_features()
    components: int = _number_of_components()
    trees: int = knob(100, label="Trees", low=1, high=2000, help="Their path lengths are averaged.")
    sample: int = knob(
        256,
        label="Images a tree",
        low=2,
        high=100_000,
        help="Training images drawn for each tree, without replacement.",
    )


@dataclass(frozen=True)
class NeighbourKnobs(ThresholdKnobs):
    features: str = _choice_of_features()
    components: int = _number_of_components()
    neighbours: int = knob(
        5, label="Neighbours", group="Scores", low=1, high=100, after=True, help="Nearest training images that count."
    )
    most: int = _number_of_images(10_000, 100_000, 100_000, "They are kept with the run.")


@dataclass(frozen=True)
class PcaKnobs(ThresholdKnobs):
    share: float = knob(
        0.95,
        label="Share of the variance kept",
        low=0.01,
        high=0.9999,
        help="As many principal components redraw an image as keep this share of the training images' variance.",
    )


@dataclass(frozen=True)
class GaussianKnobs(ThresholdKnobs):
    features: str = _choice_of_features(_pca_where_wide)
    components: int = _number_of_components()


@dataclass(frozen=True)
class LocalOutlierKnobs(NeighbourKnobs):
    neighbours: int = knob(
        20, label="Neighbours", low=1, high=500, help="Nearest training images that an image's density is measured by."
    )


def refuses_wide(settings: GaussianKnobs, offer: Offer) -> str | None:
    """Images with too many values for a covariance of their pixels."""
    columns = math.prod(offer.shape)
    if columns <= WIDEST or settings.features == "pca":
        return None
    return (
        f"Images of {columns:,} values are too wide for a covariance ({WIDEST:,} at most). Set features to pca, or "
        "import them at 32 x 32."
    )


def refuses_ball(settings: SvmKnobs, offer: Offer) -> str | None:
    """Kernels by which images are not equally alike to themselves: SVDD is then not OC-SVM's equal."""
    if settings.kernel != "rbf":
        return (
            f"SVDD is found by way of OC-SVM, which is the same for the kernel rbf alone, not for {settings.kernel}. "
            "Set kernel to rbf, or choose the method oc-svm."
        )
    return None


OC_SVM = Card(
    name="oc-svm",
    family="baselines",
    title="One-class SVM",
    sentence="Draws a border around the training images by a weighted sum of kernels at some of them, the support "
    "vectors; outside is novel.",
    paper="Schoelkopf et al., Estimating the Support of a High-Dimensional Distribution, Neural Computation, 2001",
    knobs=OcSvmKnobs,
    scores=(
        Score(
            "margin",
            "Margin",
            "How much less an image is like the support vectors than the border is; above 0 is outside.",
        ),
    ),
    headline="margin",
    stages=FIT,
    published=several("OCSVM", "margin", "nu 0.5, pixels") + single("OC-SVM/SVDD", "margin", *DEEP_SVDD),
    seeded=False,
    network=False,
)
SVDD = Card(
    name="svdd",
    family="baselines",
    title="SVDD",
    sentence="Finds the smallest ball around the training images in the space of a kernel; far from its centre is "
    "novel.",
    paper="Tax and Duin, Support Vector Data Description, Machine Learning, 2004",
    knobs=SvmKnobs,
    scores=(
        Score(
            "boundary",
            "Boundary",
            "Squared distance to the centre minus the squared radius; above 0 is outside the ball.",
        ),
    ),
    headline="boundary",
    stages=FIT,
    refuses=refuses_ball,
    published=single("OC-SVM/SVDD", "boundary", *DEEP_SVDD),
    seeded=False,
    network=False,
)
ISOLATION_FOREST = Card(
    name="isolation-forest",
    family="baselines",
    title="Isolation forest",
    sentence="Cuts the training images apart at random, pixel by pixel; what few cuts part from the rest is novel.",
    paper="Liu, Ting and Zhou, Isolation Forest, ICDM 2008",
    knobs=ForestKnobs,
    scores=(
        Score("anomaly", "Anomaly", "From 0 to 1 by the mean number of cuts; 0.5 is as many as usual, more is fewer."),
    ),
    headline="anomaly",
    stages=FIT,
    network=False,
)
NEAREST_NEIGHBOURS = Card(
    name="nearest-neighbours",
    family="baselines",
    title="Nearest neighbours",
    sentence="Measures the distance to the nearest training images; far from all of them is novel.",
    paper="Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, SIGMOD 2000",
    knobs=NeighbourKnobs,
    scores=(
        Score("mean", "Mean distance", "Mean distance to the nearest training images."),
        Score("last", "Last distance", "Distance to the last of the nearest training images that count."),
    ),
    headline="mean",
    stages=FIT,
    seeded=False,
    network=False,
)
PCA_ERROR = Card(
    name="pca-error",
    family="baselines",
    title="PCA error",
    sentence="Redraws an image from the principal components of the training images; what they can't redraw is novel.",
    paper="Shyu et al., A Novel Anomaly Detection Scheme Based on Principal Component Classifier, ICDM workshop 2003",
    knobs=PcaKnobs,
    scores=(Score("error", "Error", "Squared error of the image redrawn from the components."),),
    headline="error",
    stages=FIT,
    seeded=False,
    network=False,
)
GAUSSIAN = Card(
    name="gaussian",
    family="baselines",
    title="Gaussian",
    sentence="Describes the training images by a mean and how pixels vary together; many standard deviations away is "
    "novel.",
    paper="Mahalanobis, 1936; Ledoit and Wolf, A Well-Conditioned Estimator for Large-Dimensional Covariance "
    "Matrices, 2004",
    knobs=GaussianKnobs,
    scores=(
        Score("mahalanobis", "Mahalanobis distance", "Squared distance to the mean, each direction in its own spread."),
    ),
    headline="mahalanobis",
    stages=FIT,
    refuses=refuses_wide,
    seeded=False,
    network=False,
)
LOCAL_OUTLIER_FACTOR = Card(
    name="local-outlier-factor",
    family="baselines",
    title="Local outlier factor",
    sentence="Compares how sparse it is around an image with how sparse it is around its neighbours; sparser is novel.",
    paper="Breunig et al., LOF: Identifying Density-Based Local Outliers, SIGMOD 2000",
    knobs=LocalOutlierKnobs,
    scores=(Score("factor", "Factor", "Mean density at the neighbours over the own density; about 1 is as usual."),),
    headline="factor",
    stages=FIT,
    seeded=False,
    network=False,
)
