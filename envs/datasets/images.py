"""Grey images of 28 x 28 pixels in ten classes: MNIST, Fashion-MNIST, scikit-learn's digits.

All images of a set are in memory once, as bytes. A folder given by the user is the only place
searched, and is never written to.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np

from envs.datasets.idx import read_idx
from sandbox.errors import UsageError
from sandbox.extras import need
from sandbox.tables import read_table

DatasetName = Literal["mnist", "fashion-mnist", "digits"]
SIDE = 28
TRAIN, TEST = 60_000, 10_000
FILES = {
    "train-images-idx3-ubyte": (TRAIN, SIDE, SIDE),
    "train-labels-idx1-ubyte": (TRAIN,),
    "t10k-images-idx3-ubyte": (TEST, SIDE, SIDE),
    "t10k-labels-idx1-ubyte": (TEST,),
}
"""The four files of a set, and their dimensions."""

SETS = read_table(__file__, "images.toml")
"""MD5 sums, torchvision's name and the names of the classes of each set."""
CLASSES = {name: tuple(one["classes"]) for name, one in SETS.items()}


@dataclass(frozen=True)
class ImageSet:
    """Images with their classes, with the original split.

    Attributes:
        name: of the set.
        train: uint8 [images, 28, 28], 0 background to 255.
        train_labels: int64 [images], 0 to 9.
        test: uint8 [images, 28, 28].
        test_labels: int64 [images].
        about_test: how the test images differ from those that are held out for validation, in
            words; "" where they hardly differ.
    """

    name: str
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    about_test: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return CLASSES[self.name]


def load_images(name: DatasetName, folder: Path | None = None) -> ImageSet:
    """A set of images: from files in `folder`, else from this user's cache, else downloaded there.

    Args:
        name: of the set.
        folder: of the four IDX files, gzipped or not, or None. Without effect for `digits`, which
            needs no file.

    Raises:
        UsageError: when files are missing and cannot be downloaded, or are not the originals.
    """
    return _digits() if name == "digits" else _read(name, find_images(name, folder))


def find_images(
    name: DatasetName,
    folder: Path | None = None,
    digits: str = "--dataset digits",
) -> Path:
    """The folder of the four files of a set; without `folder` they are downloaded if missing.

    Args:
        name: of the set; not `digits`, which has no files.
        folder: as in `load_images`.
        digits: for the error message, the option that selects the digits instead.

    Raises:
        UsageError: when files are missing and cannot be downloaded.
    """
    place = folder or cache_folder()
    complete = folder_of(name, place)
    reason = "" if complete or folder else _download(name, place)
    complete = complete or folder_of(name, place)
    if complete is not None:
        return complete
    missing = [file for file in FILES if _file(place, file) is None]
    part = " as a whole" if len(missing) < len(FILES) else ""
    why = f" and cannot be downloaded ({reason})" if reason else part
    raise UsageError(
        f"{name} is not in {place}{why}: put {', '.join(missing)} (plain or .gz) there, "
        f"give their folder with --data DIR, or learn the bundled digits with {digits}."
    )


# Each set as a function of a folder; the registry refers to these names.
mnist = partial(load_images, "mnist")
fashion_mnist = partial(load_images, "fashion-mnist")
digits = partial(load_images, "digits")


def cache_folder() -> Path:
    """Where downloads are kept: SANDBOX_DATA, else the user's cache."""
    return Path(
        os.environ.get("SANDBOX_DATA", "")
        or Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "sandbox-lab"
    )


def _file(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def folder_of(name: str, folder: Path) -> Path | None:
    """The first place that has all four files of a set, or None: the folder, one in it with the
    set's name, or torchvision's."""
    places = [folder, folder / name, folder / SETS[name]["torchvision"] / "raw"]
    return next((place for place in places if all(_file(place, file) for file in FILES)), None)


@lru_cache(maxsize=2)
def _read(name: str, folder: Path) -> ImageSet:
    contents, archives = (SETS[name].get(sums, [""] * 4) for sums in ("content_md5", "archive_md5"))
    parts = []
    for (file, shape), content, archive in zip(FILES.items(), contents, archives, strict=True):
        path = _file(folder, file)
        assert path is not None
        parts.append(read_idx(path, shape, content_md5=content, archive_md5=archive))
    train, train_labels, test, test_labels = parts
    return ImageSet(name, train, train_labels.astype(np.int64), test, test_labels.astype(np.int64))


def _download(name: str, folder: Path) -> str:
    """Let torchvision download and check a set; returns the reason of a failure, or ""."""
    try:
        need("it", "torch", "torchvision")
        from torchvision import datasets

        kind = getattr(datasets, SETS[name]["torchvision"])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            kind(str(folder), download=True)
    except UsageError as error:
        return str(error).rstrip(".")
    except (OSError, RuntimeError) as error:
        return _reason(str(error))
    return ""


def _reason(said: str) -> str:
    """The last cause in torchvision's message, which has two lines for each mirror: URL, cause."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    cause = re.sub(r"^<urlopen error (.*)>$", r"\1", lines[-1]) if lines else "no reason is known"
    return re.sub(r"^\[Errno -?\d+\] ", "", cause)


@lru_cache(maxsize=1)
def _digits() -> ImageSet:
    """1797 digits of 8 x 8 pixels, enlarged to 20 x 20 inside a border of 4 as in MNIST.

    13 people wrote them, one after the other, so the last fifth is by people who wrote hardly any
    of the others. Logistic regression recognises 90 % of it, and 97 % of a fifth drawn at random.
    """
    state = random.getstate()
    from sklearn.datasets import load_digits

    random.setstate(state)  # scikit-learn's first import draws from Python's global generator
    bunch = load_digits()
    small = bunch.images / 16.0  # [images, 8, 8], 0 to 1
    enlarge = _enlargement(8, 20)
    large = np.pad(enlarge @ small @ enlarge.T, ((0, 0), (4, 4), (4, 4)))
    pixels = np.rint(255 * large.clip(0, 1)).astype(np.uint8)  # [images, 28, 28]
    labels, first = bunch.target.astype(np.int64), len(pixels) * 4 // 5
    about = "by other writers than the training images; validation images are by the same writers"
    return ImageSet("digits", pixels[:first], labels[:first], pixels[first:], labels[first:], about)


def _enlargement(small: int, large: int) -> np.ndarray:
    """The matrix that interpolates linearly: float [large, small], rows sum to 1."""
    at = ((np.arange(large) + 0.5) * small / large - 0.5).clip(0, small - 1)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(small)))
