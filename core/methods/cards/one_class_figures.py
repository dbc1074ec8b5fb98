"""Published figures of the one-class baselines: AUROC in per cent, as CLAD's and Deep SVDD's papers print them.

CLAD: Park et al., What is Wrong with One-Class Anomaly Detection?, ICLR 2021 workshop.  Deep SVDD: Ruff et al., ICML
2018.  CLAD's row of SVDD in Tables 1 and 2 is left out: what its code computes is no SVDD.
"""

from core.methods.cards import Published

GROUPS = {
    "mnist": ("CUR", "STR", "MIX"),
    "gtsrb": ("SPDL", "INST", "WARN", "DIRC", "SPEC", "REGN"),
    "cifar10": ("THG", "LIV"),
    "tiny-imagenet": ("ANML", "ISCT", "ISTM", "STRT", "VHCL"),
}
CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
# CLAD, Tables 1 and 2: a group of classes is normal; in the order of GROUPS.
SEVERAL = {
    "OCSVM": (
        *(69.9, 87.4, 54.8),
        *(66.3, 60.9, 52.7, 60.7, 50.5, 77.2),
        *(51.9, 67.7),
        *(63.5, 60.9, 50.2, 56.7, 55.5),
    ),
    "OCNN": (
        *(81.4, 76.2, 60.2),
        *(65.7, 65.7, 51.8, 62.0, 52.7, 78.3),
        *(58.5, 67.2),
        *(58.2, 57.1, 50.3, 51.0, 55.1),
    ),
    "OCCNN": (
        *(77.5, 78.3, 51.5),
        *(59.3, 57.5, 60.4, 56.4, 59.1, 64.3),
        *(59.8, 62.5),
        *(59.7, 62.4, 51.5, 54.2, 66.4),
    ),
}
# One class is normal; in the order of CLASSES.
SINGLE = {
    "OC-SVM/SVDD": (
        *(98.6, 99.5, 82.5, 88.1, 94.9, 77.1, 96.5, 93.7, 88.9, 93.1),
        *(61.6, 63.8, 50.0, 55.9, 66.0, 62.4, 74.7, 62.6, 74.9, 75.9),
    ),
    "OCNN": (
        *(97.6, 99.5, 87.3, 86.5, 93.3, 86.5, 97.1, 93.6, 88.5, 93.5),
        *(60.4, 62.0, 63.7, 53.6, 67.4, 56.1, 63.3, 60.1, 64.7, 60.3),
    ),
    "OCCNN": (
        *(91.8, 98.7, 74.9, 78.2, 88.3, 72.7, 75.6, 85.6, 69.1, 78.5),
        *(65.0, 65.6, 62.8, 51.2, 72.7, 50.9, 64.7, 52.2, 66.5, 66.9),
    ),
}


def several(row: str, score: str, remark: str = "") -> tuple[Published, ...]:
    """CLAD's figures of this row of Tables 1 and 2."""
    cells = [(dataset, group) for dataset, groups in GROUPS.items() for group in groups]
    return _figures(cells, SEVERAL[row], "latent-super-category", score, "CLAD, Tables 1 and 2", remark)


def single(row: str, score: str, source: str, remark: str = "") -> tuple[Published, ...]:
    """Figures with one normal class."""
    cells = [(dataset, name) for dataset, names in CLASSES.items() for name in names]
    return _figures(cells, SINGLE[row], "unimodal", score, source, remark)


def _figures(
    cells: list[tuple[str, str]], values: tuple[float, ...], scenario: str, score: str, source: str, remark: str
) -> tuple[Published, ...]:
    return tuple(
        Published(dataset, scenario, score, "auroc", value / 100, source, (name,), {"split": "official"}, remark)
        for (dataset, name), value in zip(cells, values, strict=True)
    )
