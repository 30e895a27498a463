"""The epoch trainer on windows of music, which carries the LSTM state from one to the next.

Interrupted between any two windows and resumed, a run gives the same bytes on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from agents.snapshots import View
from agents.supervised.epochs import EpochExperiment
from agents.supervised.optimisation import cosine
from agents.supervised.tensors import device_of
from envs.datasets.pieces import Pieces
from envs.datasets.rolls import STRUCK
from plugins.music import corpus
from plugins.music.config import MusicConfig
from plugins.music.generate import default_draw
from plugins.music.lanes import Lanes
from plugins.music.networks.making import make_model
from plugins.music.networks.models import MusicModel, losses, target_of
from plugins.music.playing import Continuation
from plugins.music.scores import Scoring, heard
from sandbox.lab import Block, Context, State, Summary
from sandbox.score import Score
from sandbox.seeding import generator

UPDATES = 4
"""Windows learned in one block of work."""
WATCHED = 32
"""Largest number of steps that a snapshot's continuation adds."""
LAST_RATE = 0.01
"""Final learning rate of a decay, as a share of the first."""


class MusicExperiment(EpochExperiment):
    """Training of a model on pieces.

    Args:
        config: of the lab.
        context: seed, data folder, device.
        pieces: the training, validation and test pieces.

    Attributes:
        rolls: of each split, uint8 [steps, hands, 88] for each piece.
        frames: steps of music learned from.
        struck: note onsets in these steps.
        valid: scores of the last validation.
    """

    model: MusicModel
    notes: Sequence[str]
    headline = ("loss", "nll")
    monitor = "nll"
    rare_snapshots = True

    def __init__(self, config: MusicConfig, context: Context, pieces: Pieces) -> None:
        self.config, self.context, self.pieces = config, context, pieces
        model = make_model(config, context.seed)
        self.rolls = corpus.rolls(pieces, model.hands)
        if config.loss == "report":
            weights = corpus.key_weights(self.rolls["train"])
            model.prior.copy_(torch.from_numpy(-np.log(weights)))
        self.lanes = Lanes(
            heard(model, self.rolls["train"]),
            config.batch,
            config.window,
            model.history,
            config.transpose,
            context.rng("lanes"),
        )
        update = config.batch * config.window
        epochs, updates = config.epochs, -(-self.lanes.frames // update)
        if config.frames is not None:  # may be less than one epoch
            epochs = min(epochs, max(1, config.frames // self.lanes.frames))
            updates = min(updates, max(1, config.frames // update))
        device = device_of(context.device)
        kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
        super().__init__(
            context,
            model.to(device),
            kind(model.parameters(), config.learning_rate, weight_decay=config.weight_decay),
            epochs=epochs,
            batches=updates,
            stretch=UPDATES,
            patience=config.patience,
            clip=config.clip,
            half=config.mixed_precision and device.type == "cuda",
        )
        self.noise = torch.Generator(self.device)
        self.noise.manual_seed(int(context.rng("dropout").integers(2**62)))
        self.model.noise = self.noise
        self.notes = list(pieces.notes)
        if pieces.skipped:
            self.notes.append(
                f"{pieces.skipped} of {len(pieces.report)} files were skipped; files.tsv says why."
            )
        self.scoring = {
            split: Scoring(self.rolls[split], self.model) for split in ("valid", "test")
        }
        self.carried = self.model.begin(config.batch)
        self.frames, self.struck = 0, 0
        self._sums: dict[str, float] = {}
        self.valid: dict[str, float] = {}

    @property
    def env_steps(self) -> int:
        """Steps of music learned from, for the speed in the summary."""
        return self.frames

    @property
    def tested_epoch(self) -> int:
        """The epoch of the best validation."""
        return int(self.best["epoch"])

    # -- learning

    def rate(self, step: int) -> float:
        """The learning rate: constant, or a cosine that falls to a hundredth."""
        if self.config.decay == "constant":
            return self.config.learning_rate
        share = step / max(1, self.batches * self.limit - 1)
        return self.config.learning_rate * cosine(1.0, LAST_RATE, share)

    def loss(self, step: int) -> Tensor:
        """The sum of the model's losses for the next window of every lane."""
        window = self.lanes.next()
        target = target_of(*window, self.device, self.model.recalled)
        same_piece = (target.position > 0).to(self.carried[0].dtype)[None, :, None]
        carried = (self.carried[0] * same_piece, self.carried[1] * same_piece)
        with self.autocast():
            predicted = self.model.predict(target.sounds, target.position, carried)
        parts = losses(self.model, predicted, target, self.config.loss)
        self.carried = (predicted.state[0].detach().float(), predicted.state[1].detach().float())
        played = window.roll[:, self.model.history :, : self.model.hands]
        self._count(played, window.inside, parts)
        return torch.stack(list(parts.values())).sum()

    def clipped(self) -> Iterator[nn.Parameter]:
        """All weights but those of the head for repeated notes, which sends no gradient down."""
        for name, weight in self.model.named_parameters():
            if not name.startswith("strike."):
                yield weight

    def _count(self, roll: np.ndarray, inside: np.ndarray, parts: dict[str, Tensor]) -> None:
        frames = int(inside.sum())
        self.frames += frames
        self.struck += int(np.count_nonzero(roll == STRUCK))
        sums = self._sums
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) * frames
        sums["frames"] = sums.get("frames", 0.0) + frames

    def end_epoch(self) -> Sequence[Block]:
        """Mean losses per step; starts the validation."""
        frames = self._sums.pop("frames")
        parts = {f"loss_{name}": value / frames for name, value in self._sums.items()}
        self._sums, self.validating = {}, True
        self.scoring["valid"].begin()
        figures = {
            "loss": sum(parts.values()),
            **parts,
            "frames": self.frames,
            "notes": self.struck,
            "learning_rate": self.rate(self.epoch * self.batches - 1),
        }
        return [self.row("learn", figures)]

    def evaluate(self, split: str) -> dict[str, float] | None:
        """Score the next part of a split's pieces; returns their figures after the last part."""
        scoring = self.scoring[split]
        with self.autocast():
            scoring.step(self.model)
        if not scoring.done:
            return None
        figures = scoring.figures()
        if split == "valid":
            self.valid = figures
        return figures

    # -- watching

    def seed(self) -> np.ndarray:
        """The beginning of a test piece that is continued: uint8 [steps, hands, 88]."""
        return self.rolls["test"][0][: self.config.seed_steps]

    def continuation(self, most: int | None = None) -> Continuation:
        """How the present model continues it, always with the same draws.

        Args:
            most: largest number of steps; None for as many as configured.
        """
        steps = min(self.config.steps, most or self.config.steps)
        rng = generator(self.context.seed, "continuation")
        how = default_draw(self.model)
        return Continuation(self.model, self.seed(), steps, how, rng, self.config.steps_per_beat)

    def view(self) -> View:
        """NLL of the validation pieces after the last epoch, in nats per frame, and a short
        continuation."""
        return {"nll": self._valid_nll(), "roll": self.continuation(WATCHED).roll}

    def _valid_nll(self) -> float:
        """NLL of the validation pieces: the best at the end, before that the last."""
        return self.best["score"] if self.results else self.valid.get("nll", math.nan)

    # -- saving and resuming

    def state(self) -> State:
        """See `EpochExperiment.state`; the format is that of the first runs of this lab."""
        state = super().state()
        update = self.epoch * self.batches + self.batch
        best = self.best
        results = {"sums": dict(self._sums), "valid": dict(self.valid), "test": state["found"]}
        return {
            "digest": self.pieces.digest(),
            "weights": state["model"],
            "best": dict(best["weights"]),
            "optimizer": state["optimizer"],
            "noise": self.noise.get_state().numpy(),
            "carried": [part.cpu().numpy() for part in self.carried],
            "lanes": self.lanes.state(),
            "scoring": {split: scoring.state() for split, scoring in self.scoring.items()},
            "figures": results,
            "counts": [self.epoch, update, self.frames, self.struck, best["epoch"]],
            "best_nll": best["score"],
            "phase": "valid" if self.validating else "test" if self.trained else "learn",
            **self._kept_snapshots(),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned.

        Raises:
            ValueError: when the pieces differ from those of the saved run.
        """
        if state["digest"] != self.pieces.digest():
            raise ValueError(
                "the pieces are not those that it learned from: "
                "files in the data folder were added, removed or changed"
            )
        epoch, update, self.frames, self.struck, best = (int(one) for one in state["counts"])
        results = state["figures"]
        super().restore(
            {
                "epoch": epoch,
                "batch": update - epoch * self.batches,
                "model": state["weights"],
                "optimizer": state["optimizer"],
                "rate": self.config.learning_rate,
                "best": {"epoch": best, "score": state["best_nll"], "weights": state["best"]},
                "found": results["test"],
                "snapshots": state.get("snapshots", {}),
            }
        )
        self.validating = state["phase"] == "valid"
        self.noise.set_state(torch.from_numpy(np.array(state["noise"], dtype=np.uint8)))
        hidden, cell = (torch.from_numpy(np.array(part)) for part in state["carried"])
        self.carried = hidden.to(self.device), cell.to(self.device)
        self.lanes.restore(state["lanes"])
        for split, scoring in self.scoring.items():
            scoring.restore(state["scoring"][split])
        self._sums, self.valid = dict(results["sums"]), dict(results["valid"])

    def score(self) -> Score:
        """NLL per frame of the test pieces; before the test, that of the validation pieces."""
        split, scores = ("test", self.results) if self.results else ("valid", self.valid)
        value = scores.get("nll", math.nan)
        return Score(f"{split}_nll", value, higher_is_better=False, unit="nats per frame")

    def summary(self) -> Summary:
        """NLL per frame of the test pieces in nats, and further scores."""
        scores: Summary = {f"test_{name}": value for name, value in self.results.items()}
        return {
            **scores,
            "valid_nll": self._valid_nll(),
            "best_epoch": self.best["epoch"],
            "epochs": self.epoch,
            "frames": self.frames,
            "notes": self.struck,
            "pieces": len(self.pieces.report) - self.pieces.skipped,
        }
