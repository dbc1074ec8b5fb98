"""The cards of OC-NN and OC-CNN: a small one-class network on the code of an autoencoder."""

from dataclasses import dataclass

from core.knobs import Shape, knob
from core.methods.cards import Card, Score, StageRecord, ThresholdKnobs, is_own, refuses_side
from core.methods.cards.one_class_figures import several, single
from core.scenarios import Offer


def _tiny(shape: Shape) -> bool:
    return shape[1] <= 8


@dataclass(frozen=True)
class Knobs(ThresholdKnobs):
    pretrain_epochs: int = knob(
        lambda s: 100 if _tiny(s) else 40 if is_own(s) else 15,
        150,
        label="Epochs of the autoencoder",
        low=0,
        high=5000,
        help="Passes that train the autoencoder whose encoder gives the features; 0 leaves it at random weights.",
    )
    pretrain_rate: float = knob(
        1e-3, label="Learning rate of the autoencoder", low=1e-7, high=1.0, help="Step size of Adam."
    )
    batch_size: int = knob(
        lambda s: 50 if _tiny(s) else 32 if is_own(s) else 200,
        200,
        label="Batch size",
        low=2,
        high=8192,
        help="Images a step.",
    )


@dataclass(frozen=True)
class OcNnKnobs(Knobs):
    epochs: int = knob(
        50, 150, label="Epochs", low=1, high=5000, help="Outer steps: weights over all images, then the bias r."
    )
    learning_rate: float = knob(1e-3, 1e-4, label="Learning rate", low=1e-7, high=1.0, help="Step size of Adam.")
    nu: float = knob(
        0.04,
        label="nu: share of training images outside",
        low=0.001,
        high=0.99,
        help="The bias r is this quantile of the outputs for the training images.",
    )
    hidden: int = knob(
        32, label="Hidden units", group="Network", low=1, high=1024, help="Width of the one hidden layer."
    )
    activation: str = knob(
        "sigmoid",
        "linear",
        label="Activation",
        group="Network",
        choices=("linear", "sigmoid"),
        help="What g does to the hidden units; the paper tries both.",
    )


@dataclass(frozen=True)
class OcCnnKnobs(Knobs):
    epochs: int = knob(
        lambda s: 100 if _tiny(s) else 40 if is_own(s) else 10,
        lambda s: 200 if _tiny(s) else 20,
        label="Epochs",
        low=1,
        high=5000,
        help="Passes that train the classifier; the paper takes 1,000 batches.",
    )
    learning_rate: float = knob(1e-4, label="Learning rate", low=1e-7, high=1.0, help="Step size of Adam.")
    spread: float = knob(
        0.01,
        label="Spread of the noise",
        low=1e-6,
        high=10.0,
        help="Standard deviation of the Gaussian around zero that stands for what is not normal.",
    )
    trainable: str = knob(
        "last",
        label="Layers of the encoder that train too",
        group="Network",
        choices=("last", "none"),
        help="last: its linear layer, as the paper's fully connected ones. none: the features stay as pre-trained.",
    )


def refuses(settings: Knobs, offer: Offer) -> str | None:
    """Why the encoder can't take images of this shape, or None."""
    return refuses_side("Encoder and decoder", offer)


def _stages(title: str) -> tuple[StageRecord, ...]:
    return (
        StageRecord("prepare", "Range of the pixels", learns=False),
        StageRecord("pretrain", "Autoencoder", epochs="pretrain_epochs"),
        StageRecord("train", title, epochs="epochs", replay=True),
    )


OC_NN = Card(
    name="oc-nn",
    family="baselines",
    title="OC-NN",
    sentence="Trains a small network on an autoencoder's code to answer normal images with a bias or more; less is "
    "novel.",
    paper="Chalapathy, Menon and Chawla, Anomaly Detection using One-Class Neural Networks, 2018",
    knobs=OcNnKnobs,
    scores=(Score("margin", "Margin", "By how much the bias exceeds the network's answer; above 0 is outside."),),
    headline="margin",
    stages=_stages("One-class network"),
    refuses=refuses,
    published=several("OCNN", "margin")
    + single("OCNN", "margin", "CLAD, Tables 3 and 4", "rounded from the OC-NN paper, another protocol"),
)
OC_CNN = Card(
    name="oc-cnn",
    family="baselines",
    title="OC-CNN",
    sentence="Trains a classifier to tell features of normal images from noise around zero; what looks like noise is "
    "novel.",
    paper="Oza and Patel, One-Class Convolutional Neural Network, IEEE Signal Processing Letters, 2019",
    knobs=OcCnnKnobs,
    scores=(
        Score("log-odds", "Log-odds of noise", "Logarithm of the odds that the features are noise; above 0 is noise."),
        Score("noise", "Probability of noise", "Softmax of the noise class, from 0 to 1: the same ranking, squeezed."),
    ),
    headline="log-odds",
    stages=_stages("Classifier"),
    refuses=refuses,
    published=several("OCCNN", "log-odds") + single("OCCNN", "log-odds", "CLAD, Tables 3 and 4"),
)
