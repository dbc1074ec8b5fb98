"""The words of novelty detection in one or two plain sentences each, for pages, command line and reports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.errors import WrongRequest


@dataclass(frozen=True)
class Term:
    """title: as pages and tables name it.  sentence: one or two plain sentences."""

    title: str
    sentence: str


TERMS: Mapping[str, Term] = {
    "novelty-detection": Term(
        "Novelty detection",
        "A detector learns from normal images alone, and later says of any image how much it differs from all that it "
        "has learned. What differs too much is called novel, without the detector ever having seen anything novel.",
    ),
    "score": Term("Score", "A number that a detector gives an image: the higher, the more novel it finds it."),
    "threshold": Term(
        "Threshold",
        "The score above which an image is called novel, drawn as a dashed line. It is set so that most held-out "
        "normal images, 95 % as a rule, lie below it; no novel image takes part in that.",
    ),
    "held-out": Term(
        "Held-out normal images",
        "Normal images that the detector has not learned from (validation). They show which scores are usual, and set "
        "the threshold.",
    ),
    "percentile": Term(
        "Percentile",
        "The share of held-out normal images that the detector finds less novel than this image: 50 is an everyday "
        "normal image, 100 is stranger than all of them.",
    ),
    "auroc": Term(
        "AUROC",
        "How often a novel image scores higher than a normal one, over all pairs: 1 is perfect, 0.5 is guessing, below "
        "0.5 the detector ranks novel images as more normal. No threshold takes part in it.",
    ),
    "interval": Term(
        "Interval",
        "The figure would lie in it in 95 of 100 cases if other test images of the same kind were drawn. Few test "
        "images make it wide; it says nothing of another training.",
    ),
    "aupr_novel": Term(
        "AUPR, novel",
        "How often an alarm is right, averaged over all shares of novel images caught. It depends on how many of the "
        "tested images are novel.",
    ),
    "aupr_normal": Term(
        "AUPR, normal",
        "How often an accepted image is really normal, averaged over all shares of normal images accepted. It depends "
        "on how many of the tested images are normal.",
    ),
    "fpr95_normal": Term(
        "FPR at 95 % TPR",
        "The share of novel images that slip through where 95 % of the normal ones are accepted; lower is better.",
    ),
    "fpr95_novel": Term(
        "FPR at 95 % of novel caught",
        "The share of normal images that raise an alarm where 95 % of the novel ones are caught; lower is better.",
    ),
    "detection_error": Term(
        "Detection error",
        "The smallest mean of false alarms and misses that any threshold reaches; 0.5 is guessing, lower is better.",
    ),
    "accuracy": Term(
        "Accuracy",
        "The share of normal test images that a detector which knows classes takes for their own: the nearest class "
        "mean, or the likeliest class. No threshold takes part in it, and novel images don't count.",
    ),
    "f1": Term(
        "F1",
        "One number for precision and recall at the threshold, near 1 only where both are. Which class counts as "
        "positive changes it: novel here, unless it says normal.",
    ),
    "precision": Term("Precision", "The share of alarms that are right: of all images called novel, how many are."),
    "recall": Term("Recall", "The share of novel images that are caught."),
    "normal_f1": Term("F1, normal positive", "F1 with normal as the positive class; calling all normal can look good."),
    "normal_precision": Term(
        "Precision, normal positive", "The share of accepted images that are normal: how clean what passes is."
    ),
    "normal_recall": Term("Recall, normal positive", "The share of normal images that are accepted."),
    "control-line": Term(
        "Control line",
        "What a trained detector has to beat: the same network untrained, the distance to the nearest training images, "
        "what principal components can't redraw. A method below a control line has learned little of use here.",
    ),
    "published": Term(
        "Published figure",
        "What the method's paper reports for this very task; other splits or seeds alone can move it by some points.",
    ),
    "window": Term(
        "Window",
        "The layers of the encoder whose differences a score takes together; 0 is the input, the last one the latent "
        "code.",
    ),
    "reconstruction": Term(
        "Reconstruction error",
        "How much an image differs, pixel by pixel, from what an autoencoder redraws of it.",
    ),
    "sap": Term(
        "SAP",
        "Simple aggregation along the pathway (RaPP): the squared differences between image and reconstruction, added "
        "up over the layers of the window.",
    ),
    "nap": Term(
        "NAP",
        "Normalised aggregation along the pathway (RaPP): as SAP, but each direction of the differences is measured "
        "against how much it varies among training images.",
    ),
    "nu": Term(
        "nu",
        "The share of training images that may lie outside the ball or border that is drawn around them, and so how "
        "tight it is.",
    ),
    "ball": Term(
        "Ball",
        "Deep SVDD draws a ball around the network's outputs for normal images; how far outside an image lies is its "
        "score. Multi-radius SVDD draws one for each kind of normal that it finds.",
    ),
    "temperature": Term(
        "Temperature",
        "A classifier's outputs are divided by it before they become a confidence: a high one lets small differences "
        "count.",
    ),
    "odin": Term(
        "ODIN",
        "Confidence after the image has been moved a small step in the direction that makes the classifier surer; "
        "images of a known kind gain more from it than novel ones.",
    ),
    "elbo": Term(
        "ELBO",
        "The bound that a variational autoencoder learns by: how badly it redraws an image, plus how far the image's "
        "code lies from what codes usually are (the KL divergence).",
    ),
    "impurity": Term(
        "Impurities",
        "Images among the training images that are not normal. A threshold can allow for the share that is assumed.",
    ),
    "seed": Term(
        "Seed",
        "The number from which chance in a training starts: weights, order of images. The same seed gives the same "
        "run, another one shows how much of a figure is luck.",
    ),
    "split-seed": Term("Split seed", "The seed of the choice which images train, validate and test."),
    "preset": Term("Preset", "Settings to start from: quick ends soon on a laptop, paper is the published setting."),
    "replay": Term(
        "Replay", "What the detector made of the same few images after each of some epochs of its training."
    ),
}


def term(name: str) -> Term:
    """One term, by its name or title in any case.  Raises WrongRequest with the names there are."""
    wanted = name.strip().lower()
    for key, each in TERMS.items():
        if wanted in (key, each.title.lower(), key.replace("_", "-"), key.replace("-", " ")):
            return each
    raise WrongRequest(f"The glossary has no {name!r}. Choose from {', '.join(TERMS)}.")


def explained(names: Iterable[str]) -> str:
    """These terms as Markdown, a paragraph each, for the "?" beside what uses them; unknown names are left out."""
    return "\n\n".join(f"**{TERMS[name].title}**: {TERMS[name].sentence}" for name in names if name in TERMS)
