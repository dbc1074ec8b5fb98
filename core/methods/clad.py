"""CLAD: What is Wrong with One-Class Anomaly Detection?, Park et al., ICLR 2021 workshop on security and safety.

One region around everything normal also covers the gaps between its kinds. CLAD finds the kinds without labels (an
autoencoder, then deep embedded clustering: core/algorithms/dec.py), trains an ordinary classifier to tell them apart,
and calls an image novel by how little that classifier believes any kind (core/algorithms/odin.py).

Scores: `odin`, `temperature` and `softmax`, minus the logarithm of the largest class probability, at a temperature
after ODIN's step, at that temperature, and at 1; `energy` and `logit`, of the raw outputs; `embedding-distance`, to the
nearest centre, which needs no classifier.

Differs from the paper's code:
1. The autoencoder is plain: its code draws a noise scale that no KL term holds back. It redraws pixels in [0, 1], where
   its code asks a sigmoid to redraw standardised ones. Batches are shuffled.
2. The target of the clustering is made of the whole training set, as in the paper on clustering; its code takes one
   mini-batch. Clustering runs in evaluation mode, so target, assignment and labels are of one and the same network.
3. A cluster with under 0.5 % of the images joins its nearest neighbour: a class of few images can't be learned.
4. The step of ODIN is in pixel units, as ODIN's; its code multiplies it by 161. Six steps are kept, from one gradient,
   so the step can be changed later. It is chosen on held-out normal images by their confidence, never on the test set.
5. Pixels are standardised by mean and deviation of the training images, not of per-class means.
6. Nothing is scored in training mode, and an AUROC below 0.5 stays below 0.5.
7. 10 % of the official training images are held out for threshold and step.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.algorithms import dec, odin
from core.algorithms.kmeans import kmeans
from core.errors import RunFailed
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import clad as cards
from core.networks import convolutional, resnet
from core.training import (
    SGD,
    Adam,
    Descent,
    DetectorStage,
    Progress,
    Stage,
    TaskTensors,
    batches,
    descend,
    load_optimiser,
)
from core.training.loop import State

GALLERY = 8  # most and least confident training images kept per cluster

# --- stages -----------------------------------------------------------------------------------------------------------


class Prepare(DetectorStage):
    """Mean and deviation of the pixels of each channel, over the training images."""

    def epoch(self, number: int) -> dict[str, float]:
        images, detector = self.task.train, self.detector
        sums = torch.zeros(2, images.shape[1], dtype=torch.float64, device=images.device)
        for batch in batches(images, 4096, self.progress, shuffle=False):
            values = images[batch].double() / 255
            sums += torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
        mean, square = sums / (len(images) * images[0, 0].numel())
        spread = (square - mean.square()).clamp(min=0).sqrt()
        # Where all pixels are equal there is nothing to divide by.
        detector.mean, detector.deviation = mean.float(), torch.where(spread < 1e-6, 1.0, spread).float()
        return {"mean": float(mean.mean()), "deviation": float(spread.mean())}


class Autoencoder(Descent):
    """Encoder and decoder learn to redraw the images: mean squared error."""

    steady = True

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        weights = [each for name in ("encoder", "decoder") for each in self.detector.networks[name].parameters()]
        self.adam = Adam(weights, self.knobs.pretrain_rate, fused=True)

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        images, networks = self.detector.pixels(self.task.train[batch]), self.detector.networks
        loss = F.mse_loss(networks["decoder"](networks["encoder"](images)), images)
        descend(loss, self.adam)
        return {"reconstruction": loss.detach() * len(batch)}

    def epoch(self, number: int) -> dict[str, float]:
        return self.learn(self.knobs.encoder_batch_size)


class Centres(DetectorStage):
    """k-means on the embeddings of the training images: the centres that clustering starts from."""

    def epoch(self, number: int) -> dict[str, float]:
        detector = self.detector
        codes = detector.embed(self.task.train, self.progress)
        found = kmeans(codes, self.knobs.clusters, torch.default_generator)  # seeded by the loop
        detector.centres, detector.into = found.centres, torch.arange(len(found.centres), device=detector.device)
        detector.clusters, detector.first_sureness = _labelled(dec.log_soft_assignment(codes, found.centres))
        return {"distance": (found.inertia / len(codes)) ** 0.5} | _shares(detector.clusters, len(found.centres))


class Cluster(DetectorStage):
    """Deep embedded clustering: encoder and centres descend on the divergence from a target made of their own guess."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        detector = self.detector
        detector.centres.requires_grad_()
        weights = [*detector.networks["encoder"].parameters(), detector.centres]
        self.descent = SGD(weights, self.knobs.cluster_rate, momentum=0.9)

    def epoch(self, number: int) -> dict[str, float]:
        detector = self.detector
        if number == 1:
            self.aim(detector.log_assignment(self.task.train))
        detector.networks.eval()
        total = torch.zeros((), device=detector.device)
        for batch in batches(self.task.train, self.knobs.encoder_batch_size, self.progress):
            codes = detector.networks["encoder"](detector.pixels(self.task.train[batch]))
            each = dec.divergence(self.target[batch], dec.log_soft_assignment(codes, detector.centres))
            descend(each.mean(), self.descent)
            total += each.detach().sum()
        log_assignment = detector.log_assignment(self.task.train)
        detector.clusters, sureness = _labelled(log_assignment)
        curves = {"divergence": float(total) / len(self.task.train), "sureness": float(sureness.mean())}
        curves |= _shares(detector.clusters, self.knobs.clusters)
        if number % self.knobs.interval == 0:
            curves["changed"] = dec.changed(self.aimed, detector.clusters)
            self.settled = curves["changed"] < self.knobs.tolerance
            self.aim(log_assignment)
        return curves

    def aim(self, log_assignment: Tensor) -> None:
        """Make the target anew; `aimed` are the clusters that it was made of."""
        self.target, self.aimed = dec.target(log_assignment.exp()), log_assignment.argmax(1)

    def end(self) -> None:
        detector = self.detector
        detector.centres = detector.centres.detach()
        fed = dec.without_starved(detector.clusters, detector.centres)
        detector.into, detector.merged = fed.into, fed.sentence or ""
        detector.collapsed = dec.collapse(fed.into[detector.clusters])
        if len(fed.kept) < 2:
            raise RunFailed(
                f"{detector.collapsed} Train the autoencoder for more epochs, or choose another number of clusters."
            )

    def state(self) -> State:
        return {"descent": self.descent.state_dict(), "target": self.target, "aimed": self.aimed}

    def load(self, state: State) -> None:
        load_optimiser(self.descent, state["descent"])
        self.target, self.aimed = (state[name].to(self.detector.device) for name in ("target", "aimed"))


class Classifier(Descent):
    """A ResNet-18 learns to tell the clusters apart, as if they were classes: cross-entropy."""

    steady = True

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        detector = self.detector
        detector.set_classes(int(detector.into.max()) + 1)
        self.labels = detector.into[detector.clusters]
        self.held_out = detector.into[detector.log_assignment(task.valid).argmax(1)]
        self.adam = Adam(detector.classifier.parameters(), self.knobs.learning_rate, fused=True)

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        logits = self.detector.classifier(self.detector.standardised(self.task.train[batch]))
        loss = F.cross_entropy(logits, self.labels[batch])
        descend(loss, self.adam)
        right = (logits.detach().argmax(1) == self.labels[batch]).sum()
        return {"cross-entropy": loss.detach() * len(batch), "accuracy": right}

    def epoch(self, number: int) -> dict[str, float]:
        self.detector.folded = None
        curves = self.learn(self.knobs.batch_size)
        held_out = self.detector.logits(self.task.valid).argmax(1)
        return curves | {"held-out accuracy": float((held_out == self.held_out).float().mean())}


class Measure(DetectorStage):
    """Doubt of each training image, and the mean confidence of held-out images after each step."""

    def epoch(self, number: int) -> dict[str, float]:
        detector = self.detector
        detector.doubt = odin.unconfidence(detector.logits(self.task.train, self.progress)).float()
        detector.choose_step(self.task.valid)
        return {f"confidence after {e:g}": c for e, c in zip(cards.EPSILONS, detector.confidences, strict=True)}


def _labelled(log_assignment: Tensor) -> tuple[Tensor, Tensor]:
    """(cluster of each image [N], how much it belongs there [N], in (0, 1])."""
    most, clusters = log_assignment.max(1)
    return clusters, most.exp()


def _shares(clusters: Tensor, count: int) -> dict[str, float]:
    """What the clustering is watched by: clusters with any image, smallest and largest share of the images."""
    shares = clusters.bincount(minlength=count) / len(clusters)
    told = {"clusters": (shares > 0).sum(), "smallest share": shares.min(), "largest share": shares.max()}
    return {name: float(value) for name, value in told.items()}


# --- detector ---------------------------------------------------------------------------------------------------------


class Clad(Detector):
    """Encoder and centres that make the kinds, and the classifier that is asked about them."""

    card = cards.CLAD
    chunk = 512  # the gradient keeps every layer of these in memory
    TENSORS = ("mean", "deviation", "centres", "into", "clusters", "first_sureness", "doubt")
    PLAIN = ("confidences", "best_step", "measured_at", "merged", "collapsed")

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        networks = {
            "encoder": convolutional.encoder(shape, knobs.latent, knobs.network, knobs.dropout),
            "decoder": convolutional.decoder(shape, knobs.latent, knobs.network),
            "classifier": resnet.resnet18(shape[0], knobs.clusters, knobs.stem, knobs.width),
        }
        for name in ("encoder", "decoder"):
            convolutional.initialise(networks[name])
        self.networks = nn.ModuleDict(networks).to(memory_format=torch.channels_last)
        self.mean, self.deviation = torch.zeros(shape[0]), torch.ones(shape[0])
        self.centres = torch.zeros(knobs.clusters, knobs.latent)
        self.into = torch.arange(knobs.clusters)  # the class of each cluster, after starved ones were merged
        self.clusters = torch.zeros(0, dtype=torch.int64)  # of each training image
        self.first_sureness = torch.zeros(0)  # how much each belonged to its cluster before deep clustering
        self.doubt = torch.zeros(0)  # the score `softmax` of each training image
        self.merged = ""  # who was merged, as a sentence
        self.confidences = [0.0] * len(cards.EPSILONS)
        self.best_step, self.measured_at = 0, knobs.temperature  # the best step of that temperature
        self.folded: nn.Module | None = None  # the classifier as `asked`, from when it is asked to when it changes

    @property
    def classifier(self) -> nn.Module:
        return self.networks["classifier"]

    @property
    def asked(self) -> nn.Module:
        """The trained classifier as it is asked: in evaluation mode, its batch normalisations folded in."""
        if self.folded is None:
            self.folded = resnet.folded(self.classifier)
        return self.folded

    def set_classes(self, count: int) -> None:
        """A last layer for so many classes, a new one where the number has changed."""
        self.folded = None
        last: nn.Linear = self.classifier.fc  # type: ignore[assignment]
        if last.out_features != count:
            self.classifier.fc = nn.Linear(last.in_features, count).to(self.device)

    def to(self, device: torch.device) -> "Clad":
        self.device, self.folded = device, None
        self.networks.to(device)
        for name in self.TENSORS:
            setattr(self, name, getattr(self, name).to(device))
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Prepare(self), Autoencoder(self), Centres(self), Cluster(self), Classifier(self), Measure(self)]

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32 in [0, 1], as autoencoder and clustering take them."""
        return (images.float() / 255).contiguous(memory_format=torch.channels_last)

    def standardised(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> float32 of mean 0 and deviation 1 over the training images, for the classifier."""
        return (self.pixels(images) - self.mean.view(-1, 1, 1)) / self.deviation.view(-1, 1, 1)

    @torch.no_grad()
    def embed(self, images: Tensor, progress: Progress | None = None) -> Tensor:
        """Embeddings [N, D] of uint8 images, in evaluation mode."""
        codes = self._in_parts(lambda part: self.networks["encoder"](self.pixels(part)), images, progress)
        if not torch.isfinite(codes).all():
            raise RunFailed(
                "The training diverged: an embedding is no longer a number. "
                "Choose a smaller learning rate of the autoencoder or of the clustering."
            )
        return codes

    @torch.no_grad()
    def log_assignment(self, images: Tensor) -> Tensor:
        """log q, [N, k]: how much uint8 images belong to each cluster."""
        return dec.log_soft_assignment(self.embed(images), self.centres)

    @torch.no_grad()
    def logits(self, images: Tensor, progress: Progress | None = None) -> Tensor:
        """The classifier's outputs [N, K] for uint8 images, in evaluation mode."""
        return self._in_parts(lambda part: self.classifier(self.standardised(part)), images, progress)

    def logits_on_grid(self, images: Tensor, epsilons: tuple[float, ...]) -> Tensor:
        """The same after each step of ODIN: [N, E, K]."""

        def stepped(part: Tensor) -> Tensor:
            prepared = self.standardised(part)
            return odin.logits_on_grid(self.asked, prepared, epsilons, self.knobs.temperature, self.deviation)

        return self._in_parts(stepped, images)

    def _in_parts(
        self, compute: Callable[[Tensor], Tensor], images: Tensor, progress: Progress | None = None
    ) -> Tensor:
        self.networks.eval()
        told = batches(images, self.chunk, progress or Progress(), shuffle=False)
        return torch.cat([compute(images[batch]) for batch in told])

    def choose_step(self, held_out: Tensor) -> None:
        """Measure the confidence of held-out normal images after each step, and keep the best step."""
        grid = self.logits_on_grid(held_out, cards.EPSILONS)
        self.best_step, confidences = odin.surest(grid, self.knobs.temperature)
        self.confidences, self.measured_at = confidences.tolist(), self.knobs.temperature

    @property
    def step(self) -> int:
        """Place on the grid of the step that ODIN takes."""
        chosen = self.knobs.epsilon
        return self.best_step if chosen == cards.HELD_OUT else cards.EPSILONS.index(float(chosen))

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        still, moved = self.logits_on_grid(images, (0.0, cards.EPSILONS[self.step])).unbind(1)
        distances = torch.cdist(self.embed(images), self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        temperature = self.knobs.temperature
        return {
            "odin": odin.unconfidence(moved, temperature),
            "temperature": odin.unconfidence(still, temperature),
            "softmax": odin.unconfidence(still),
            "energy": odin.energy(still),
            "logit": odin.negative_logit(still),
            "embedding-distance": distances.amin(1),
        }

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """embedding: [B, D].  assignments: to each of the k clusters, rows sum to 1, [B, k].

        cluster: the one that they make, after merging, [B].  logits: after each step on the grid, [B, E, K], in the
        direction found at the temperature in use.  confidence: at temperature 1 without a step, [B].
        direction: of the step, of each pixel -1, 0 or 1, int8 [B, C, H, W].
        The same for every image: epsilons, the grid, [B, E]; step, the place on it that ODIN takes, and the
        temperature, [B] each.
        """
        codes, prepared, temperature = self.embed(images), self.standardised(images), self.knobs.temperature
        direction, still = odin.ascent(self.asked, prepared, temperature)
        logits = odin.after_steps(self.asked, prepared, direction, still, cards.EPSILONS, self.deviation)
        assignments = dec.log_soft_assignment(codes, self.centres).exp()
        return {
            "embedding": codes,
            "assignments": assignments,
            "cluster": self.into[assignments.argmax(1)],
            "logits": logits,
            "confidence": logits[:, 0].softmax(1).amax(1),
            "direction": direction.to(torch.int8),
            "epsilons": torch.tensor(cards.EPSILONS).expand(len(images), -1),
            "step": torch.full((len(images),), self.step),
            "temperature": torch.full((len(images),), temperature),
        }

    def portrait(self, task: TaskTensors) -> Arrays:
        """The kinds and what the classifier makes of them.

        centres [k, D]; into [k], what each has become by merging; sizes [K] of what is left; of the training images
        clusters [n], doubt [n] of the classifier, sureness_before and sureness_after [n], how much each belongs to its
        cluster before and after deep clustering; sure and unsure: training images [K, <= 8] by number with their
        pictures; epsilons [E] and confidences [E], the mean of held-out normal images; best_step; merged: a sentence.
        """
        _, sureness = _labelled(self.log_assignment(task.train))
        own, order = self.into[self.clusters].cpu().numpy(), self.doubt.argsort(stable=True).cpu().numpy()
        members = [order[own[order] == each] for each in range(int(self.into.max()) + 1)]
        count = min(GALLERY, *(len(each) for each in members))
        sure, unsure = np.stack([each[:count] for each in members]), np.stack([each[::-1][:count] for each in members])
        pictures = task.train.cpu().numpy()
        return {
            **{name: getattr(self, name).cpu().numpy() for name in ("centres", "into", "doubt")},
            "sizes": np.array([len(each) for each in members]),
            "clusters": own.astype(np.int32),
            "sureness_before": self.first_sureness.cpu().numpy(),
            "sureness_after": sureness.cpu().numpy(),
            **{"sure": sure, "unsure": unsure},
            **{"sure_images": pictures[sure], "unsure_images": pictures[unsure]},
            "epsilons": np.array(cards.EPSILONS),
            **{name: np.array(getattr(self, name)) for name in ("confidences", "best_step", "merged")},
        }

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """Of the clustering: embedding [P, D] and assignments [P, k] of the probe, centres [k, D]; float16.

        sizes: of the k clusters of the training images.
        """
        codes = self.embed(probe)
        assignments = dec.log_soft_assignment(codes, self.centres.detach()).exp()
        halves = {"embedding": codes, "assignments": assignments, "centres": self.centres.detach()}
        sizes = self.clusters.bincount(minlength=len(self.centres))
        return {name: value.half().cpu().numpy() for name, value in halves.items()} | {"sizes": sizes.cpu().numpy()}

    def set_knobs(self, knobs: cards.Knobs, task: Callable[[], TaskTensors]) -> None:
        self.knobs = knobs
        if knobs.epsilon == cards.HELD_OUT and knobs.temperature != self.measured_at:
            self.choose_step(task().valid.to(self.device))

    def state(self) -> State:
        return {
            "networks": dict(self.networks.state_dict()),
            **{name: getattr(self, name).detach() for name in self.TENSORS},
            **{name: getattr(self, name) for name in self.PLAIN},
        }

    def load(self, state: State) -> None:
        self.set_classes(len(state["networks"]["classifier.fc.bias"]))
        self.networks.load_state_dict(state["networks"])
        for name in self.TENSORS:
            setattr(self, name, state[name].to(self.device))
        # A state of before `measured_at` was kept has the step of its own temperature.
        for name, value in ({"measured_at": self.knobs.temperature} | state).items():
            if name in self.PLAIN:
                setattr(self, name, value)
