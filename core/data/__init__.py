"""Image sets: what there is, how to get it, and everything that turns a file into uint8 images [N, C, H, W]."""

from core.data import cache
from core.data.bends import RANGES as BEND_RANGES
from core.data.bends import bend, bend_path
from core.data.catalogue import (
    Entry,
    catalogue,
    digest,
    digest_of,
    entry,
    fetch,
    how_to_get,
    known_digest,
    load,
    roots,
    set_roots,
)
from core.data.dataset import Dataset
from core.data.folders import FolderReport, import_images, inspect
from core.data.framing import Framing, crop_to_content, framed_otherwise, framing
from core.data.known import CLEAN, GROUP_TITLES
from core.data.layouts import SeveralSets
from core.data.noise import noise
from core.data.packing import counts, held_out
from core.data.preprocessing import conform, conforming
from core.data.uploads import Upload, decode, fit, looks_inverted

__all__ = [
    "BEND_RANGES",
    "CLEAN",
    "Dataset",
    "Entry",
    "FolderReport",
    "Framing",
    "GROUP_TITLES",
    "SeveralSets",
    "Upload",
    "bend",
    "bend_path",
    "cache",
    "catalogue",
    "conform",
    "conforming",
    "counts",
    "crop_to_content",
    "decode",
    "digest",
    "digest_of",
    "entry",
    "fetch",
    "fit",
    "framed_otherwise",
    "framing",
    "held_out",
    "how_to_get",
    "import_images",
    "inspect",
    "known_digest",
    "load",
    "looks_inverted",
    "noise",
    "roots",
    "set_roots",
]
