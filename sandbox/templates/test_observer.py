"""The observer writes down how a run began and how it ended."""

import sandbox


def test_the_story_has_a_beginning_and_an_end(tmp_path):
    run = sandbox.run("maze", episodes=50, store=tmp_path, track=["example-plugin"], pictures=False)
    story = (run.path / "story.txt").read_text().splitlines()
    assert story[0] == "maze begins with seed 0"
    assert story[-1].startswith("finished after 50 units")
    assert not run.record.warnings
