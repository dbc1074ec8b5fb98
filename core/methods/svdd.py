"""Deep SVDD (Ruff et al., ICML 2018) and its extension to several centres and radii (Trivedi and Thirimanne, 2022).

The papers: Deep One-Class Classification; Multi Radius Deep One-Class Classification.

An encoder without biases maps images to points; training pulls normal images to a fixed centre, and an image is novel
by its distance. Where "normal" has several kinds, one ball also covers the empty space between them; multi-radius finds
the kinds by FINCH clustering (core/algorithms/finch.py) in the pre-trained embedding and gives each its own centre c_k
and radius R_k. Deep SVDD is the case K = 1.

Scores: `boundary` min_k(|phi(x) - c_k|^2 - R_k^2); `distance` min_k |phi(x) - c_k|^2; `relative`
min_k |phi(x) - c_k| / R_k.

Differs from the papers:
1. Radii are the (1 - nu)-quantile over ALL training images of a cluster, in evaluation mode, once an epoch after
   warm-up; the published codes take the quantile of each mini-batch, which jitters by up to 16 %.
2. Multi-radius averages the soft-boundary objective over the clusters present in a batch, with the cluster's own image
   count: the report's formula lacks the sum, and only this form has the per-cluster quantile as its minimiser. Absent
   clusters are skipped.
3. Clusters come from FINCH, as the report says; its code trains on the hidden classes, as `labels = classes` does.
4. An image is scored by the ball that covers it best; the report's code takes the ball of the nearest centre.
5. The constants of the contrast normalisation are the task's training images'; the published codes copy one class's.
6. 10 % of the official training images are held out for the threshold.
7. The papers' networks take images of 28 x 28 and 32 x 32. Those for 8 x 8 and for sides from 16 to 64 are ours
   (core/networks/lenet.py), with smaller batches and more epochs, as such sets are small.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from core.algorithms import finch
from core.algorithms.contrast import contrast_normalised, into_unit_range
from core.errors import RunFailed
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import svdd as cards
from core.networks import lenet
from core.training import Adam, Descent, DetectorStage, Progress, Redrawing, Stage, TaskTensors, batches, descend
from core.training.loop import State

CENTRE_GAP = 0.1  # no coordinate of a centre lies nearer to 0: a bias-free network could reach 0 with zero weights
GALLERY = 8  # nearest and farthest training images kept per cluster


# --- objectives: squared distances [B] -> scalar ----------------------------------------------------------------------


def one_class_objective(squared: Tensor) -> Tensor:
    """Mean squared distance to the centre.  Deep SVDD, eq. 4 (its weight decay is the optimiser's)."""
    return squared.mean()


def soft_boundary_objective(squared: Tensor, clusters: Tensor, radii: Tensor, nu: float) -> Tensor:
    """Mean over the clusters present of R_k^2 + 1 / (nu m_k) sum_i max(0, d_i^2 - R_k^2).

    squared: [B], to each image's own centre.  clusters: int64 [B].  radii: [K].  With K = 1: Deep SVDD, eq. 3.
    """
    outside = (squared - radii[clusters].square()).clamp(min=0)
    sizes = torch.zeros_like(radii).index_add_(0, clusters, torch.ones_like(squared))
    sums = torch.zeros_like(radii).index_add(0, clusters, outside)
    each = radii.square() + sums / (nu * sizes.clamp(min=1))
    return each[sizes > 0].mean()


def boundary_radius(squared: Tensor, nu: float) -> Tensor:
    """The radius that minimises the soft-boundary objective at fixed weights: a share `nu` of the images stays outside.

    squared: [N] squared distances.  nu: in (0, 1].  Returns a scalar in units of the embedding.
    """
    return squared.sqrt().quantile(1 - nu)


def centre_of(points: Tensor) -> Tensor:
    """Mean of [N, D], each coordinate at least 0.1 away from 0.  Deep SVDD, section 3.3; an exact 0 goes to +0.1."""
    centre = points.mean(0)
    away = torch.where(centre < 0, -CENTRE_GAP, CENTRE_GAP)
    return torch.where(centre.abs() < CENTRE_GAP, away, centre)


# --- scores: squared distances [B, K] to all centres, radii [K] -> [B] ------------------------------------------------


def boundary(squared: Tensor, radii: Tensor) -> Tensor:
    """min_k (d_k^2 - R_k^2); above 0 is outside every ball.  Report, section 3."""
    return (squared - radii.square()).amin(1)


def relative(squared: Tensor, radii: Tensor) -> Tensor:
    """min_k d_k / R_k; above 1 is outside every ball."""
    return (squared.sqrt() / radii.clamp(min=1e-12)).amin(1)


def collapse(spread: float, radii: Tensor, centres: Tensor) -> str | None:
    """A sentence where the embedding has shrunk to points, else None.

    spread: mean standard deviation of its coordinates.
    """
    if spread < 1e-3:
        return (
            f"Collapsed: all images have nearly the same embedding (mean standard deviation {spread:.2g}), "
            "so the score says nothing."
        )
    if len(centres) > 1:
        nearest = torch.pdist(centres).min()
        if radii.max() < 1e-2 * nearest:
            return (
                f"Collapsed: the clusters have shrunk to points (largest radius {radii.max():.2g}, "
                f"nearest centres {nearest:.2g} apart)."
            )
    return None


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
    """The autoencoder whose encoder Deep SVDD starts from: squared error, summed over pixels, mean over the batch."""

    def __init__(self, detector: "DeepSVDD") -> None:
        super().__init__(detector)
        self.drop = self.knobs.pretrain_rate_drop

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        networks = self.detector.networks.parameters()
        self.adam = Adam(networks, self.knobs.pretrain_rate, weight_decay=self.knobs.pretrain_weight_decay, fused=True)

    def epoch(self, number: int) -> dict[str, float]:
        self.set_rate(number, self.knobs.pretrain_rate)
        return self.learn(self.knobs.batch_size)


class Centre(DetectorStage):
    """The centre: the mean embedding of the training images, in evaluation mode."""

    def epoch(self, number: int) -> dict[str, float]:
        self.detector.find_clusters(self.task, self.progress)
        return {"clusters": float(len(self.detector.centres))}


class Cluster(Centre):
    """Clusters of the pre-trained embedding, and their centres."""


class Train(Descent):
    """Minimises the one-class or the soft-boundary objective; clusters and centres stay fixed."""

    def __init__(self, detector: "DeepSVDD") -> None:
        super().__init__(detector)
        self.drop = self.knobs.rate_drop

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        encoder = self.detector.encoder.parameters()
        self.adam = Adam(encoder, self.knobs.learning_rate, weight_decay=self.knobs.weight_decay, fused=True)

    @property
    def steady(self) -> bool:  # type: ignore[override]  # the soft boundary's radii are others after each epoch
        return not self.soft

    @property
    def soft(self) -> bool:
        return self.knobs.objective == "soft-boundary"

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        detector, own = self.detector, self.detector.clusters[batch]
        embedding = detector.encoder(detector.prepared(self.task.train[batch]))
        squared = (embedding - detector.centres[own]).square().sum(1)
        objective = (
            soft_boundary_objective(squared, own, detector.radii, self.knobs.nu)
            if self.soft
            else one_class_objective(squared)
        )
        descend(objective, self.adam)
        return {"objective": objective.detach() * len(batch)}

    def epoch(self, number: int) -> dict[str, float]:
        self.set_rate(number, self.knobs.learning_rate)
        # After the warm-up the radii are those that minimise the objective at the present weights (report, section 3).
        if self.soft and number == 1 and self.knobs.warm_up == 0:
            self.measured(update=True)
        curves = self.learn(self.knobs.batch_size)
        # The one-class objective needs no radii while it trains: they are measured now and then for the picture only.
        if self.soft or number in (1, self.epochs) or number % 5 == 0:
            curves |= self.measured(update=self.soft and number >= self.knobs.warm_up)
        return curves

    def measured(self, update: bool) -> dict[str, float]:
        """Radii, share outside, spread of all training images in evaluation mode; `update` takes the radii over."""
        detector = self.detector
        embedding = detector.embed(self.task.train)
        radii, squared = detector.radii_of(embedding)
        if update:
            detector.radii = radii
        curves = {f"radius {k}": float(radius) for k, radius in enumerate(radii[:20])}
        curves["mean distance"] = float(squared.sqrt().mean())
        curves["share outside"] = float((squared > detector.radii[detector.clusters].square()).float().mean())
        curves["spread"] = float(embedding.std(0).mean())
        return curves


class Measure(DetectorStage):
    """Final radii over all training images, in evaluation mode, for both objectives."""

    def epoch(self, number: int) -> dict[str, float]:
        detector = self.detector
        embedding = detector.embed(self.task.train, self.progress)
        detector.radii, squared = detector.radii_of(embedding)
        detector.collapsed = collapse(float(embedding.std(0).mean()), detector.radii, detector.centres)
        return {"mean distance": float(squared.sqrt().mean())}


# --- detectors --------------------------------------------------------------------------------------------------------


class DeepSVDD(Detector):
    """One centre, one radius."""

    card = cards.DEEP_SVDD
    cluster_stage: type[Centre] = Centre

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape)
        self.networks = nn.ModuleDict(
            {"encoder": lenet.encoder(shape, knobs.leak), "decoder": lenet.decoder(shape, knobs.leak)}
        )
        lenet.initialise(self.networks, shape)
        # Twice as fast as the default order on a CPU: these convolutions have few channels.
        self.networks.to(memory_format=torch.channels_last)
        self.bounds = (0.0, 1.0)
        self.centres = torch.zeros(1, lenet.embedding_size(shape))
        self.radii = torch.zeros(1)
        self.clusters = torch.zeros(0, dtype=torch.int64)  # of each training image
        self.partition: State = {}

    @property
    def encoder(self) -> nn.Module:
        return self.networks["encoder"]

    def to(self, device: torch.device) -> "DeepSVDD":
        self.device = device
        self.networks.to(device)
        self.centres, self.radii, self.clusters = (
            self.centres.to(device),
            self.radii.to(device),
            self.clusters.to(device),
        )
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Prepare(self), Pretrain(self), self.cluster_stage(self), Train(self), Measure(self)]

    def prepared(self, images: Tensor) -> Tensor:
        """Contrast-normalised and mapped so that the training images span [0, 1]; others may leave it, unclipped."""
        pixels = into_unit_range(contrast_normalised(images), self.bounds)
        return pixels.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def embed(self, images: Tensor, progress: Progress | None = None) -> Tensor:
        """Embeddings [N, D] of uint8 images, in evaluation mode."""
        self.networks.eval()
        embedding = torch.cat(
            [self.encoder(self.prepared(part)) for part in self._told(images, progress or Progress())]
        )
        if not torch.isfinite(embedding).all():
            raise RunFailed(
                "The training diverged: an embedding is no longer a number. Choose a smaller learning rate."
            )
        return embedding

    def _told(self, images: Tensor, progress: Progress) -> Iterator[Tensor]:
        for part in images.split(4096):
            progress.step(len(part))
            yield part

    def find_clusters(self, task: TaskTensors, progress: Progress) -> None:
        """One cluster with all training images."""
        self._set_clusters(self.embed(task.train, progress), np.zeros(len(task.train), dtype=np.int64))

    def _set_clusters(self, embedding: Tensor, labels: np.ndarray) -> None:
        self.clusters = torch.from_numpy(labels).to(self.device)
        self.centres = torch.stack([centre_of(embedding[self.clusters == k]) for k in range(int(labels.max()) + 1)])
        self.radii = torch.zeros(len(self.centres), device=self.device)

    def radii_of(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """(radius of each cluster [K], squared distance of each training image to its own centre [n])."""
        squared = (embedding - self.centres[self.clusters]).square().sum(1)
        return torch.stack(
            [boundary_radius(squared[self.clusters == k], self.knobs.nu) for k in range(len(self.centres))]
        ), squared

    def squared_distances(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(squared distances [B, K] to all centres, embeddings [B, D])."""
        embedding = self.embed(images)
        # Without the expansion |a|^2 + |b|^2 - 2ab: near a centre it would lose all digits.
        return (embedding[:, None] - self.centres).square().sum(2), embedding

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        squared, _ = self.squared_distances(images)
        return {
            "boundary": boundary(squared, self.radii),
            "distance": squared.amin(1),
            "relative": relative(squared, self.radii),
        }

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """embedding: [B, D].  distances: to all centres [B, K]; radii: of all balls, [B, K], the same for every image.

        nearest, deciding: the nearest centre and the ball that decided, [B].
        """
        squared, embedding = self.squared_distances(images)
        deciding = (squared - self.radii.square()).argmin(1)
        return {
            "embedding": embedding,
            "distances": squared.sqrt(),
            "radii": self.radii.expand(len(squared), -1),
            "nearest": squared.argmin(1),
            "deciding": deciding,
        }

    def portrait(self, task: TaskTensors) -> Arrays:
        """The balls, the training images among them, and what FINCH found.

        centres [K, D], radii [K], clusters [n] and distances [n] of the training images to their own centre; near and
        far: training images [K, <= 8] by number with their pictures; the FINCH hierarchy.
        """
        _, squared = self.radii_of(self.embed(task.train))
        order = squared.argsort().cpu().numpy()
        own = self.clusters.cpu().numpy()
        members = [order[own[order] == k] for k in range(len(self.centres))]
        count = min(GALLERY, *(len(each) for each in members))
        near, far = np.stack([each[:count] for each in members]), np.stack([each[::-1][:count] for each in members])
        pictures = task.train.cpu().numpy()
        return {
            "centres": self.centres.cpu().numpy(),
            "radii": self.radii.cpu().numpy(),
            "clusters": own.astype(np.int32),
            "distances": squared.sqrt().cpu().numpy(),
            "near": near,
            "far": far,
            "near_images": pictures[near],
            "far_images": pictures[far],
            **{name: np.asarray(value) for name, value in self.partition.items()},
        }

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """Of the probe: embedding [P, D] float16, distances [P, K] to all centres; radii [K] in the objective."""
        squared, embedding = self.squared_distances(probe)
        return {
            "embedding": embedding.half().cpu().numpy(),
            "distances": squared.sqrt().cpu().numpy(),
            "radii": self.radii.cpu().numpy(),
        }

    def state(self) -> State:
        return {
            "networks": dict(self.networks.state_dict()),
            "bounds": list(self.bounds),
            "centres": self.centres,
            "radii": self.radii,
            "clusters": self.clusters,
            "collapsed": self.collapsed,
            "partition": {
                name: value if isinstance(value, str) else torch.as_tensor(value)
                for name, value in self.partition.items()
            },
        }

    def load(self, state: State) -> None:
        self.networks.load_state_dict(state["networks"])
        self.bounds = (state["bounds"][0], state["bounds"][1])
        self.centres, self.radii, self.clusters = (
            state[name].to(self.device) for name in ("centres", "radii", "clusters")
        )
        self.collapsed = state["collapsed"]
        self.partition = {n: v if isinstance(v, str) else v.numpy() for n, v in state["partition"].items()}


class MultiRadiusSVDD(DeepSVDD):
    """A centre and a radius for each cluster."""

    card = cards.MULTI_RADIUS
    cluster_stage = Cluster

    def find_clusters(self, task: TaskTensors, progress: Progress) -> None:
        """Clusters by FINCH in the embedding, or the hidden classes; the hierarchy is kept for the page either way."""
        embedding = self.embed(task.train, progress)
        hierarchy = finch.finch(embedding)
        progress.step(0)
        knobs = self.knobs
        smallest = min(knobs.smallest or finch.minimum_size(len(embedding), knobs.nu), len(embedding))
        rule = {"auto": "auto", "level": knobs.level, "clusters": "K"}[knobs.partition]
        choice = finch.choose(embedding, hierarchy, rule, knobs.clusters, smallest)
        labels, sentence = choice.labels, choice.sentence
        if knobs.labels == "classes":
            assert task.labels is not None, "the card refuses scenarios that hide their classes"
            labels = np.unique(task.labels.cpu().numpy(), return_inverse=True)[1]
            sentence = "Clusters are the hidden classes, which a method without labels could not know."
        self._set_clusters(embedding, labels)
        self.partition = {
            "level_labels": np.stack(hierarchy.labels).astype(np.int32),
            "level_counts": np.array(hierarchy.counts),
            "level_smallest": np.array(hierarchy.smallest),
            "level_silhouettes": np.array(choice.silhouettes, dtype=np.float32),
            "level_chosen": np.array(choice.level if knobs.labels == "finch" else -1),
            "sentence": sentence,
        }
