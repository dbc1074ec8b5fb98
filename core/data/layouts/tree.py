"""The files of a folder, a zip or one file of arrays, listed without unpacking anything to disk.

No link is followed and a file's size is known before it is read, so a stranger's zip can waste no more memory and time
than the limits here allow.
"""

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from core.data import uploads
from core.errors import WrongRequest

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 20_000_000_000  # of all files together, unpacked
MAX_ARRAY_BYTES = 4_000_000_000  # of one file of arrays
BOMB_BYTES, BOMB_RATIO = 50_000_000, 100  # image files hardly compress: this much from so little holds no pictures
SUFFIXES = {*(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"), *(".ppm", ".pgm", ".pbm", ".pnm")}
ARRAY_SUFFIXES = {".npz", ".mat", ".bin", ".gz"}
ALONE = {".npz", ".mat", ".bin"}  # of files that are a set by themselves

Skipped = list[tuple[str, str]]  # (file, reason)


@dataclass(frozen=True)
class File:
    """One file. parts: its path below the source.  size: in bytes, as its folder or zip says."""

    parts: tuple[str, ...]
    size: int
    open: Callable[[], bytes]

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @property
    def suffix(self) -> str:
        return Path(self.parts[-1]).suffix.lower()

    @property
    def is_picture(self) -> bool:
        """Whether it is called like one."""
        return self.suffix in SUFFIXES

    def read(self) -> bytes:
        """Its bytes. Raises WrongRequest where they can't be read."""
        try:
            return self.open()
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise WrongRequest(f"{self.name} can't be read ({error}).") from error


@dataclass(frozen=True)
class Tree:
    """All files of a source. name: of the folder, or of the zip without its ending.  skipped: to be carried on."""

    name: str
    files: tuple[File, ...]
    skipped: Skipped = field(default_factory=list)

    @property
    def pictures(self) -> list[File]:
        return [file for file in self.files if file.is_picture]

    def having(self, wanted: Callable[[File], bool]) -> "Tree":
        """The same tree with these files alone; what is skipped is shared."""
        return replace(self, files=tuple(file for file in self.files if wanted(file)))


@contextmanager
def opened(source: Path) -> Iterator[Tree]:
    """The tree of a folder, a zip, or a single file of arrays.

    Raises WrongRequest where the source is none of them or breaks a limit.
    """
    skipped: Skipped = []
    if source.is_dir():
        yield Tree(source.resolve().name, _within_limits(list(_walked(source, skipped))), skipped)
    elif source.is_file() and source.suffix.lower() in ALONE:
        yield Tree(source.stem, _within_limits([File((source.name,), source.stat().st_size, source.read_bytes)]))
    elif source.is_file() and zipfile.is_zipfile(source):
        try:
            archive = zipfile.ZipFile(source)
        except (OSError, zipfile.BadZipFile) as error:
            raise WrongRequest(f"{source.name} is a damaged zip: pack it again.") from error
        with archive:
            _refuse_bomb(archive, source.name)
            yield Tree(source.stem, _within_limits(list(_zipped(archive, skipped))), skipped)
    else:
        raise WrongRequest(
            f"{source} is neither a folder nor a zip: give one with a subfolder of images for each class, or a file "
            "that holds images as arrays (.npz, .mat)."
        )


def _walked(folder: Path, skipped: Skipped) -> Iterator[File]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for path in [Path(root, name) for name in sorted([*names, *folders])]:
            parts = path.relative_to(folder).parts
            if path.is_symlink():
                skipped.append(("/".join(parts), "It is a link, and links aren't followed."))
            elif path.is_file() and not _refused(parts, path.stat().st_size, skipped):
                yield File(parts, path.stat().st_size, path.read_bytes)


def _zipped(archive: zipfile.ZipFile, skipped: Skipped) -> Iterator[File]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        parts = tuple(part for part in info.filename.replace("\\", "/").split("/") if part not in ("", "."))
        if info.is_dir():
            continue
        if ".." in parts or info.filename[:1] in "/\\" or ":" in info.filename:
            skipped.append((info.filename, "Its path leads out of the zip."))
        elif stat.S_ISLNK(info.external_attr >> 16):
            skipped.append((info.filename, "It is a link, and links aren't followed."))
        elif info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            skipped.append((info.filename, "It is encrypted or packed in a rare way: pack it as an ordinary zip."))
        elif not _refused(parts, info.file_size, skipped):
            yield File(parts, info.file_size, partial(archive.read, info))


def _refused(parts: tuple[str, ...], size: int, skipped: Skipped) -> bool:
    """Whether a file is skipped unread; if so, `skipped` says why."""
    arrays = Path(parts[-1]).suffix.lower() in ARRAY_SUFFIXES or "idx" in parts[-1]
    limit = MAX_ARRAY_BYTES if arrays else uploads.MAX_BYTES
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        skipped.append(("/".join(parts), "It is hidden or belongs to the system."))
    elif size > limit:
        skipped.append(("/".join(parts), f"It has {size / 1e6:,.0f} MB, an image may have {limit / 1e6:,.0f}."))
    else:
        return False
    return True


def _refuse_bomb(archive: zipfile.ZipFile, name: str) -> None:
    infos = archive.infolist()
    packed, unpacked = sum(info.compress_size for info in infos), sum(info.file_size for info in infos)
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed:
        raise WrongRequest(
            f"{name} unpacks to {unpacked / max(packed, 1):,.0f} times its size, which no image zip does."
        )


def _within_limits(files: list[File]) -> tuple[File, ...]:
    total = sum(file.size for file in files)
    if len(files) > MAX_FILES or total > MAX_TOTAL_BYTES:
        raise WrongRequest(
            f"{len(files):,} files of {total / 1e9:,.1f} GB are too many: "
            f"at most {MAX_FILES:,} files and {MAX_TOTAL_BYTES / 1e9:,.0f} GB can be imported."
        )
    return tuple(files)
