"""The image sets that the app knows by name: one entry each, so adding a set means adding an entry here.

A set that isn't listed works too: any `NAME.npz` in a data root appears under its own name.
"""

from dataclasses import dataclass, field
from string import ascii_uppercase

from core.data.idx import IdxFiles

DIGITS = tuple("0123456789")
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIGNS = (
    *("Speed limit 20", "Speed limit 30", "Speed limit 50", "Speed limit 60", "Speed limit 70", "Speed limit 80"),
    *("End of speed limit 80", "Speed limit 100", "Speed limit 120", "No overtaking", "No overtaking for lorries"),
    *("Right of way at next junction", "Priority road", "Give way", "Stop", "No vehicles", "No lorries", "No entry"),
    *("Danger", "Bend left", "Bend right", "Double bend", "Uneven road", "Slippery road", "Road narrows on the right"),
    *("Road works", "Traffic signals", "Pedestrians", "Children", "Bicycles", "Ice or snow", "Wild animals"),
    *("End of all limits", "Turn right ahead", "Turn left ahead", "Ahead only", "Ahead or right", "Ahead or left"),
    *("Keep right", "Keep left", "Roundabout", "End of no overtaking", "End of no overtaking for lorries"),
)

Groups = dict[str, tuple[str, ...]]
GROUP_TITLES = {
    **{"CUR": "curly digits", "STR": "straight digits", "MIX": "mixed digits"},
    **{"SPDL": "speed limits", "INST": "driving instructions", "WARN": "warnings", "DIRC": "directions"},
    **{"SPEC": "special signs", "REGN": "ends of limits", "THG": "things", "LIV": "living beings"},
    **{"ANML": "animals", "ISCT": "insects", "ISTM": "instruments", "STRT": "structures", "VHCL": "vehicles"},
}


def _signs(*numbers: int) -> tuple[str, ...]:
    return tuple(SIGNS[number] for number in numbers)


# CLAD's super-categories, by class name (Park et al., 2021).
DIGIT_GROUPS: Groups = {"CUR": ("0", "3", "8"), "STR": ("1", "4", "7"), "MIX": ("2", "5", "6", "9")}
SIGN_GROUPS: Groups = {
    "SPDL": _signs(0, 1, 2, 3, 4, 5, 7, 8),
    "INST": _signs(9, 10, 15, 16),
    "WARN": _signs(11, *range(18, 32)),
    "DIRC": _signs(*range(33, 41)),
    "SPEC": _signs(12, 13, 14, 17),
    "REGN": _signs(6, 32, 41, 42),
}
CIFAR_GROUPS: Groups = {
    "THG": ("airplane", "automobile", "ship", "truck"),
    "LIV": ("bird", "cat", "deer", "dog", "frog", "horse"),
}
TINY_GROUPS: Groups = {
    "ANML": (
        *("golden retriever", "Chihuahua", "German shepherd", "Labrador retriever"),
        *("standard poodle", "Yorkshire terrier", "cougar", "Persian cat"),
    ),
    "ISCT": ("dragonfly", "cockroach", "bee", "grasshopper", "fly", "mantis", "monarch", "sulphur butterfly"),
    "ISTM": (
        *("water jug", "beer bottle", "teapot", "pop bottle"),
        *("beaker", "rugby ball", "volleyball", "pill bottle"),
    ),
    "STRT": (
        *("triumphal arch", "suspension bridge", "fountain", "viaduct"),
        *("bannister", "steel arch bridge", "obelisk", "beacon"),
    ),
    "VHCL": (
        *("school bus", "trolleybus", "sports car", "bullet train"),
        *("convertible", "tractor", "police van", "beach wagon"),
    ),
}
# Groupings of our own, for sets on which CLAD wasn't measured.
FASHION_GROUPS: Groups = {
    "tops": ("T-shirt/top", "Pullover", "Coat", "Shirt"),
    "footwear": ("Sandal", "Sneaker", "Ankle boot"),
    "rest": ("Trouser", "Dress", "Bag"),
}
ALPHABETS = ("Balinese", "Early_Aramaic", "Greek", "Japanese_(katakana)", "Korean", "Latin", "Sanskrit", "Tagalog")


CLEAN = "no compression"
JPEG = "JPEG at quality 75"


@dataclass(frozen=True)
class Known:
    """What is known of a set before any file of it is seen.

    classes, shape, train_count, test_count: of the complete official set; no classes where only the file tells them.
    stand_ins: npz files that take its place where it is absent, the best first.  idx: its idx files, if it comes so.
    groupings: grouping -> group -> class names.  beginnings: one more grouping, by what a class name begins with:
    group -> that beginning.
    folder: what torchvision leaves of it below a data root, if it comes so.  archives: what a fetch downloads, with the
    size of each file in bytes; empty where it can't be fetched.  note: what to know before trusting a number on it.
    compression: what its pixels went through at the size that they have, CLEAN or what; "" where nobody knows.
    """

    title: str
    classes: tuple[str, ...] = ()
    shape: tuple[int, int, int] | None = None
    train_count: int = 0
    test_count: int = 0
    stand_ins: tuple[str, ...] = ()
    groupings: dict[str, Groups] = field(default_factory=dict)
    beginnings: dict[str, str] = field(default_factory=dict)
    idx: IdxFiles | None = None
    folder: str | None = None
    archives: dict[str, int] = field(default_factory=dict)
    note: str = ""
    compression: str = CLEAN

    @property
    def download_megabytes(self) -> float | None:
        """Size of the download in 10^6 bytes; None where the set can't be fetched."""
        return round(sum(self.archives.values()) / 1e6, 1) if self.archives else None


_NOT_OFFICIAL = "figures measured on it are not the published ones"

KNOWN = {
    "digits": Known(
        title="scikit-learn digits",
        classes=DIGITS,
        shape=(1, 8, 8),
        train_count=1438,
        test_count=359,
        groupings={"as CLAD on MNIST": DIGIT_GROUPS},
        note="It has no official split: a seeded fifth of each class is the test set here.",
    ),
    "fashion-part": Known(
        title="Fashion-MNIST, a part",
        classes=FASHION,
        shape=(1, 28, 28),
        train_count=3_200,
        test_count=800,
        groupings={"by kind": FASHION_GROUPS},
    ),
    "mnist": Known(
        title="MNIST",
        classes=DIGITS,
        shape=(1, 28, 28),
        train_count=60_000,
        test_count=10_000,
        groupings={"CLAD": DIGIT_GROUPS},
        idx=IdxFiles("MNIST/raw"),
        archives={
            "train-images-idx3-ubyte.gz": 9_912_422,
            "train-labels-idx1-ubyte.gz": 28_881,
            "t10k-images-idx3-ubyte.gz": 1_648_877,
            "t10k-labels-idx1-ubyte.gz": 4_542,
        },
    ),
    "fashion-mnist": Known(
        title="Fashion-MNIST",
        classes=FASHION,
        shape=(1, 28, 28),
        train_count=60_000,
        test_count=10_000,
        groupings={"by kind": FASHION_GROUPS},
        idx=IdxFiles("FashionMNIST/raw"),
        archives={
            "train-images-idx3-ubyte.gz": 26_421_880,
            "train-labels-idx1-ubyte.gz": 29_515,
            "t10k-images-idx3-ubyte.gz": 4_422_102,
            "t10k-labels-idx1-ubyte.gz": 5_148,
        },
    ),
    "emnist-letters": Known(
        title="EMNIST Letters",
        classes=tuple(ascii_uppercase),
        shape=(1, 28, 28),
        train_count=124_800,
        test_count=20_800,
        idx=IdxFiles("EMNIST/raw", "emnist-letters-train", "emnist-letters-test", first_label=1, transposed=True),
        archives={"gzip.zip": 561_753_746},
        note="Capital and small letters share a class.",
    ),
    "cifar10": Known(
        title="CIFAR-10",
        classes=CIFAR,
        shape=(3, 32, 32),
        train_count=50_000,
        test_count=10_000,
        stand_ins=("cifar10_jpeg", "cifar10_exact"),
        groupings={"CLAD": CIFAR_GROUPS},
        folder="cifar-10-batches-py",
        archives={"cifar-10-python.tar.gz": 170_498_071},
    ),
    "svhn": Known(
        title="SVHN",
        classes=DIGITS,
        shape=(3, 32, 32),
        train_count=73_257,
        test_count=26_032,
        stand_ins=("svhn_part",),
        groupings={"as CLAD on MNIST": DIGIT_GROUPS},
        folder="train_32x32.mat",
        archives={"train_32x32.mat": 182_040_794, "test_32x32.mat": 64_275_384},
        note="For non-commercial use only.",
    ),
    "gtsrb": Known(
        title="GTSRB traffic signs",
        classes=SIGNS,
        shape=(3, 32, 32),
        train_count=39_209,
        test_count=12_630,
        groupings={"CLAD": SIGN_GROUPS},
        folder="gtsrb/GTSRB/Training",
        archives={
            "GTSRB-Training_fixed.zip": 187_490_228,
            "GTSRB_Final_Test_Images.zip": 88_978_620,
            "GTSRB_Final_Test_GT.zip": 99_620,
        },
        note="Every image is resized to 32x32; the frames of one sign's track share a group.",
    ),
    "tiny-imagenet": Known(
        title="Tiny-ImageNet",
        shape=(3, 64, 64),
        train_count=100_000,
        test_count=10_000,
        stand_ins=("tiny_imagenet32_jpeg",),
        groupings={"CLAD": TINY_GROUPS},
        note="For non-commercial research and education only.",
        compression="JPEG",
    ),
    "cifar10_jpeg": Known(
        title="CIFAR-10, JPEG-compressed",
        groupings={"CLAD": CIFAR_GROUPS},
        note=f"JPEG-compressed: {_NOT_OFFICIAL}, and a detector can tell it from clean sets by its blocks.",
        compression=JPEG,
    ),
    "cifar10_exact": Known(
        title="CIFAR-10, a tenth",
        groupings={"CLAD": CIFAR_GROUPS},
        note=f"The first tenth of each official file: {_NOT_OFFICIAL}.",
    ),
    "svhn_part": Known(
        title="SVHN, a part of train",
        groupings={"as CLAD on MNIST": DIGIT_GROUPS},
        note="The first digits of the training set alone, neighbours overlap, for non-commercial use only.",
    ),
    "tiny_imagenet32_jpeg": Known(
        title="Tiny-ImageNet, 32x32, JPEG-compressed",
        groupings={"CLAD": TINY_GROUPS},
        note=f"200 of 500 training images a class, 32x32, JPEG: {_NOT_OFFICIAL}. For non-commercial use only.",
        compression=JPEG,
    ),
    "tsinghua": Known(
        title="Tsinghua traffic signs",
        beginnings={"prohibitory": "p", "warning": "w", "mandatory": "i"},
        note="Crops of Tsinghua-Tencent 100K, capped per class, resized to 32x32, for non-commercial use only.",
    ),
    "tsinghua_background": Known(
        title="Tsinghua street background",
        note="Patches without signs from the street views of Tsinghua-Tencent 100K, for non-commercial use only.",
    ),
    "omniglot_part": Known(
        title="Omniglot, 8 alphabets",
        beginnings={alphabet: f"{alphabet}/" for alphabet in ALPHABETS},
        note="Black ink on white; one hand's drawings of an alphabet share a group.",
    ),
}
