"""Isolation forest: a novel image is parted from the others by few random cuts.

Paper: F. T. Liu, K. M. Ting, Z.-H. Zhou, Isolation Forest, ICDM 2008.

Each tree cuts a small draw of the training images at a random value of a random pixel, again and again, until every
image is alone. An image that few cuts part from the rest is unlike them. A pixel that never varies in the draw is never
cut, so what happens there goes unseen.

scikit-learn grows the trees; what a score needs is kept as tensors and walked here, all images and trees at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

WALKERS = 1 << 20  # pairs of image and tree walked at once


@dataclass(frozen=True, eq=False)
class IsolationForest:
    """T trees as flat arrays over their M nodes.

    roots: int64 [T].  children: int64 [M, 2], where a value at most the threshold and one above it go; a leaf's are
    itself.  features: int64 [M], the column that is cut.  thresholds: float64 [M].
    lengths: float64 [M], of a leaf: cuts above it, and those expected to part the training images left in it.
    depth: cuts on the longest path.  expected: mean number of cuts to part one image of a draw, c(draw).
    """

    roots: Tensor
    children: Tensor
    features: Tensor
    thresholds: Tensor
    lengths: Tensor
    depth: int
    expected: float

    @classmethod
    def fit(cls, rows: Tensor, trees: int = 100, draw: int = 256, seed: int = 0) -> "IsolationForest":
        """Trees for [N, D], each from at most `draw` rows, drawn without replacement.  Liu et al., algorithm 1."""
        from sklearn.ensemble import IsolationForest as Grower

        grower = Grower(n_estimators=trees, max_samples=min(draw, len(rows)), random_state=seed)
        grown = [each.tree_ for each in grower.fit(rows.float().cpu().numpy()).estimators_]
        flat = {
            name: torch.cat([torch.from_numpy(getattr(each, name).copy()) for each in grown])
            for name in ("children_left", "children_right", "feature", "threshold", "n_node_samples")
        }
        sizes = torch.tensor([each.node_count for each in grown])
        roots = sizes.cumsum(0) - sizes
        children = torch.stack([flat["children_left"], flat["children_right"]], 1)
        itself = torch.arange(len(children))[:, None]
        children = torch.where(children < 0, itself, children + roots.repeat_interleave(sizes)[:, None])
        depths = _depths(roots, children)
        feature, threshold = flat["feature"].clamp(min=0), flat["threshold"]
        arrays = roots, children, feature, threshold, depths + expected_cuts(flat["n_node_samples"])
        roots, children, feature, threshold, lengths = (each.to(rows.device) for each in arrays)
        expected = float(expected_cuts(torch.tensor([min(draw, len(rows))])))
        return cls(roots, children, feature, threshold, lengths, int(depths.max()), expected)

    def path_lengths(self, rows: Tensor) -> Tensor:
        """h(x) of every tree, in cuts: [N, D] -> float64 [N, T].  Liu et al., algorithm 3."""
        return torch.cat([self._walked(part) for part in rows.split(max(1, WALKERS // len(self.roots)))])

    def score(self, rows: Tensor) -> Tensor:
        """2^(-E[h(x)] / c): float64 [N] in (0, 1), higher = more novel; 0.5 is as usual.  Liu et al., eq. 2."""
        return anomaly(self.path_lengths(rows).mean(1), self.expected)

    def _walked(self, rows: Tensor) -> Tensor:
        rows = rows.float()  # the trees were grown in float32
        nodes = self.roots.expand(len(rows), -1)
        for _ in range(self.depth):
            above = rows.gather(1, self.features[nodes]) > self.thresholds[nodes]
            nodes = torch.where(above, self.children[nodes, 1], self.children[nodes, 0])
        return self.lengths[nodes]


def anomaly(length: Tensor, expected: float) -> Tensor:
    """2^(-E[h(x)] / c).  Liu et al., eq. 2.  Where a draw is one image, nothing is parted and every score is 0.5."""
    return 2 ** -(length / expected) if expected else torch.full_like(length, 0.5)


def expected_cuts(count: Tensor) -> Tensor:
    """c(n), mean cuts that part one of n images: 2 H(n - 1) - 2 (n - 1) / n, 1 for two, 0 for one.  Liu et al., eq. 1.

    H(i) is taken as ln i + 0.5772..., as in the paper and in scikit-learn.
    """
    many = count.clamp(min=3).double()
    cuts = 2 * ((many - 1).log() + np.euler_gamma) - 2 * (many - 1) / many
    return torch.where(count > 2, cuts, (count - 1).clamp(min=0).double())


def _depths(roots: Tensor, children: Tensor) -> Tensor:
    """Cuts above each node, int64 [M]."""
    depths = torch.zeros(len(children), dtype=torch.int64)
    nodes, depth = roots, 0
    while len(nodes):
        depths[nodes] = depth
        below = children[nodes]
        nodes, depth = below[below != nodes[:, None]], depth + 1
    return depths
