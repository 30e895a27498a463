"""Presets in a TOML file beside a lab's code."""

from __future__ import annotations

import pytest

from sandbox.tables import read_presets


def presets(folder, text):
    (folder / "presets.toml").write_text(text, encoding="utf-8")
    return read_presets(str(folder / "lab.py"))


def test_a_preset_can_change_an_earlier_one(tmp_path):
    read = presets(tmp_path, '[best]\nsize = 3\nname = "a"\n[small]\nlike = "best"\nsize = 1\n')
    assert read == {"best": {"size": 3, "name": "a"}, "small": {"size": 1, "name": "a"}}


def test_a_preset_cannot_be_like_one_that_does_not_exist(tmp_path):
    with pytest.raises(KeyError, match="best"):
        presets(tmp_path, '[small]\nlike = "best"\n')
