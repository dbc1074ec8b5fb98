"""Metric Learning for Novelty and Anomaly Detection, Masana, Ruiz, Serrat, van de Weijer and Lopez, BMVC 2018.

A softmax must share its belief among the known classes, so it is sure far from all of them. Here a network learns an
embedding instead, from pairs of images (core/algorithms/contrastive.py): images of one class are pulled together,
others pushed apart. Each known class becomes a tight cluster around its mean; an image near no mean is novel. With
out-of-distribution mining (ODM), pairs of a known and a seen foreign image push the foreign ones away as well.

Score: `distance`, squared, to the nearest class mean. The same network as an ordinary classifier is the comparison:
`softmax`, minus the logarithm of its largest class probability, and `odin` (core/algorithms/odin.py).

Differs from the authors' code:
1. The loss takes the squares of distance and margin, as Hadsell, Chopra and LeCun write it, and so does what the paper
   is believed to print; the code is linear. `power` 1 is the code's.
2. An image is never paired with itself. Partners from other classes are drawn evenly among all their images.
3. Pixels are divided by 255 everywhere; the code divides one of its sets by 256.
4. Every second batch meets seen images, counted through all epochs, not anew in each: small sets have few batches.
5. Networks for sides other than 32, from 8 to 64, are ours, as are the short presets. The 32 x 32 network is the
   published one where `width` is 0, in the quick preset a quarter as wide and, from 32 x 32 on, started by He's rule:
   with the published start the pairs of 20 classes were not parted after 6,000 steps.
6. 10 or 20 % of the training images are held out for the threshold; the code has none. ODIN's step is fixed before, not
   chosen with novel images.
7. "Mining" is drawing seen images at random, as in the code; no hard pairs are searched.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.algorithms import contrastive, odin
from core.algorithms.contrastive import FOREIGN, NEGATIVE, POSITIVE, SEEN, Pairs, Partners
from core.errors import RunFailed, WrongRequest
from core.knobs import Shape
from core.methods.base import Arrays, Detector
from core.methods.cards import metric as cards
from core.networks import vgg
from core.training import Adam, Descent, DetectorStage, Progress, Stage, TaskTensors, batches, descend
from core.training.loop import State

BINS = 40  # of the histogram of pair distances, from 0 to twice the margin
GALLERY = 6  # easiest and hardest pairs of each kind that are kept with their pictures
LABELS = (0, 1, FOREIGN)  # of the right image of each kind of pair, where the left one's is 0
KINDS = {POSITIVE: "positive", NEGATIVE: "negative", SEEN: "seen"}

# --- score ------------------------------------------------------------------------------------------------------------


def class_means(codes: Tensor, members: Tensor, count: int) -> Tensor:
    """mu_k, the mean embedding of each class: [n, D] and the class of each, 0..count - 1 -> [count, D]."""
    sums = torch.zeros(count, codes.shape[1], dtype=codes.dtype, device=codes.device).index_add_(0, members, codes)
    return sums / members.bincount(minlength=count).clamp(min=1)[:, None]


def distances_to(means: Tensor, codes: Tensor) -> Tensor:
    """Euclidean distances of embeddings [B, D] from class means [K, D]: [B, K]."""
    return torch.cdist(codes, means, compute_mode="donot_use_mm_for_euclid_dist")


# --- stages -----------------------------------------------------------------------------------------------------------


class Classes(DetectorStage):
    """Which classes are known: the numbers that the task gives them, and so the size of the twin's last layer."""

    def epoch(self, number: int) -> dict[str, float]:
        known = self.task.labels
        if known is None:
            raise WrongRequest("This method learns from the classes of its training images. Give it their labels.")
        self.detector.set_classes(known.unique())
        self.progress.step(len(known))
        return {"classes": float(len(self.detector.classes))}


class Supervised(Descent):
    """Learns with Adam and coupled weight decay, biases included, at a rate that drops twice to a tenth."""

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.members = self.detector.members(task)
        knobs = self.knobs
        weights = self.detector.network.parameters()
        self.adam = Adam(weights, knobs.learning_rate, weight_decay=knobs.weight_decay, fused=True)

    def set_rate(self, number: int, rate: float) -> None:
        passed = sum(0 < drop < number for drop in (self.knobs.first_drop, self.knobs.second_drop))
        self.adam.param_groups[0]["lr"] = rate * 0.1**passed


class Embedding(Supervised):
    """The contrastive loss of pairs, drawn anew each epoch; with seen images where the method mines them."""

    passes = 2  # each training image is on the left once, and as many images are on the right

    def begin(self, task: TaskTensors, progress: Progress) -> None:
        super().begin(task, progress)
        self.partners = Partners.of(self.members)
        self.seen = task.seen if self.detector.mines else None
        if self.detector.mines and (self.seen is None or not len(self.seen)):
            raise WrongRequest("Out-of-distribution mining needs seen foreign images. Give it some to learn from.")
        self.size = min(self.knobs.batch_size // 2, len(task.train) // 4 * 4)
        if not self.size:
            raise WrongRequest(f"{len(task.train)} training images make no batch of pairs. Give it at least 4.")

    def epoch(self, number: int) -> dict[str, float]:
        self.set_rate(number, self.knobs.learning_rate)
        self.detector.network.train()
        share = self.knobs.seen_share if self.detector.mines else 0.0
        foreign, first = 0 if self.seen is None else len(self.seen), (number - 1) * (len(self.members) // self.size)
        pairs = contrastive.epoch_of_pairs(self.partners, self.size, foreign, share, first)
        apart = self.learned(pairs)
        self.detector.pair_counts = histogram(apart, pairs.kind.to(apart.device), self.knobs.margin)
        return self.curves(apart, pairs.kind.to(apart.device))

    def learned(self, pairs: Pairs) -> Tensor:
        """The distance of each pair as it was learned from, [batches, P]."""
        seen, apart = (pairs.kind == SEEN).sum(1).tolist(), []
        left, right, kind = (each.to(self.task.device) for each in (pairs.left, pairs.right, pairs.kind))
        same = kind == POSITIVE
        for number, foreign in enumerate(seen):
            self.progress.step(2 * self.size)
            codes = self.detector.forward(self.images(left[number], right[number], foreign))
            distances = contrastive.distances(*codes.chunk(2))
            # No pair is of two foreign images, so each says something and the mean is that of all.
            cost = contrastive.cost(distances, same[number], self.knobs.margin, self.knobs.power)
            descend(0.5 * cost.mean(), self.adam)
            apart.append(distances.detach())
        return torch.stack(apart)

    def images(self, left: Tensor, right: Tensor, foreign: int) -> Tensor:
        """uint8 [2 P, C, H, W]: the left images, then the right ones, of which the last `foreign` are seen ones."""
        train, known = self.task.train, len(right) - foreign
        if not foreign:
            return torch.cat([train[left], train[right]])
        assert self.seen is not None, "pairs with seen images are drawn only where there are some"
        return torch.cat([train[left], train[right[:known]], self.seen[right[known:]]])

    def curves(self, apart: Tensor, kind: Tensor) -> dict[str, float]:
        """Of each kind of pair: mean cost, mean distance, and of those pushed apart the share within the margin."""
        told, margin, power = {}, self.knobs.margin, self.knobs.power
        left, right = torch.zeros_like(kind), torch.tensor(LABELS, device=kind.device)[kind]
        costs = contrastive.losses(apart, left, right, margin, power)
        told["loss"] = float(contrastive.mean_loss(costs, left, right))
        for each, name in KINDS.items():
            of = kind == each
            if of.any():
                told |= {name: float(costs[of].mean()), f"distance {name}": float(apart[of].mean())}
                if each != POSITIVE:
                    told[f"active {name}"] = float((apart[of] < margin).float().mean())
        return {name: float(f"{value:.5g}") for name, value in told.items()}  # enough to draw; a line an epoch is kept


def histogram(apart: Tensor, kind: Tensor, margin: float) -> Tensor:
    """Pairs of each kind by distance, int64 [3, BINS] from 0 to twice the margin; the last bin holds all beyond."""
    places = (apart / (2 * margin) * BINS).long().clamp(0, BINS - 1) + BINS * kind
    return places.flatten().bincount(minlength=3 * BINS).view(3, BINS)


class Means(DetectorStage):
    """The mean embedding of the training images of each class, without dropout and without any foreign image."""

    def epoch(self, number: int) -> dict[str, float]:
        detector, members = self.detector, self.detector.members(self.task)
        codes = detector.embed(self.task.train, self.progress)
        detector.means = class_means(codes, members, len(detector.classes))
        nearest = distances_to(detector.means, codes).argmin(1)
        between = torch.pdist(detector.means)
        if float(between.min()) < 0.01 * detector.knobs.margin:
            detector.collapsed = (
                "Collapsed: the means of two classes lie on one another. Train longer, or with another learning rate."
            )
        accuracy = float((nearest == members).float().mean())
        return {"accuracy": accuracy, "between means": float(between.mean())}


class Classifier(Supervised):
    """Cross-entropy of the known classes, on the same network."""

    def step(self, batch: Tensor) -> dict[str, Tensor]:
        logits = self.detector.forward(self.task.train[batch])
        loss = F.cross_entropy(logits, self.members[batch])
        descend(loss, self.adam)
        right = (logits.detach().argmax(1) == self.members[batch]).sum()
        return {"cross-entropy": loss.detach() * len(batch), "accuracy": right}

    def epoch(self, number: int) -> dict[str, float]:
        self.set_rate(number, self.knobs.learning_rate)
        return self.learn(self.knobs.batch_size)


# --- detectors --------------------------------------------------------------------------------------------------------


class Trunk(Detector):
    """The network and the known classes, which embedding and twin share."""

    def __init__(self, knobs: cards.NetworkKnobs, shape: Shape, outputs: int) -> None:
        super().__init__(knobs, shape)
        self.network = vgg.network(shape, outputs, knobs.dropout, knobs.width, knobs.he_start)
        self.classes = torch.zeros(0, dtype=torch.int64)  # the labels of the known classes, ascending

    @property
    def networks(self) -> nn.Module:
        return self.network

    def to(self, device: torch.device) -> "Trunk":
        self.device = device
        self.network.to(device)
        self.classes = self.classes.to(device)
        return self

    def set_classes(self, classes: Tensor) -> None:
        """Take the labels of the known classes, ascending."""
        self.classes = classes.to(self.device)

    def members(self, task: TaskTensors) -> Tensor:
        """Which known class each training image is of, by place among the classes, int64 [n]."""
        assert task.labels is not None, "the stage Classes has asked for labels"
        return torch.searchsorted(self.classes, task.labels.contiguous())

    def forward(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] -> what the network gives for pixels in [0, 1], [B, D]."""
        return self.network(images.float() / 255)

    @torch.no_grad()
    def embed(self, images: Tensor, progress: Progress | None = None) -> Tensor:
        """The network's outputs [N, D] for uint8 images, in evaluation mode."""
        self.network.eval()
        told = batches(images, self.chunk, progress or Progress(), shuffle=False)
        codes = torch.cat([self.forward(images[batch]) for batch in told])
        if not torch.isfinite(codes).all():
            raise RunFailed(
                "The training diverged: an embedding is no longer a number. Choose a smaller learning rate."
            )
        return codes

    def name_batch(self, images: Tensor) -> Tensor:
        return self.explain_batch(images)["nearest"]

    def portrait(self, task: TaskTensors) -> Arrays:
        """centres [K, D], the mean of each class; members [n], the class of each training image by its place."""
        members = self.members(task)
        means = class_means(self.embed(task.train), members, len(self.classes))
        return {"centres": means.cpu().numpy(), "members": members.cpu().numpy().astype("int32")}

    @torch.no_grad()
    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """embedding of the probe [P, D], float16."""
        return {"embedding": self.embed(probe).clamp(-6e4, 6e4).half().cpu().numpy()}

    def state(self) -> State:
        return {"network": dict(self.network.state_dict()), "classes": self.classes, "collapsed": self.collapsed}

    def load(self, state: State) -> None:
        self.set_classes(state["classes"])
        self.network.load_state_dict(state["network"])
        self.collapsed = state["collapsed"]


class MetricLearning(Trunk):
    """The embedding and the mean of each class."""

    card = cards.PLAIN
    mines = False

    def __init__(self, knobs: cards.Knobs, shape: Shape) -> None:
        super().__init__(knobs, shape, knobs.dimension)
        self.means = torch.zeros(0, knobs.dimension)
        self.pair_counts = torch.zeros(3, BINS, dtype=torch.int64)  # of the last epoch

    def to(self, device: torch.device) -> "MetricLearning":
        super().to(device)
        self.means, self.pair_counts = self.means.to(device), self.pair_counts.to(device)
        return self

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Classes(self), Embedding(self), Means(self)]

    def forward(self, images: Tensor) -> Tensor:
        codes = super().forward(images)
        return F.normalize(codes, dim=1) if self.knobs.normalised else codes

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        return {"distance": distances_to(self.means, self.embed(images)).amin(1).square()}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """embedding: [B, D].  distances: to each class mean, not squared, [B, K].  nearest: its place."""
        codes = self.embed(images)
        distances = distances_to(self.means, codes)
        return {"embedding": codes, "distances": distances, "nearest": distances.argmin(1)}

    def portrait(self, task: TaskTensors) -> Arrays:
        """Beside centres and members: the pairs of one more epoch, as the finished network sees them.

        pair_counts [3, BINS] by kind and distance, edges [BINS + 1]; of each kind K of pairs the hardest and easiest,
        pair_distances [K, 2, g], pair_images uint8 [K, 2, g, 2, C, H, W], pair_kinds [K].
        """
        found, members = super().portrait(task), self.members(task)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the same pairs for the same training images
            seen = task.seen if self.mines else None
            size = min(self.knobs.batch_size // 2, len(members) // 4 * 4)
            share = self.knobs.seen_share if self.mines else 0.0
            pairs = contrastive.epoch_of_pairs(Partners.of(members), size, 0 if seen is None else len(seen), share)
        left, right, kind = (each.flatten().to(task.device) for each in (pairs.left, pairs.right, pairs.kind))
        codes, foreign = self.embed(task.train), kind == SEEN
        partner = codes[right.clamp(max=len(codes) - 1)]
        if seen is not None:
            partner[foreign] = self.embed(seen[right[foreign]])
        apart = contrastive.distances(codes[left], partner)
        found |= self.gallery(apart, left, right, kind, task)
        counts = histogram(apart, kind, self.knobs.margin).cpu().numpy()
        edges = torch.linspace(0, 2 * self.knobs.margin, BINS + 1).numpy()
        return found | {"pair_counts": counts, "edges": edges}

    def gallery(self, apart: Tensor, left: Tensor, right: Tensor, kind: Tensor, task: TaskTensors) -> Arrays:
        """The hardest and the easiest pairs of each kind with their pictures."""
        kinds = kind.unique()
        count = min(GALLERY, *(int((kind == each).sum()) for each in kinds))
        shown = []
        for each in kinds:
            of = (kind == each).nonzero()[:, 0]
            # A pair is hard where the loss would move it: far apart for one class, close for others.
            order = of[apart[of].argsort(descending=bool(each == POSITIVE), stable=True)]
            shown.append(torch.stack([order[:count], order.flip(0)[:count]]))
        places = torch.stack(shown)  # [K, 2, g]
        source = task.train if task.seen is None else torch.cat([task.train, task.seen])
        partner = right + len(task.train) * (kind == SEEN)
        pictures = torch.stack([source[left[places]], source[partner[places]]], 3)
        named = {"pair_distances": apart[places], "pair_images": pictures, "pair_kinds": kinds}
        return {name: each.cpu().numpy() for name, each in named.items()}

    def snapshot(self, probe: Tensor, stage: str) -> Arrays:
        """embedding of the probe [P, D], float16; pair_counts of the epoch, int32 [3, BINS]."""
        return super().snapshot(probe, stage) | {"pair_counts": self.pair_counts.cpu().numpy().astype("int32")}

    def state(self) -> State:
        return super().state() | {"means": self.means}

    def load(self, state: State) -> None:
        super().load(state)
        self.means = state["means"].to(self.device)


class MetricMining(MetricLearning):
    """The same, with seen foreign images among the pairs."""

    card = cards.MINING
    mines = True


class SoftmaxTwin(Trunk):
    """The same network with an output for each known class."""

    card = cards.TWIN
    chunk = 512  # the gradient keeps every layer of these in memory

    def __init__(self, knobs: cards.TwinKnobs, shape: Shape) -> None:
        super().__init__(knobs, shape, 1)  # the last layer is made when the classes are known

    def set_classes(self, classes: Tensor) -> None:
        super().set_classes(classes)
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        if last.out_features != len(classes):
            self.network[-1] = vgg.last_layer(self.shape, last.in_features, len(classes), self.knobs.he_start).to(
                self.device
            )

    def make_stages(self, task: TaskTensors) -> list[Stage]:
        return [Classes(self), Classifier(self)]

    def logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs [B, K] for uint8 images as they are and after ODIN's step."""
        self.network.eval()
        pixels, whole = images.float() / 255, torch.ones(images.shape[1], device=images.device)
        grid = odin.logits_on_grid(
            self.network, pixels, (0.0, self.knobs.epsilon), self.knobs.temperature, whole
        )  # [B, 2, K]
        return grid[:, 0], grid[:, 1]

    def score_batch(self, images: Tensor) -> dict[str, Tensor]:
        still, moved = self.logits(images)
        return {"softmax": odin.unconfidence(still), "odin": odin.unconfidence(moved, self.knobs.temperature)}

    def explain_batch(self, images: Tensor) -> dict[str, Tensor]:
        """embedding: the outputs [B, K].  stepped: the same after ODIN's step, [B, K].  nearest: the likeliest class.

        The same for every image: epsilon and temperature, [B] each.
        """
        still, moved = self.logits(images)
        same = {"epsilon": self.knobs.epsilon, "temperature": self.knobs.temperature}
        return {"embedding": still, "stepped": moved, "nearest": still.argmax(1)} | {
            name: torch.full((len(images),), value) for name, value in same.items()
        }
