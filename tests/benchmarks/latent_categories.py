"""CLAD and the one-class baselines where one group of hidden classes is normal (CLAD, Table 1), on real images.

    python -m tests.benchmarks.latent_categories [--dataset mnist] [--groups CUR STR MIX] [--methods clad oc-svm ...]
        [--seeds 3] [--kept FILE] [--set clad:pretrain_epochs=6 clad:cluster_epochs=12 clad:epochs=2 ...]

Official split, 10 % of the training images held out, whole test set; quick presets but for what --set names. Methods
that no seed changes are fitted once. Prints the AUROC of every score of the card; what is done is kept in FILE, so a
second call goes on.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from core import data, knobs, methods, scenarios
from core.evaluation import auroc
from core.methods.base import build
from core.training import on_device

METHODS = (
    "nearest-neighbours",
    "pca-error",
    "gaussian",
    "local-outlier-factor",
    "isolation-forest",
    "oc-svm",
    "svdd",
    "oc-nn",
    "oc-cnn",
    "deep-svdd",
    "clad",
)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--dataset", default="mnist")
    words.add_argument("--scenario", default="latent-super-category")
    words.add_argument("--groups", nargs="+", default=["CUR", "STR", "MIX"])
    words.add_argument("--methods", nargs="+", default=METHODS)
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--kept", type=Path)
    words.add_argument("--set", nargs="+", default=[], metavar="METHOD:NAME=VALUE")
    asked = words.parse_args()
    kept = json.loads(asked.kept.read_text()) if asked.kept and asked.kept.exists() else {}
    changes: dict[str, dict[str, str]] = {}
    for each in asked.set:
        method, assignment = each.split(":", 1)
        changes.setdefault(method, {}).update(knobs.parse_assignments([assignment]))
    shape = data.entry(asked.dataset).shape
    for seed in range(asked.seeds):
        for group in asked.groups:
            spec = scenarios.task_spec(asked.dataset, asked.scenario, group, {"split": "official"})
            task = scenarios.build(spec)
            tensors, tested = on_device(task, torch.device("cpu")), task.images("test")
            for method in asked.methods:
                card = methods.card(method)
                key = f"{method} {group} seed {seed}"
                if key in kept or (seed and not card.seeded):
                    continue
                settings = knobs.changed(knobs.preset(card.knobs, "quick", shape), changes.get(method, {}))
                began = time.perf_counter()
                detector = build(methods.load(method), settings, shape, seed).fit(tensors, seed)
                fitted = time.perf_counter()
                scores = detector.score(tested)
                kept[key] = {each.name: round(auroc(scores[each.name], task.novel), 4) for each in card.scores}
                kept[key] |= {"fit": round(fitted - began, 1), "score": round(time.perf_counter() - fitted, 1)}
                print(key, kept[key], flush=True)
                if asked.kept:
                    asked.kept.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
