"""The lab: a model learns pieces and continues a test piece, as MIDI, WAV and picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from plugins.music.config import MusicConfig
from sandbox.lab import Context, Lab, deferred
from sandbox.store.artifacts import Artifacts
from sandbox.store.metrics import Metrics
from sandbox.tables import read_presets

if TYPE_CHECKING:
    from optuna import Trial

    from plugins.music.experiment import MusicExperiment


class MusicLab(Lab):
    """Can an LSTM learn piano pieces for two hands, and continue one?"""

    Config = MusicConfig
    follows_processor = True
    presets = read_presets(__file__)
    directions: ClassVar[Mapping[str, str]] = {"test_nll": "minimize", "valid_nll": "minimize"}

    fps, animation = 10 / 3, "continuation.gif"

    frames = deferred("plugins.music.frames:frames")
    """A piano roll that plays, two frames for each beat."""

    page = deferred("plugins.music.page:Improviser")
    """Continues the run's piece from a bar."""

    claims_for = deferred("plugins.music.claims:claims")
    """The report's findings, on the data in this folder if there are any."""

    claim_pictures = deferred("plugins.music.claim_figures:pictures")
    """NLL by length of the windows, frozen steps by mode, and a piano roll."""

    claim_notes = deferred("plugins.music.claims:notes")
    """Paragraphs that explain the results."""

    network = deferred("plugins.music.networks.making:make_model")
    """A model."""

    def threads(self, config: MusicConfig, cores: int) -> int:
        """One thread for a small model."""
        from agents.supervised.threads import threads_for

        return threads_for(lambda: self.network(config), config.batch * config.window, cores)

    def build(self, config: MusicConfig, context: Context) -> MusicExperiment:
        """A fresh experiment.

        Raises:
            UsageError: when no file can be read as a piece.
        """
        from plugins.music import corpus
        from plugins.music.experiment import MusicExperiment

        return MusicExperiment(config, context, corpus.read(config, context.seed, context.data))

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """The search space: units of the LSTM, learning rate, and dropout."""
        return {
            "model.hidden": trial.suggest_int("model.hidden", 32, 320, log=True),
            "model.output-dropout": trial.suggest_float("model.output-dropout", 0.0, 0.6),
            "learning-rate": trial.suggest_float("learning-rate", 1e-4, 1e-2, log=True),
        }

    objective = "summary.test_nll"
    direction = "minimize"

    def pictures(self, experiment: MusicExperiment, artifacts: Artifacts, metrics: Metrics) -> None:
        """Save learning curve, report on files, model, and the continuation of a test piece."""
        from agents.supervised.saving import save_model
        from plugins.music import figures, playing

        config, model = experiment.config, experiment.model
        artifacts.write("files.tsv", experiment.pieces.table().encode())
        save_model(artifacts, "music", config, model)
        artifacts.save_figure(
            "learning_curve.png",
            figures.learning_curve(
                metrics.columns("learn"), metrics.columns("validate"), experiment.results
            ),
        )
        piece, continuation = experiment.pieces.splits["test"][0], experiment.continuation()
        artifacts.write("continuation.mid", continuation.midi())
        artifacts.write("continuation.wav", continuation.wav())
        artifacts.save_figure("continuation.png", continuation.picture(f"{piece.name}, continued"))
        artifacts.write_json(
            "statistics.json", playing.compared(continuation.generated, experiment.rolls["train"])
        )
