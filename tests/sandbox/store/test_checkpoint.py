"""Checkpoints: what goes in comes out, damage is noticed, half-written ones do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sandbox.errors import CheckpointError
from sandbox.store import checkpoint

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
array = arrays.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", "|u1", "|b1"]),
    arrays.array_shapes(max_dims=3, max_side=4),
)
tree = st.recursive(
    plain | array,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def same(one, other):
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(state=st.dictionaries(st.text(), tree, max_size=4))
def test_a_state_comes_back_as_it_was(state, tmp_path_factory):
    path = checkpoint.save(tmp_path_factory.mktemp("checkpoints"), 1, state)
    assert same(checkpoint.load(path), state)


def test_a_generator_goes_on_where_it_was(tmp_path):
    rng = np.random.default_rng(3)
    rng.random(7)
    path = checkpoint.save(tmp_path, 1, {"rng": rng.bit_generator.state})
    other = np.random.default_rng(0)
    other.bit_generator.state = checkpoint.load(path)["rng"]
    assert other.random(5).tolist() == rng.random(5).tolist()


def test_strings_that_look_like_references_stay_strings(tmp_path):
    state = {"a": "array:a0", "b": "text:x", "c": np.zeros(2)}
    assert same(checkpoint.load(checkpoint.save(tmp_path, 1, state)), state)


def test_the_last_two_are_kept(tmp_path):
    for number in (1, 2, 3, 10):
        checkpoint.save(tmp_path, number, {"number": number})
    assert checkpoint.numbers(tmp_path) == [3, 10]


@pytest.mark.parametrize("name", ["state.json", "arrays.npz", "sums.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "empty"])
def test_a_damaged_checkpoint_is_passed_over_and_reported(tmp_path, name, damage):
    for number in (1, 2):
        checkpoint.save(tmp_path, number, {"number": number, "array": np.arange(50.0)})
    victim = tmp_path / "000002" / name
    content = bytearray(victim.read_bytes())
    if damage == "cut":
        victim.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 0xFF
        victim.write_bytes(content)
    elif damage == "empty":
        victim.write_bytes(b"")
    else:
        victim.unlink()
    said = []
    number, state = next(checkpoint.newest_first(tmp_path, said.append))
    assert number == 1 and state["number"] == 1
    assert len(said) == 1 and "000002" in said[0]


@pytest.mark.parametrize(
    "value", [object(), {1: "one"}, np.array([object()], dtype=object), {"f": lambda: 0}, {1, 2}]
)
def test_a_state_that_is_no_plain_data_is_refused_and_leaves_nothing(tmp_path, value):
    with pytest.raises(CheckpointError, match="state"):
        checkpoint.save(tmp_path, 1, {"value": value})
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 1, {"number": 1})

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, 2, {"number": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["000001"]


def test_no_code_runs_when_a_checkpoint_is_loaded(tmp_path):
    path = checkpoint.save(tmp_path, 1, {"a": np.zeros(1)})
    np.savez(path / "arrays.npz", a0=np.array([{"evil": 1}], dtype=object))
    sums = (path / "sums.json").read_text()
    import hashlib

    old = __import__("json").loads(sums)
    (path / "sums.json").write_text(
        sums.replace(
            old["arrays.npz"], hashlib.sha256((path / "arrays.npz").read_bytes()).hexdigest()
        )
    )
    with pytest.raises(CheckpointError, match="does not hold the array"):
        checkpoint.load(path)
