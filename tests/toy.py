"""A family as a stranger would add it: no epochs, no network, no seed; `registered` enters it in the table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import plotly.graph_objects as go
import torch

from core import methods
from core.figures import Picture, style
from core.methods import Method
from core.methods.base import Detector
from core.methods.cards import Card, Score, StageRecord, ThresholdKnobs
from core.training import DetectorStage

NAME = "toy-mean"


@dataclass(frozen=True)
class Knobs(ThresholdKnobs):
    """Nothing but the threshold."""


def refuses(settings, offer):
    return "A mean of one image says nothing. Choose more classes." if offer.train == 1 else None


CARD = Card(
    name=NAME,
    family="toy",
    title="Mean image",
    sentence="Distance to the mean training image.",
    paper="Nobody, 2026",
    knobs=Knobs,
    scores=(Score("distance", "Distance", "Squared distance to the mean training image."),),
    headline="distance",
    stages=(StageRecord("mean", "Mean"),),
    refuses=refuses,
    seeded=False,
    network=False,
)


class Mean(DetectorStage):
    def epoch(self, number):
        self.detector.mean = self.task.train.float().mean(0)
        self.progress.step(len(self.task.train))
        return {}


class MeanImage(Detector):
    card = CARD

    def __init__(self, knobs, shape):
        super().__init__(knobs, shape)
        self.mean = torch.zeros(shape)

    def to(self, device):
        self.device, self.mean = device, self.mean.to(device)
        return self

    def make_stages(self, task):
        return [Mean(self)]

    def score_batch(self, images):
        return {"distance": (images.float() - self.mean).square().sum((1, 2, 3))}

    def explain_batch(self, images):
        return {"difference": (images.float() - self.mean).abs().mean((1, 2, 3))}

    def portrait(self, task):
        return {"mean": self.mean.cpu().numpy()}

    def state(self):
        return {"mean": self.mean}

    def load(self, state):
        self.mean = state["mean"].to(self.device)


def why(explanation, image):
    """One bar."""
    amount = float(explanation["difference"])
    figure = style(go.Figure(go.Bar(x=["this image"], y=[amount])), "Difference to the mean", "", "Grey levels")
    return [Picture(figure, {"difference": [amount]}, f"It differs by {amount:.1f} grey levels.", "difference")]


@contextmanager
def registered() -> Iterator[None]:
    """The one row that the family needs; its page is another family's here."""
    methods.METHODS[NAME] = Method("tests.toy:CARD", "tests.toy:MeanImage", "tests.toy", "rapp")
    try:
        yield
    finally:
        del methods.METHODS[NAME]
