"""Metrics, thresholds, intervals and curves: numpy alone, arrays in, numbers out.

One convention everywhere: novel = 1 = positive, a higher score is more novel, an image is called novel where its score
lies *strictly above* the threshold, and a number that isn't defined is nan (None where it is written as JSON).

    scores.py        what an array of scores must be; the collapse alarm; percentiles among normal images
    thresholds.py    confusion counts, the curves over all thresholds
    rules.py         how a threshold is set from training and validation scores
    metrics.py       AUROC, AUPR, FPR at 95 % TPR, detection error, and all of them with their intervals
    conventions.py   the same numbers as other code bases compute them; accuracy of named classes
    intervals.py     the stratified bootstrap
    few.py           intervals where images are few or errors are rare, and the sentences that are due there
    curves.py        ROC and precision-recall points, thinned for drawing
    agreement.py     clusters against hidden classes: purity, mutual information, Rand index, matched accuracy
    selection.py     what choosing on test images promises, and what it keeps
"""

from core.evaluation.agreement import (
    adjusted_rand_index,
    contingency,
    matched_accuracy,
    normalised_mutual_information,
    purity,
)
from core.evaluation.conventions import CONVENTIONS, MEASURES, Choice, Convention, Measure, accuracy, measured
from core.evaluation.curves import pr_points, roc_points
from core.evaluation.few import few_images, inverted
from core.evaluation.metrics import (
    LOWER_IS_BETTER,
    METRICS,
    TITLES,
    aupr_normal,
    aupr_novel,
    auroc,
    detection_error,
    fpr95_normal,
    fpr95_novel,
    metrics,
    of_normal_images,
    paired_difference,
)
from core.evaluation.rules import RULES, Impurities, Quantile, ThresholdRule, rule_from_json
from core.evaluation.scores import collapse, percentile
from core.evaluation.selection import auroc_on_halves
from core.evaluation.thresholds import (
    Confusion,
    accept_everything,
    alarms_per_thousand,
    confusion,
    threshold_curve,
)

__all__ = [
    "CONVENTIONS",
    "Choice",
    "Convention",
    "MEASURES",
    "Measure",
    "accuracy",
    "measured",
    "LOWER_IS_BETTER",
    "METRICS",
    "TITLES",
    "RULES",
    "Confusion",
    "Impurities",
    "Quantile",
    "ThresholdRule",
    "accept_everything",
    "adjusted_rand_index",
    "alarms_per_thousand",
    "aupr_normal",
    "aupr_novel",
    "auroc",
    "auroc_on_halves",
    "collapse",
    "confusion",
    "contingency",
    "detection_error",
    "few_images",
    "fpr95_normal",
    "fpr95_novel",
    "inverted",
    "matched_accuracy",
    "metrics",
    "of_normal_images",
    "normalised_mutual_information",
    "paired_difference",
    "percentile",
    "pr_points",
    "purity",
    "roc_points",
    "rule_from_json",
    "threshold_curve",
]
