"""The table of methods.  Strings only: reading it loads neither torch nor plotly."""

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from core import knobs
from core.errors import WrongRequest
from core.knobs import Shape
from core.methods.cards import Card
from core.scenarios import Offer

if TYPE_CHECKING:
    from core.methods.base import Detector


@dataclass(frozen=True)
class Method:
    """Where a method's parts are: `module:name` of its card and its detector, its family's figure file and page."""

    card: str
    detector: str
    figures: str
    page: str


def _baseline(card: str, detector: str, file: str = "baselines") -> Method:
    return Method(
        f"core.methods.cards.{file}:{card}",
        f"core.methods.{file}:{detector}",
        "core.figures.families.baselines",
        "baselines",
    )


def _metric(card: str, detector: str) -> Method:
    return Method(
        f"core.methods.cards.metric:{card}", f"core.methods.metric:{detector}", "core.figures.families.metric", "metric"
    )


METHODS = {
    "rapp-ae": Method("core.methods.cards.rapp:AE", "core.methods.rapp:RappAE", "core.figures.families.rapp", "rapp"),
    "rapp-vae": Method(
        "core.methods.cards.rapp:VAE", "core.methods.rapp:RappVAE", "core.figures.families.rapp", "rapp"
    ),
    "rapp-aae": Method(
        "core.methods.cards.rapp:AAE", "core.methods.rapp:RappAAE", "core.figures.families.rapp", "rapp"
    ),
    "deep-svdd": Method(
        "core.methods.cards.svdd:DEEP_SVDD", "core.methods.svdd:DeepSVDD", "core.figures.families.svdd", "svdd"
    ),
    "multi-radius-svdd": Method(
        "core.methods.cards.svdd:MULTI_RADIUS",
        "core.methods.svdd:MultiRadiusSVDD",
        "core.figures.families.svdd",
        "svdd",
    ),
    "clad": Method("core.methods.cards.clad:CLAD", "core.methods.clad:Clad", "core.figures.families.clad", "clad"),
    "vae-threshold": Method(
        "core.methods.cards.vae:VAE", "core.methods.vae:VAEThreshold", "core.figures.families.vae", "vae"
    ),
    "metric-learning": _metric("PLAIN", "MetricLearning"),
    "metric-learning-odm": _metric("MINING", "MetricMining"),
    "softmax-twin": _metric("TWIN", "SoftmaxTwin"),
    "oc-svm": _baseline("OC_SVM", "OneClassSVM"),
    "svdd": _baseline("SVDD", "SupportVectorDescription"),
    "isolation-forest": _baseline("ISOLATION_FOREST", "Isolation"),
    "nearest-neighbours": _baseline("NEAREST_NEIGHBOURS", "NearestNeighbours"),
    "pca-error": _baseline("PCA_ERROR", "PcaError"),
    "gaussian": _baseline("GAUSSIAN", "GaussianDistance"),
    "local-outlier-factor": _baseline("LOCAL_OUTLIER_FACTOR", "LocalOutlierFactor"),
    "oc-nn": _baseline("OC_NN", "OcNN", "one_class_networks"),
    "oc-cnn": _baseline("OC_CNN", "OcCNN", "one_class_networks"),
}

FAMILIES = {"baselines": "Baseline"}  # that aren't called as the titles of their cards begin

TAKEN_BY_ALL = (1, 28, 28)  # a shape that no method refuses
NAMED = 3  # methods in a sentence


def method(name: str) -> Method:
    """The row of this method.  Raises WrongRequest with the methods there are."""
    if name not in METHODS:
        raise WrongRequest(f"There is no method {name!r}. Choose from {', '.join(METHODS)}.")
    return METHODS[name]


def card(name: str) -> Card:
    """The card of this method.  Loads no torch."""
    return _named(method(name).card)


def cards() -> list[Card]:
    """All cards, in the order of the table."""
    return [card(name) for name in METHODS]


def family_title(family: str) -> str:
    """What a family is called: "RaPP" for rapp, as the titles of its cards begin; "Baseline" for baselines."""
    titles = (each.title.partition(",")[0] for each in cards() if each.family == family)
    return FAMILIES.get(family) or next(titles, family)


def refused(shape: Shape) -> list[Card]:
    """The cards whose method can't take images of this shape (C, H, W) with its quick preset. Loads no torch.

    What a method asks of a task besides, such as labels, doesn't count.
    """
    return [each for each in cards() if _refuses(each, shape) and not _refuses(each, TAKEN_BY_ALL)]


def _refuses(card: Card, shape: Shape) -> bool:
    offer = Offer(shape=shape, kind="several-normal", classes=3, labels=True, seen=True)
    return card.refuses(knobs.preset(card.knobs, "quick", shape), offer) is not None


def taking_in_words(shape: Shape) -> str:
    """`all 16 methods`, or how many and which are left out, for a form that asks for a size."""
    out = [each.title for each in refused(shape)]
    if not out:
        return f"all {len(METHODS)} methods"
    named = "; ".join(out[:NAMED]) + (f" and {len(out) - NAMED} more" if len(out) > NAMED else "")
    return f"{len(METHODS) - len(out)} of {len(METHODS)} methods, not {named}"


def load(name: str) -> "type[Detector]":
    """The detector class of this method.  Loads torch."""
    return _named(method(name).detector)


def figures(name: str) -> ModuleType:
    """The figure file of this method's family; its `why(explanation, image)` gives the reasons as Pictures."""
    return importlib.import_module(method(name).figures)


def _named(path: str):
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)
