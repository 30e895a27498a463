"""MATLAB files of piano rolls: what they mean, and files that somebody damaged."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import scipy.io

from envs.datasets import matrices
from envs.datasets.matrices import read_matrices
from envs.datasets.rolls import HELD, SILENT, STRUCK
from sandbox.errors import UsageError


def saved(path, *, compress=True, **variables):
    """A file as it is published: a row of cells in each variable."""
    cells = {}
    for name, pieces in variables.items():
        cells[name] = np.empty((1, len(pieces)), dtype=object)
        cells[name][0] = [np.asarray(one, dtype=np.uint8) for one in pieces]
    scipy.io.savemat(path, cells, do_compression=compress)
    return path


def rolls(count, steps=12, seed=0):
    return list((np.random.default_rng(seed).random((count, steps, 88)) < 0.1).astype(np.uint8))


@pytest.mark.parametrize("compress", [True, False])
def test_every_piece_is_in_its_split_with_every_sounding_key(tmp_path, compress):
    groups = {"train": rolls(3, seed=1), "valid": rolls(2, seed=2), "test": rolls(1, seed=3)}
    variables = {f"{split}data": pieces for split, pieces in groups.items()}
    made = read_matrices(saved(tmp_path / "x.mat", compress=compress, **variables))
    for split, pieces in groups.items():
        assert len(made.splits[split]) == len(pieces)
        for piece, keys in zip(made.splits[split], pieces, strict=True):
            assert ((piece.roll != SILENT).any(axis=1) == keys).all()
            assert not piece.roll[:, 0, :39].any() and not piece.roll[:, 1, 39:].any()
    assert made.notes == () and made.skipped == 0 and len(made.report) == 6


def test_a_key_that_goes_on_sounding_is_held(tmp_path):
    keys = np.zeros((4, 88))
    keys[1:3, 50] = 1
    path = saved(tmp_path / "x.mat", traindata=[keys], validdata=[keys], testdata=[keys])
    (piece,) = read_matrices(path).splits["train"]
    assert piece.roll[:, 0, 50].tolist() == [SILENT, STRUCK, HELD, SILENT]


@pytest.mark.parametrize(
    "broken",
    [
        {"traindata": rolls(1)},
        {"traindata": [np.zeros((3, 87))], "validdata": rolls(1), "testdata": rolls(1)},
        {"traindata": [np.full((3, 88), 2)], "validdata": rolls(1), "testdata": rolls(1)},
        {"traindata": [np.zeros((0, 88))], "validdata": rolls(1), "testdata": rolls(1)},
        {"traindata": [], "validdata": [], "testdata": []},
    ],
)
def test_another_file_is_refused_with_what_is_expected(tmp_path, broken):
    with pytest.raises(UsageError, match=r"traindata, validdata and testdata"):
        read_matrices(saved(tmp_path / "x.mat", **broken))


def test_damaged_files_are_refused_and_never_end_the_process(tmp_path):
    good = saved(
        tmp_path / "x.mat", traindata=rolls(2), validdata=rolls(1), testdata=rolls(1)
    ).read_bytes()
    random, refused = np.random.default_rng(0), 0
    for _ in range(200):
        content = bytearray(good[: random.integers(1, len(good) + 1)])
        for place in random.integers(0, len(content), random.integers(0, 4)):
            content[place] = random.integers(256)
        (tmp_path / "y.mat").write_bytes(content)
        try:
            read_matrices(tmp_path / "y.mat")
        except UsageError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(("order", "mark"), [("<", b"IM"), (">", b"MI")])
def test_a_file_that_grows_without_end_is_refused_before_it_does(
    tmp_path, monkeypatch, order, mark
):
    monkeypatch.setattr(matrices, "MOST_INFLATED", 1_000_000)
    bomb = zlib.compress(bytes(50_000_000), 9)
    header = bytes(124) + struct.pack(f"{order}H", 0x0100) + mark
    path = tmp_path / "x.mat"
    path.write_bytes(header + struct.pack(f"{order}II", 15, len(bomb)) + bomb)
    with pytest.raises(UsageError, match="when decompressed"):
        read_matrices(path)


@pytest.mark.extras
def test_the_lab_music_learns_from_it(tmp_path, say):
    pytest.importorskip("torch")
    pytest.importorskip("symusic")
    pytest.importorskip("pretty_midi")
    from sandbox import load

    path = saved(
        tmp_path / "x.mat", traindata=rolls(4, 40), validdata=rolls(2, 40), testdata=rolls(2, 40)
    ).rename(tmp_path / "x.MAT")
    said = say("run", "music", "--preset", "quick", "--data", path, "--epochs", 1)
    assert said.code == 0, said.err
    learned = load("last")
    assert learned.status == "finished" and learned.summary["test_nll"] > 0
    table = (learned.path / "artifacts" / "files.tsv").read_text()
    assert table.startswith("# x.MAT: 4 train, 2 valid, 2 test; 0 of 8 files skipped")
