"""Overlays of stored scores."""

import numpy as np

from core.figures import Kinds, curves


def test_curves_give_each_score_its_area_and_controls_their_intervals(rng):
    layers, kinds = rng.uniform(1, 2, (100, 2)), Kinds.of_test(np.arange(100) >= 60)
    layers[60:, 1] *= 3
    points = {"roc/a/fpr": [0, 1], "roc/a/tpr": [0, 1], "pr/a/recall": [0, 1], "pr/a/precision": [1, 0.4]}
    control = {"auroc": {"value": 0.5, "low": 0.4, "high": 0.6}, "aupr_novel": {"value": 0.7}}
    scores = {"SAP": layers[:, 1], "reconstruction": layers[:, 0]}
    roc, pr = curves.roc_and_pr(scores, kinds, {}, points, {"a": "nearest", "b": "not computed"}, {"a": control})
    assert [trace.name for trace in roc.figure.data][0] == "SAP 1.000"
    assert [trace.name for trace in roc.figure.data][2] == "nearest 0.500 (0.400 to 0.600)"
    assert [trace.name for trace in pr.figure.data][2] == "nearest 0.700"
    assert len(curves.roc_and_pr(scores, kinds, {}, {}, {"a": "nearest"}, {"a": control})[0].figure.data) == 2
