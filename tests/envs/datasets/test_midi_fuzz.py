"""Files that somebody damaged: the reader gives a piece or says why not, and the process lives
on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("symusic")
pytest.importorskip("pretty_midi")

from envs.datasets.midi import MAX_BEATS, Unreadable, read_piece
from tests.envs.datasets.midi_mutants import mutant, originals

pytestmark = pytest.mark.extras

ROOT = Path(__file__).resolve().parents[3]
COUNT = 500


@pytest.mark.parametrize("source", ["composed", "real"])
def test_no_mutated_file_ends_the_process(source):
    data = os.environ.get("SANDBOX_TEST_DATA", "")
    folder = [str(Path(data) / "piano-midi-de")] if source == "real" else []
    if folder and not (data and Path(folder[0]).is_dir()):
        pytest.skip("SANDBOX_TEST_DATA leads to no piano-midi-de/")
    command = [sys.executable, "-m", "tests.envs.datasets.midi_mutants", "0", str(COUNT), *folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (
        f"exit code {done.returncode}, seed 0, mutant and traceback: {done.stderr[-2000:]}"
    )
    became = json.loads(done.stdout)["became"]
    assert sum(became.values()) == COUNT and became["pieces"] > 20 and len(became) > 5


def test_a_mutant_is_a_function_of_seed_and_number():
    files = originals(None)
    assert mutant(files, 3, 17) == mutant(files, 3, 17) != mutant(files, 3, 18)


def song(events, ticks=96):
    """A file of one track."""
    track = events + b"\x00\xff\x2f\x00"
    return (
        b"MThd\x00\x00\x00\x06\x00\x00\x00\x01"
        + ticks.to_bytes(2, "big")
        + b"MTrk"
        + len(track).to_bytes(4, "big")
        + track
    )


NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (song(b""), "no notes"),
        (song(b"\x00\x99\x3c\x40\x60\x89\x3c\x00"), "percussion is left out"),
        (song(NOTE.replace(b"\x3c", b"\x10")), "outside the piano's range"),
        (song(NOTE, ticks=0), "0 ticks per beat"),
        (song(b"\xff\xff\xff\x7f" + NOTE[1:], ticks=1), f"more than {MAX_BEATS}"),
        (song(b"\xff\xff\xff\x7f\xb0\x40\x00" * 40 + NOTE, ticks=1), "more than|absurd|damaged"),
        (song(NOTE)[:30], "damaged"),
        (song(NOTE)[:18] + b"\x7f\xff\xff\xff" + song(NOTE)[22:], "damaged"),
        (song(b"\x00\xff\x03\xff\xff\xff\x7f" + NOTE), "damaged"),
        (song(NOTE) + b"\x00" * 16_000_000, "16 MB, more than 16"),
    ],
)
def test_what_is_no_piece_is_said_in_a_line(content, says):
    with pytest.raises(Unreadable, match=says) as reason:
        read_piece(content, "bad", 4)
    assert "\n" not in str(reason.value)


def test_the_hand_made_file_is_a_piece_and_absurd_tempos_move_nothing():
    plain = read_piece(song(NOTE), "plain", 4).roll
    assert plain.shape == (4, 2, 88) and plain.any()
    for tempo in (b"\x00\x00\x00", b"\x00\x00\x01", b"\xff\xff\xff"):
        assert (read_piece(song(b"\x00\xff\x51\x03" + tempo + NOTE), "wild", 4).roll == plain).all()
