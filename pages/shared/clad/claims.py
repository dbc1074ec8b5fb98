"""What the paper claims, measured: sweeps over the number of normal classes, and over the number of clusters."""

import streamlit as st

from core import methods
from core.figures.families import clad_claims
from core.methods.cards.clad import FIGURE_3
from core.sweeps import claims
from pages.shared import panels

REGION = """name = "one-region-or-many"
dataset = "digits"
scenario = "several-normal"
target = [["0", "1"], ["0", "1", "2"], ["0", "1", "2", "3"]]
method = ["clad", "deep-svdd", "oc-svm", "nearest-neighbours"]
"""
CLUSTERS = """name = "number-of-clusters"
dataset = "digits"
scenario = "latent-super-category"
target = ["CUR", "STR", "MIX"]
method = "clad"

[knobs]
clusters = [2, 4, 6, 10, 20]
"""


def one_region_or_many() -> None:
    """One-class methods against CLAD while more classes are normal, from the sweep that has measured most of it."""
    found = claims.by_normal_classes()
    if found is None:
        return _to_measure("one_region.toml", REGION)
    lines = [
        clad_claims.Line(methods.card(name).title, reached, control=name not in (claims.CLAD, *claims.ONE_REGION))
        for name, reached in found.reached.items()
    ]
    panels.show(clad_claims.one_region_or_many(lines, methods.card("clad").title, found.sentence))


def number_of_clusters() -> None:
    """AUROC by the number of clusters, from the sweep that has measured most of it."""
    found = claims.by_clusters()
    if found is None:
        return _to_measure("clusters.toml", CLUSTERS)
    lines = [clad_claims.Line(name, reached) for name, reached in found.reached.items()]
    published = FIGURE_3 if found.dataset == "mnist" else {}
    panels.show(clad_claims.by_clusters(lines, published, found.hidden, found.sentence))


def _to_measure(file: str, content: str) -> None:
    st.caption(f"No sweep has measured it yet. Save this as {file} and run it:")
    panels.command(content, "toml")
    panels.command(f"python -m core sweep {file}")
