"""OC-NN and OC-CNN: small one-class networks on the features of an autoencoder's encoder.

Papers: R. Chalapathy, A. K. Menon, S. Chawla, Anomaly Detection using One-Class Neural Networks, 2018 (OC-NN).
P. Oza, V. M. Patel, One-Class Convolutional Neural Network, IEEE Signal Processing Letters 26, 2019 (OC-CNN).

OC-NN puts a network with one hidden layer where the one-class SVM has its kernel: it answers y = <w, g(V x)>, and all
but a share nu of the normal images should be answered with at least r. OC-CNN makes an ordinary classifier of the
problem: class 0 are features of normal images, class 1 is noise around zero, where no feature lies.

Scores: OC-NN `margin` r - y.  OC-CNN `log-odds` of the noise class; `noise`, its probability.

Differs from the papers:
1. Features come from the encoder of an autoencoder trained here on the normal images, contrast-normalised as for Deep
   SVDD (core/networks/lenet.py). OC-CNN takes AlexNet or VGG trained on ImageNet, whose weights can't be assumed to be
   at hand. The autoencoder for 28 x 28 and 32 x 32 is Deep SVDD's; those for other sides from 8 to 64 are ours.
2. OC-NN's features stay as pre-trained. Of OC-CNN's encoder the last layer trains too, as the paper's fully connected
   ones, or nothing (knob `trainable`); the rest stays in evaluation mode.
3. OC-NN's published code leaves out the max(0, .) of the objective, so that every image pulls; here only those below r
   do, as in the paper. r is set after each pass over all images, not after each step.
4. OC-CNN counts epochs, the paper 1,000 batches; its code also adds noise to the images, which the paper doesn't say.
5. OC-CNN's headline score is the log-odds: the ranking of its probability, without ties where that rounds to 1.

What OC-NN comes to: its objective rewards large answers, so on these codes it is a linear one-class SVM, which ranks by
the code's length. On MNIST, answer and length have a rank correlation of 0.99, and its AUROC is that of scikit-learn's
linear one-class SVM on the same codes to 0.003 (CUR 0.435 and 0.433, STR 0.847 and 0.844, MIX 0.394 both). Where novel
digits have the longer codes it ranks them as more normal; an RBF kernel on the same codes reaches 0.688 on CUR.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.algorithms.contrast import contrast_normalised, into_unit_range
from core.errors import RunFailed
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import one_class_networks as cards
from core.networks import lenet
from core.training import Adam, Progress, Redrawing, Stage, TaskTensors, batches
from core.training.loop import State
from core.training.stages import Descent, DetectorStage, descend

LEAK = 0.01
ALIKE = 1e-6  # spread of the answers, as a share of their size, below which they say nothing


# --- OC-NN ------------------------------------------------------------------------------------------------------------


def one_class_objective(answers: Tensor, w: Tensor, V: Tensor, r: float, nu: float) -> Tensor:
    """1/2 |w|^2 + 1/2 |V|^2 + 1/nu mean_i max(0, r - y_i) - r.  OC-NN, eq. 4.

    answers: [B], y = <w, g(V x)>.  w: [1, hidden].  V: [hidden, D].  r stays fixed while w and V descend.
    """
    below = (r - answers).clamp(min=0).mean()
    return w.square().sum() / 2 + V.square().sum() / 2 + below / nu - r


def bias(answers: Tensor, nu: float) -> float:
    """The nu-quantile of the answers [N]: the r that minimises the objective at fixed weights.  OC-NN, eq. 9."""
    return float(np.quantile(answers.double().cpu().numpy(), nu))


def margin(answers: Tensor, r: float) -> Tensor:
    """r - y: [B], higher = more novel.  The paper's decision is sign(y - r)."""
    return r - answers


# --- OC-CNN -----------------------------------------------------------------------------------------------------------


def instance_normalised(features: Tensor) -> Tensor:
    """Each vector [B, D] with mean 0 and variance 1 over its own coordinates.  OC-CNN, section II-B."""
    variance, mean = torch.var_mean(features, dim=1, correction=0, keepdim=True)
    return (features - mean) / (variance + 1e-5).sqrt()


def pseudo_negatives(count: int, width: int, spread: float) -> Tensor:
    """Noise from N(0, spread^2 I): [count, width], drawn from torch's seeded state.  OC-CNN, section II-B."""
    return spread * torch.randn(count, width)


def telling_loss(normal: Tensor, noise: Tensor) -> Tensor:
    """Cross-entropy of logits [B, 2] of normal images, class 0, and of as many of noise, class 1.  OC-CNN, eq. 1."""
    return (nn.functional.softplus(log_odds(normal)).mean() + nn.functional.softplus(-log_odds(noise)).mean()) / 2


def log_odds(logits: Tensor) -> Tensor:
    """Of the noise class against the normal one, [B, 2] -> [B]."""
    return logits[:, 1] - logits[:, 0]


def noise_probability(logits: Tensor) -> Tensor:
    """Softmax of the noise class, float64 [B]."""
    return logits.double().softmax(1)[:, 1]


# --- stages -----------------------------------------------------------------------------------------------------------


class Prepare(DetectorStage):
    """Smallest and largest pixel after contrast normalisation, over the training images."""

    def epoch(self, number: int) -> dict[str, float]:
        low, high = float("inf"), float("-inf")
        for batch in batches(self.task.train, 4096, self.progress, shuffle=False):
            values = contrast_normalised(self.task.train[batch])
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        self.detector.bounds = (low, high)
        return {"lowest": low, "highest": high}


class Pretrain(Redrawing):
    """The autoencoder: squared error, summed over pixels, mean over the batch."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        networks = self.detector.networks
        weights = [*networks["encoder"].parameters(), *networks["decoder"].parameters()]
        self.adam = Adam(weights, self.knobs.pretrain_rate, fused=True)

    def epoch(self, number: int) -> dict[str, float]:
        return self.learn(self.knobs.batch_size)


class TrainOcNn(Descent):
    """Outer steps: w and V descend over all images with r fixed; then r is the quantile of the answers."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.adam = Adam(self.detector.head.parameters(), self.knobs.learning_rate, fused=True)
        self.features = self.detector.embed(task.train).clone()  # they stay as pre-trained

    def epoch(self, number: int) -> dict[str, float]:
        detector, nu = self.detector, self.knobs.nu
        if number == 1:
            detector.r = bias(detector.answers(self.features), nu)
        V, w = detector.head[0].weight, detector.head[2].weight
        total = 0.0
        for batch in batches(self.task.train, self.knobs.batch_size, self.progress):
            answers = detector.head(self.features[batch])[:, 0]
            objective = one_class_objective(answers, w, V, detector.r, nu)
            descend(objective, self.adam)
            total += float(objective.detach()) * len(batch)
        answers = detector.answers(self.features)
        detector.settle(answers)
        return {
            "objective": total / len(self.task.train),
            "bias": detector.r,
            "spread": float(answers.std(correction=0)),
        }


class TrainOcCnn(Descent):
    """The classifier, and the encoder's last layer where it is trainable, with as much noise as images in a batch."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        weights = list(self.detector.head.parameters())
        if self.knobs.trainable == "last":
            weights += self.detector.networks["encoder"][-1].parameters()
        self.adam = Adam(weights, self.knobs.learning_rate, fused=True)

    def epoch(self, number: int) -> dict[str, float]:
        detector, total, caught = self.detector, 0.0, 0.0
        encoder, head = detector.networks.eval()["encoder"], detector.head
        for batch in batches(self.task.train, self.knobs.batch_size, self.progress):
            with torch.no_grad():
                maps = encoder[:-1](detector.prepared(self.task.train[batch]))
            normal = head(instance_normalised(encoder[-1](maps)))
            noise = head(pseudo_negatives(len(batch), detector.width, self.knobs.spread).to(detector.device))
            loss = telling_loss(normal, noise)
            descend(loss, self.adam)
            total += float(loss.detach()) * len(batch)
            caught += float((log_odds(noise.detach()) > 0).sum())
        detector.settle(log_odds(detector.logits(self.task.train)))
        return {"cross-entropy": total / len(self.task.train), "noise recognised": caught / len(self.task.train)}


# --- detectors --------------------------------------------------------------------------------------------------------


class OnAutoencoder(Detector):
    """An encoder, its decoder and a head on the encoder's code."""

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.width = lenet.embedding_size(shape)
        self.networks = nn.ModuleDict({"encoder": lenet.encoder(shape, LEAK), "decoder": lenet.decoder(shape, LEAK)})
        lenet.initialise(self.networks, shape)
        self.networks["head"] = self.make_head()
        # Twice as fast as the default order on a CPU: these convolutions have few channels.
        self.networks.to(memory_format=torch.channels_last)
        self.bounds = (0.0, 1.0)

    def make_head(self) -> nn.Module:
        """What answers for a code [B, D]."""
        raise NotImplementedError

    @property
    def head(self) -> Any:
        return self.networks["head"]

    def to(self, device: torch.device) -> "OnAutoencoder":
        self.device = device
        self.networks.to(device)
        return self

    def prepared(self, images: Tensor) -> Tensor:
        """uint8 images contrast-normalised, and mapped so that the training images span [0, 1]."""
        pixels = into_unit_range(contrast_normalised(images), self.bounds)
        return pixels.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def embed(self, images: Tensor) -> Tensor:
        """Codes [N, D] of uint8 images, in evaluation mode.  Raises RunFailed where they are no numbers."""
        encoder = self.networks.eval()["encoder"]
        codes = torch.cat([encoder(self.prepared(part)) for part in images.split(4096)])
        return _numbers(codes)

    def settle(self, answers: Tensor) -> None:
        """Note whether the answers for the training images [N] still differ.  Raises RunFailed for no numbers."""
        _numbers(answers)
        spread, size = float(answers.std(correction=0)), float(answers.abs().mean())
        self.collapsed = None
        if spread <= ALIKE * max(size, 1e-12):
            self.collapsed = (
                f"Collapsed: the network answers all training images alike (standard deviation {spread:.2g} at a mean "
                f"size of {size:.2g}), so the score says nothing."
            )

    def state(self) -> State:
        about = {"bounds": list(self.bounds), "collapsed": self.collapsed}
        return {"networks": dict(self.networks.state_dict()), **about}

    def load(self, state: State) -> None:
        self.networks.load_state_dict(state["networks"])
        self.bounds = (state["bounds"][0], state["bounds"][1])
        self.collapsed = state["collapsed"]


def _numbers(values: Tensor) -> Tensor:
    if not torch.isfinite(values).all():
        raise RunFailed("The training diverged: an output is no longer a number. Choose a smaller learning rate.")
    return values


class OcNN(OnAutoencoder):
    card = cards.OC_NN

    def __init__(self, knobs: cards.OcNnKnobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.r = 0.0

    def make_head(self) -> nn.Module:
        activation: nn.Module = nn.Sigmoid() if self.knobs.activation == "sigmoid" else nn.Identity()
        hidden = self.knobs.hidden
        return nn.Sequential(nn.Linear(self.width, hidden, bias=False), activation, nn.Linear(hidden, 1, bias=False))

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Prepare(self), Pretrain(self), TrainOcNn(self)]

    @torch.inference_mode()
    def answers(self, codes: Tensor) -> Tensor:
        """y = <w, g(V x)>: [N, D] -> [N]."""
        return self.head(codes)[:, 0]

    def settle(self, answers: Tensor) -> None:
        super().settle(answers)
        self.r = bias(answers, self.knobs.nu)

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"margin": margin(self.answers(self.embed(images)), self.r)}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """contributions: [B, hidden], w_j g(V x)_j, which sum to the answer.  bias: [B], r.  embedding: [B, D]."""
        codes, head = self.embed(images), self.head
        contributions = head[:2](codes) * head[2].weight[0]
        return {
            "contributions": contributions,
            "bias": torch.full_like(contributions[:, 0], self.r),
            "embedding": codes,
        }

    def portrait(self, task: TaskTensors) -> Arrays:
        """answers: [n] for the training images, whose nu-quantile is the bias.  weights: [hidden], w."""
        return {
            "answers": self.answers(self.embed(task.train)).cpu().numpy(),
            "bias": np.array(self.r),
            "weights": self.head[2].weight[0].detach().cpu().numpy(),
        }

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """answers: [P] of the probe.  bias: r."""
        return {"answers": self.answers(self.embed(probe)).cpu().numpy(), "bias": np.array(self.r)}

    def state(self) -> State:
        return super().state() | {"r": self.r}

    def load(self, state: State) -> None:
        super().load(state)
        self.r = state["r"]


class OcCNN(OnAutoencoder):
    card = cards.OC_CNN

    def make_head(self) -> nn.Module:
        return nn.Sequential(nn.ReLU(), nn.Linear(self.width, 2))

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Prepare(self), Pretrain(self), TrainOcCnn(self)]

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """[N, 2]: normal, noise."""
        return self.head(instance_normalised(self.embed(images)))

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        logits = self.logits(images)
        return {"log-odds": log_odds(logits), "noise": noise_probability(logits)}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """contributions: [B, D], what each feature adds to the log-odds; with rest, [B], they sum to it.

        features: [B, D], normalised and rectified.
        """
        linear = self.head[1]
        features = instance_normalised(self.embed(images)).relu()
        return {
            "contributions": features * (linear.weight[1] - linear.weight[0]),
            "rest": (linear.bias[1] - linear.bias[0]).expand(len(features)),
            "features": features,
        }

    def portrait(self, task: TaskTensors) -> Arrays:
        """log_odds: [n] of the training images, and noise_log_odds: [500] of noise.  weights: [D], of the log-odds.

        trainable: which layers of the encoder have trained with the classifier.
        """
        noise, head = (
            self.knobs.spread * torch.randn(500, self.width, generator=torch.Generator().manual_seed(0)),
            self.head,
        )
        with torch.inference_mode():
            told = log_odds(head(noise.to(self.device)))
        return {
            "log_odds": log_odds(self.logits(task.train)).cpu().numpy(),
            "noise_log_odds": told.cpu().numpy(),
            "weights": (head[1].weight[1] - head[1].weight[0]).detach().cpu().numpy(),
            "trainable": np.array(self.knobs.trainable),
        }

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """log_odds: [P] of the probe."""
        return {"log_odds": log_odds(self.logits(probe)).cpu().numpy()}
