"""Images from files are what their makers published, or are refused; corruptions do what they
say."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.datasets import images
from envs.datasets.corruptions import add_noise, occlude
from envs.datasets.idx import read_idx
from envs.datasets.images import FILES, load_images
from sandbox.errors import UsageError

DATA = Path(os.environ.get("SANDBOX_TEST_DATA", "/nowhere")) / "mnist"


def idx(array, magic=None):
    return (
        (magic or bytes([0, 0, 8, array.ndim]))
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_written_is_read(tmp_path, packed):
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(idx(ARRAY)) if packed else idx(ARRAY))
    assert np.array_equal(read_idx(path, (2, 3, 4)), ARRAY)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (idx(ARRAY, b"\x00\x00\x09\x03"), "no IDX file of 3 dimensions"),
        (idx(ARRAY)[:9], "announces nothing"),
        (idx(ARRAY[:1]), "announces 1 x 3 x 4; expected 2 x 3 x 4"),
        (idx(ARRAY)[:-1], "its header promises 40"),
        (idx(ARRAY) + b"!", "its header promises 40"),
        (b"", "no IDX file"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, content, says):
    path = tmp_path / "wrong"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says) as told:
        read_idx(path, (2, 3, 4))
    assert str(path) in str(told.value)


def test_a_cut_archive_and_a_wrong_checksum_are_named(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(idx(ARRAY))[:-9])
    with pytest.raises(UsageError, match=r"cut\.gz is no whole gzip file"):
        read_idx(path, (2, 3, 4))
    path.write_bytes(gzip.compress(idx(ARRAY)))
    for sums in ({"content_md5": "0" * 32}, {"archive_md5": "0" * 32}):
        with pytest.raises(UsageError, match=r"cut\.gz is not the original"):
            read_idx(path, (2, 3, 4), **sums)


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_fills_the_memory(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("envs.datasets.idx.LARGEST", 10_000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(ARRAY) + bytes(8_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match=r"bomb\.gz is no whole gzip file: it unpacks to more"):
            read_idx(path, (2, 3, 4))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_folder_without_files_names_them_and_the_way_out(tmp_path):
    with pytest.raises(UsageError) as told:
        load_images("mnist", tmp_path)
    for word in (str(tmp_path), *FILES, "--dataset digits"):
        assert word in str(told.value)


@pytest.mark.extras
def test_without_a_network_the_way_out_is_named(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision").datasets

    def offline(*_, **__):
        raise RuntimeError("Error downloading")

    monkeypatch.setenv("SANDBOX_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "FashionMNIST", offline)
    with pytest.raises(UsageError, match="cannot be downloaded.*--dataset digits"):
        load_images("fashion-mnist")


def test_digits_need_no_file_and_look_like_mnist():
    found = load_images("digits")
    assert (
        found.train.shape == (1437, 28, 28)
        and found.test.shape == (360, 28, 28)
        and found.train.dtype == np.uint8
    )
    assert (
        not found.train[:, :4].any()
        and not found.train[:, :, -4:].any()
        and found.train.max() == 255
    )
    assert set(found.train_labels) == set(found.test_labels) == set(range(10))
    assert np.allclose(images._enlargement(8, 20).sum(1), 1)


@pytest.mark.skipif(not DATA.exists(), reason="needs SANDBOX_TEST_DATA/mnist")
def test_the_real_mnist_is_read_and_one_flipped_bit_refused(tmp_path):
    found = load_images("mnist", DATA)
    assert found.train.shape == (60000, 28, 28) and found.test.shape == (10000, 28, 28)
    assert np.bincount(found.test_labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    for name in FILES:
        (tmp_path / name).write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UsageError, match="t10k-labels-idx1-ubyte is not the original"):
        load_images("mnist", tmp_path)


@given(st.integers(0, 28), st.integers(0, 1000))
def test_a_square_of_that_size_is_hidden_and_nothing_else(side, seed):
    hidden = occlude(np.ones((3, 28, 28)), np.random.default_rng(seed), side)
    assert ((hidden == 0).sum((1, 2)) == side**2).all()
    for image in hidden[:, :, :] if side else ():
        rows, columns = np.nonzero(image == 0)
        assert np.ptp(rows) == np.ptp(columns) == side - 1


def test_noise_has_its_spread_and_stays_between_black_and_white():
    rng = np.random.default_rng(0)
    noisy = add_noise(np.full((50, 28, 28), 0.5, np.float32), rng, 0.1)
    assert noisy.std() == pytest.approx(0.1, rel=0.02) and noisy.mean() == pytest.approx(
        0.5, abs=0.002
    )
    strong = add_noise(np.zeros((50, 28, 28), np.float32), rng, 2.0)
    assert strong.min() == 0 and strong.max() == 1
