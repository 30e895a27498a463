"""Which hand a track is for: by the words of its name, else by its register."""

from __future__ import annotations

import numpy as np
import pytest

from envs.datasets.midi import Track, assign_hands


def track(name, pitch):
    return Track(name, np.array([[0, 480, pitch]], dtype=np.int64))


def pitches(hand):
    return [int(pitch) for part in hand for pitch in part.notes[:, 2]]


@pytest.mark.parametrize(
    "name",
    ["Bright Acoustic Piano", "Upright Piano", "Copyright 2003", "Flower Duet", "Slower", "Supper"],
)
def test_a_word_that_only_ends_like_a_hands_name_names_no_hand(name):
    (right, left), how = assign_hands([track(name, 72), track(name, 40)])
    assert pitches(right) == [72] and pitches(left) == [40], how


@pytest.mark.parametrize(
    ("right", "left"),
    [
        ("Piano right", "Piano left"),
        ("PianoRight", "PianoLeft"),
        ("R.H.", "L.H."),
        ("Upper staff", "Lower staff"),
        ("upper", "lower"),
        ("rechte Hand: rechts", "linke Hand: links"),
        ("main droite", "main gauche"),
    ],
)
def test_a_name_decides_whatever_the_register(right, left):
    hands, how = assign_hands([track(left, 72), track(right, 40)])
    assert [pitches(hand) for hand in hands] == [[40], [72]] and how == "by name"


def test_one_track_that_names_its_hand_is_one():
    assert assign_hands([track("right", 60)])[1] == "by name, 1 track"


def test_the_name_of_a_track_keeps_to_its_line_and_column_of_the_report():
    hands, how = assign_hands([track("left", 40), track("Second\tvoice\n", 72)])
    assert (
        pitches(hands[0]) == [72] and how == "by name, 2 tracks; by register 'Second voice' right"
    )
