"""Small sets in the layouts of the field: a few generated pictures each, in folders and files named as the real ones.

A layout is {path: content}; `MINIATURES` says what each must be read as.
"""

import gzip
import io
import struct
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy.io import savemat

_RNG = np.random.default_rng(7)


def picture(suffix: str = "png", size: tuple[int, int] = (12, 10), colour: bool = True) -> bytes:
    """An encoded picture that no other equals."""
    pixels = _RNG.integers(0, 256, (size[1], size[0], 3) if colour else (size[1], size[0]), np.uint8)
    kind = {"png": "PNG", "jpg": "JPEG", "JPG": "JPEG", "JPEG": "JPEG", "ppm": "PPM", "pgm": "PPM"}[suffix]
    Image.fromarray(pixels).save(file := io.BytesIO(), kind)
    return file.getvalue()


def pictures(*names: str) -> dict[str, bytes]:
    return {name: picture(name.rsplit(".", 1)[-1], colour=not name.endswith("pgm")) for name in names}


def several(folder: str, count: int, suffix: str = "png", start: int = 0) -> dict[str, bytes]:
    return pictures(*(f"{folder}/{start + place:03}.{suffix}" for place in range(count)))


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def images(count: int, *shape: int, dtype: type = np.uint8) -> np.ndarray:
    return _RNG.integers(0, 256, (count, *shape)).astype(dtype)


def npz(**arrays: np.ndarray) -> bytes:
    np.savez_compressed(file := io.BytesIO(), **arrays)
    return file.getvalue()


def mat(**arrays: np.ndarray) -> bytes:
    savemat(file := io.BytesIO(), arrays, do_compression=True)
    return file.getvalue()


def category(name: str) -> dict[str, bytes]:
    return (
        several(f"{name}/train/good", 6)
        | several(f"{name}/test/good", 2)
        | several(f"{name}/test/broken_large", 3)
        | {f"{name}/ground_truth/broken_large/{place:03}_mask.png": picture(colour=False) for place in range(3)}
        | {f"{name}/license.txt": b"CC BY-NC-SA", f"{name}/readme.txt": b"MVTec"}
    )


def visa(name: str) -> dict[str, bytes]:
    return (
        several(f"{name}/Data/Images/Normal", 5, "JPG")
        | several(f"{name}/Data/Images/Anomaly", 3, "JPG")
        | several(f"{name}/Data/Masks/Anomaly", 3)
        | {f"{name}/image_anno.csv": b"image,label,mask\n"}
    )


def visa_split(name: str) -> str:
    normal = [
        f"{name},{'train' if at < 3 else 'test'},normal,{name}/Data/Images/Normal/{at:03}.JPG," for at in range(5)
    ]
    anomaly = [
        f"{name},test,anomaly,{name}/Data/Images/Anomaly/{at:03}.JPG,{name}/Data/Masks/Anomaly/{at:03}.png"
        for at in range(3)
    ]
    return "\n".join([*normal, *anomaly, ""])


SPLIT = {"split_csv/1cls.csv": ("object,split,label,image,mask\n" + visa_split("candle") + visa_split("pcb1")).encode()}
TINY = (
    {
        f"tiny-imagenet-200/train/n0144376{k}/images/n0144376{k}_{at}.JPEG": picture("JPEG")
        for k in (3, 4)
        for at in range(4)
    }
    | {f"tiny-imagenet-200/train/n0144376{k}/n0144376{k}_boxes.txt": b"a\t0\t0\t9\t9\n" for k in (3, 4)}
    | {f"tiny-imagenet-200/val/images/val_{at}.JPEG": picture("JPEG") for at in range(3)}
    | {
        "tiny-imagenet-200/val/val_annotations.txt": b"".join(
            f"val_{at}.JPEG\tn0144376{3 + at % 2}\t0\t0\t9\t9\n".encode() for at in range(3)
        )
    }
    | {f"tiny-imagenet-200/test/images/test_{at}.JPEG": picture("JPEG") for at in range(2)}
    | {"tiny-imagenet-200/wnids.txt": b"n01443763\nn01443764\n"}
    | {"tiny-imagenet-200/words.txt": b"n01443763\tgoldfish, Carassius auratus\nn01443764\tcougar, puma\nn9\tother\n"}
)
SIGN_HEAD = b"Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
SIGN_TRAIN = {
    f"{number:05}/{track:05}_{frame:05}.ppm": picture("ppm")
    for number in (0, 14)
    for track in range(2)
    for frame in range(3)
}
SIGN_TEST = {f"GTSRB/Final_Test/Images/{at:05}.ppm": picture("ppm") for at in range(3)}
SIGN_GT = SIGN_HEAD + b"".join(f"{at:05}.ppm;12;10;1;1;9;9;{(0, 14, 14)[at]}\n".encode() for at in range(3))
GTSRB = (
    {f"GTSRB/Final_Training/Images/{name}": content for name, content in SIGN_TRAIN.items()}
    | {f"GTSRB/Final_Training/Images/{number:05}/GT-{number:05}.csv": SIGN_HEAD for number in (0, 14)}
    | SIGN_TEST
    | {"GTSRB/Final_Test/Images/GT-final_test.test.csv": b"Filename;Width\n00000.ppm;12\n"}
    | {"GT-final_test.csv": SIGN_GT, "GTSRB/Readme-Images.txt": b"GTSRB"}
)
KAGGLE_ROWS = "".join(f"9,9,1,1,8,8,{sign},Test/{at:05}.png\n" for at, sign in enumerate((14, 0, 14)))
GTSRB_KAGGLE = (
    {
        f"Train/{int(folder)}/{folder}_{frame}".replace(".ppm", ".png"): picture("png")
        for folder, frame in (name.split("/") for name in SIGN_TRAIN)
    }
    | {f"Test/{at:05}.png": picture("png") for at in range(3)}
    | {f"Meta/{at}.png": picture("png") for at in (0, 14)}
    | {"Test.csv": f"Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n{KAGGLE_ROWS}".encode()}
    | {"Train.csv": b"Width,ClassId,Path\n9,0,Train/0/00000_00000_00000.png\n", "Meta.csv": b"Path,ClassId\n"}
)
GTSRB_TORCHVISION = (
    {f"gtsrb/GTSRB/Training/{name}": content for name, content in SIGN_TRAIN.items()}
    | {f"gtsrb/{name}": content for name, content in SIGN_TEST.items()}
    | {"gtsrb/GT-final_test.csv": SIGN_GT}
)
KERAS = {
    "x_train": images(6, 28, 28),
    "y_train": np.array([0, 1, 2, 10, 1, 0], np.uint8),
    "x_test": images(3, 28, 28),
    "y_test": np.array([2, 0, 10], np.uint8),
}
MEDMNIST = {
    "train_images": images(5, 28, 28, 3),
    "train_labels": np.array([[0], [1], [1], [0], [1]], np.uint8),
    "val_images": images(2, 28, 28, 3),
    "val_labels": np.array([[0], [0]], np.uint8),
    "test_images": images(3, 28, 28, 3),
    "test_labels": np.array([[1], [1], [0]], np.uint8),
}
SVHN = {
    half: {"X": images(32, 32, 3, count), "y": np.array(labels, np.uint8)[:, None]}
    for half, count, labels in (("train", 5, [10, 1, 1, 2, 10]), ("test", 3, [1, 10, 2]))
}
CIFAR = {
    name: (images(count, 3072), np.array(labels, np.uint8))
    for name, count, labels in (("data_batch_1", 3, [0, 9, 0]), ("data_batch_2", 2, [9, 9]), ("test_batch", 2, [0, 9]))
}
EMNIST_IMAGES, EMNIST_LABELS = images(6, 28, 28), np.array([1, 2, 26, 1, 2, 26], np.uint8)
EMNIST = {
    "train-images": idx(EMNIST_IMAGES[:4]),
    "train-labels": idx(EMNIST_LABELS[:4]),
    "test-images": idx(EMNIST_IMAGES[4:]),
    "test-labels": idx(EMNIST_LABELS[4:]),
}


def emnist(folder: str, split: str, zipped: bool) -> dict[str, bytes]:
    return {
        f"{folder}/emnist-{split}-{name}-idx{3 if 'images' in name else 1}-ubyte{'.gz' if zipped else ''}": (
            gzip.compress(content) if zipped else content
        )
        for name, content in EMNIST.items()
    } | {f"{folder}/emnist-{split}-mapping.txt": b"1 65 97\n2 66 98\n26 90 122\n"}


def mnist(join: str) -> dict[str, bytes]:
    pixels, labels = images(6, 28, 28), np.array([0, 1, 2, 0, 1, 2], np.uint8)
    return {
        f"{half}-images{join}idx3-ubyte": idx(pixels[part])
        for half, part in (("train", slice(4)), ("t10k", slice(4, 6)))
    } | {
        f"{half}-labels{join}idx1-ubyte": idx(labels[part])
        for half, part in (("train", slice(4)), ("t10k", slice(4, 6)))
    }


OMNIGLOT = {
    f"{half}/{alphabet}/character{number:02}/{code:04}_{hand:02}.png": picture(colour=False)
    for half, alphabet, code in (("images_background", "Greek", 1), ("images_evaluation", "Oriya", 9))
    for number in (1, 2)
    for hand in (1, 2, 3)
}


@dataclass(frozen=True)
class Miniature:
    """A layout and what it must be read as.

    halves: class -> (training, test), as the layout divides it; or images: class -> count where it doesn't.
    says: words of the sentence.  left_out: what -> files.  shape: (C, H, W) after an import at 8 pixels, or as it is.
    """

    files: dict[str, bytes]
    halves: dict[str, tuple[int, int]] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    part: str = ""


BOTTLE = {"broken_large": (0, 3), "good": (6, 2)}
SIGNS = {"Speed limit 20": (6, 1), "Stop": (6, 2)}
LETTERS = {"A": (2, 0), "B": (1, 1), "Z": (1, 1)}
CANDLE = {"Anomaly": (0, 3), "Normal": (3, 2)}
TEN = {"airplane": (2, 1), "truck": (3, 1)}

MINIATURES = {
    "MVTec AD, a category": Miniature(
        category("bottle"), BOTTLE, says=("MVTec AD", "good is normal", "readme.txt"), left_out={"masks": 3}
    ),
    "MVTec AD, the root": Miniature(
        category("bottle") | category("cable"), BOTTLE, left_out={"masks": 3}, part="bottle"
    ),
    "VisA, the root": Miniature(
        visa("candle") | visa("pcb1") | SPLIT,
        CANDLE,
        says=("object candle", "1cls.csv", "image_anno.csv"),
        left_out={"masks": 3},
        part="candle",
    ),
    "VisA, an object": Miniature(
        visa("candle"), images={"Anomaly": 3, "Normal": 5}, says=("no 1cls.csv",), left_out={"masks": 3}
    ),
    "ImageFolder": Miniature(
        several("train/cat", 3)
        | several("train/dog", 2)
        | several("valid/cat", 1)
        | several("test/dog", 2)
        | {"split.csv": b"a,b\n"},
        {"cat": (4, 0), "dog": (2, 2)},
        says=("validation images join training", "split.csv"),
    ),
    "ImageFolder, train and val": Miniature(
        several("pets/train/cat", 3) | several("pets/val/cat", 1) | several("pets/val/dog", 2),
        {"cat": (3, 1), "dog": (0, 2)},
        says=("validation images are the test images",),
    ),
    "Tiny-ImageNet": Miniature(
        TINY,
        {"cougar": (4, 1), "goldfish": (4, 2)},
        says=("validation images are the test half",),
        left_out={"pictures without a class": 2},
    ),
    "GTSRB as published": Miniature(GTSRB, SIGNS, says=("track",)),
    "GTSRB as torchvision lays it": Miniature(GTSRB_TORCHVISION, SIGNS),
    "GTSRB of Kaggle": Miniature(GTSRB_KAGGLE, SIGNS, left_out={"drawings of the signs": 2}, says=("track",)),
    "Keras mnist.npz": Miniature({"mnist.npz": npz(**KERAS)}, {"0": (2, 1), "1": (2, 0), "2": (1, 1), "10": (1, 1)}),
    "MedMNIST": Miniature(
        {"bloodmnist.npz": npz(**MEDMNIST)}, {"0": (4, 1), "1": (3, 2)}, says=("validation images are training",)
    ),
    "SVHN": Miniature(
        {f"{half}_32x32.mat": mat(**SVHN[half]) for half in SVHN},
        {"0": (2, 1), "1": (2, 1), "2": (1, 1)},
        says=("label 10 is the digit 0",),
    ),
    "CIFAR-10, binary": Miniature(
        {
            f"cifar-10-batches-bin/{name}.bin": np.hstack([labels[:, None], data]).tobytes()
            for name, (data, labels) in CIFAR.items()
        },
        TEN,
    ),
    "CIFAR-10, MATLAB": Miniature(
        {
            f"cifar-10-batches-mat/{name}.mat": mat(data=data, labels=labels[:, None])
            for name, (data, labels) in CIFAR.items()
        },
        TEN,
    ),
    "EMNIST in gzip": Miniature(emnist("gzip", "letters", True), LETTERS, says=("turned upright",)),
    "EMNIST, several splits": Miniature(
        emnist("EMNIST/raw", "letters", False) | emnist("EMNIST/raw", "digits", False), LETTERS, part="emnist-letters"
    ),
    "idx with dashes": Miniature(mnist("-"), {"0": (2, 0), "1": (1, 1), "2": (1, 1)}),
    "idx with dots": Miniature(mnist("."), {"0": (2, 0), "1": (1, 1), "2": (1, 1)}),
    "Omniglot": Miniature(
        OMNIGLOT,
        {f"{name}/character0{k}": n for name, n in (("Greek", (3, 0)), ("Oriya", (0, 3))) for k in (1, 2)},
        says=("one hand's drawings",),
    ),
    "normal images only": Miniature(
        several("train/good", 5), images={"good": 5}, says=("share of its images is held out",)
    ),
}
