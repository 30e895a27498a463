"""Tells a run's story in a text file beside its metrics: when it began, how it came along, how it ended."""

from __future__ import annotations

# -- hook


class ExamplePlugin:
    """An observer is told what happens; one that raises is reported once and dropped, and the run goes on."""

    def started(self, run):
        """The run begins, or goes on after a resume."""
        self.file = (run.folder.path / "story.txt").open("a", encoding="utf-8")
        self.blocks = 0
        self.file.write(f"{run.record.lab} {'goes on' if run.record.resumed else 'begins'} with seed {run.record.seed}\n")

    def block(self, run, block):
        """A block was written; `block.columns` holds its metrics."""
        self.blocks += 1

    def ended(self, run):
        """The run has its final status."""
        self.file.write(f"{run.record.status} after {run.record.done_units} units in {self.blocks} blocks\n")
        self.file.close()
