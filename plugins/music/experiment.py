"""Learning pieces: windows with a carried state, validation after each epoch, the best weights kept and tested at the end.

Put down between any two windows and taken up again, it goes on with the same bytes on a CPU.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from envs.datasets.pieces import Pieces
from envs.datasets.rolls import STRUCK
from plugins.music import corpus
from plugins.music.config import MusicConfig
from plugins.music.lanes import Lanes
from plugins.music.networks.making import make_model
from plugins.music.networks.models import losses, target_of
from plugins.music.scores import Scoring
from sandbox.lab import Block, Context, Experiment, Summary
from sandbox.score import Score

UPDATES = 4
"""Windows learned from in one stretch of work."""
LAST_RATE = 0.01
"""What is left of the learning rate at the end of a decay."""


class MusicExperiment(Experiment):
    """A model that learns.

    Args:
        config: of the lab.
        context: seed, data folder, device.
        pieces: to learn from.
    """

    limit: int
    done_units: int
    notes: Sequence[str]
    unit = "epoch"
    headline = ("loss", "nll")

    def __init__(self, config: MusicConfig, context: Context, pieces: Pieces) -> None:
        self.config, self.context, self.pieces = config, context, pieces
        self.device = torch.device(context.device)
        if torch.get_num_threads() != context.threads:
            torch.set_num_threads(context.threads)
        self.model = make_model(config, context.seed)
        self.rolls = corpus.rolls(pieces, self.model.hands)
        if config.loss == "report":
            self.model.prior.copy_(
                torch.from_numpy(-np.log(corpus.key_weights(self.rolls["train"])))
            )
        self.model.to(self.device)
        self.model.noise = torch.Generator(self.device).manual_seed(
            int(context.rng("dropout").integers(2**62))
        )
        self.lanes = Lanes(
            self.rolls["train"], config.batch, config.window, self.model.history, config.transpose, context.rng("lanes")
        )  # fmt: skip
        update = config.batch * config.window
        self.updates_per_epoch = -(-self.lanes.frames // update)
        self.limit = config.epochs
        if config.frames is not None:  # fewer than an epoch has: a part of one
            self.limit = min(config.epochs, max(1, config.frames // self.lanes.frames))
            self.updates_per_epoch = min(self.updates_per_epoch, max(1, config.frames // update))
        self.optimizer = self._optimizer()
        self.notes = list(pieces.notes)
        if pieces.skipped:
            self.notes.append(
                f"{pieces.skipped} of {len(pieces.report)} files were skipped; files.tsv says why."
            )
        self.scoring = {
            split: Scoring(self.rolls[split], self.model.history) for split in ("valid", "test")
        }
        self.carried = self.model.begin(config.batch)
        self.phase = "learn"  # then "valid", and at the very end "test"
        self.done_units, self.update, self.frames, self.struck = 0, 0, 0, 0
        self.best_nll, self.best_epoch, self.best = math.inf, 0, self._weights()
        self.sums: dict[str, float] = {}
        self.valid: dict[str, float] = {}
        self.test: dict[str, float] = {}

    def _optimizer(self) -> torch.optim.Optimizer:
        kind = torch.optim.AdamW if self.config.optimizer == "adamw" else torch.optim.Adam
        return kind(
            self.model.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )

    @property
    def env_steps(self) -> int:
        """Steps of music learned from, for the speed in the summary."""
        return self.frames

    @property
    def done(self) -> bool:
        """Whether the test is over."""
        return bool(self.test)

    def advance(self) -> Sequence[Block]:
        """A few windows, or a part of a validation, or of the test."""
        if self.phase == "learn":
            return self._learn()
        scoring = self.scoring[self.phase]
        with self._precision():
            scoring.step(self.model)
        if not scoring.done:
            return []
        figures = scoring.figures()
        return self._validated(figures) if self.phase == "valid" else self._tested(figures)

    # -- learning

    def _learn(self) -> list[Block]:
        left = self.updates_per_epoch * (self.done_units + 1) - self.update
        for _ in range(min(UPDATES, left)):
            self._update()
        if self.update < self.updates_per_epoch * (self.done_units + 1):
            return []
        self.done_units += 1
        self.phase = "valid"
        self.scoring["valid"].begin()
        frames = self.sums.pop("frames")
        parts = {name: [value / frames] for name, value in self.sums.items()}
        self.sums = {}
        columns: dict[str, Any] = {
            "epoch": [self.done_units],
            "loss": [sum(value for (value,) in parts.values())],
        }
        columns |= {f"loss_{name}": value for name, value in parts.items()}
        return [
            Block(
                "learn",
                {
                    **columns,
                    "frames": [self.frames],
                    "notes": [self.struck],
                    "learning_rate": [self._rate(self.update - 1)],
                },
            )
        ]

    def _update(self) -> None:
        """One window through the network and back."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.update)
        window = self.lanes.next()
        target = target_of(*window, self.device)
        going_on = (target.position > 0).to(self.carried[0].dtype)[None, :, None]
        state = (
            self.carried[0] * going_on,
            self.carried[1] * going_on,
        )  # nothing is carried from one piece to the next
        self.model.train()
        with self._precision():
            predicted = self.model.predict(target.sounds, target.position, state)
        parts = losses(self.model, predicted, target, self.config.loss)
        self.optimizer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        if self.config.clip is not None:
            body = (
                weight
                for name, weight in self.model.named_parameters()
                if not name.startswith("strike.")
            )
            torch.nn.utils.clip_grad_norm_(body, self.config.clip)
        self.optimizer.step()
        self.carried = (predicted.state[0].detach().float(), predicted.state[1].detach().float())
        self._count(
            window.roll[:, self.model.history :],
            window.inside,
            {name: float(value.detach()) for name, value in parts.items()},
        )

    def _count(self, roll: np.ndarray, inside: np.ndarray, parts: dict[str, float]) -> None:
        frames = int(inside.sum())
        self.update += 1
        self.frames += frames
        self.struck += int(np.count_nonzero(roll == STRUCK))
        for name, value in {**parts, "frames": 1.0}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * frames

    def _rate(self, update: int) -> float:
        """The learning rate of an update."""
        if self.config.decay == "constant":
            return self.config.learning_rate
        share = update / max(1, self.updates_per_epoch * self.limit - 1)
        return self.config.learning_rate * (
            LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * share)) / 2
        )

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.device.type == "cuda" and self.config.mixed_precision:
            return torch.autocast("cuda", torch.bfloat16)
        return contextlib.nullcontext()

    # -- looking at what was learned

    def _validated(self, figures: dict[str, float]) -> list[Block]:
        self.valid = figures
        if figures["nll"] < self.best_nll:
            self.best_nll, self.best_epoch, self.best = (
                figures["nll"],
                self.done_units,
                self._weights(),
            )
        patience = self.config.patience
        stale = patience is not None and self.done_units - self.best_epoch >= patience
        self.phase = "test" if stale or self.done_units >= self.limit else "learn"
        if self.phase == "test":
            self.use_best()
            self.scoring["test"].begin()
        return [
            Block(
                "validate",
                {"epoch": [self.done_units], **{name: [value] for name, value in figures.items()}},
            )
        ]

    def _tested(self, figures: dict[str, float]) -> list[Block]:
        self.test = figures
        return [
            Block(
                "test",
                {"epoch": [self.best_epoch], **{name: [value] for name, value in figures.items()}},
            )
        ]

    def use_best(self) -> None:
        """Put the weights with the best validation into the model."""
        self._load(self.best)

    def _weights(self) -> dict[str, np.ndarray]:
        return {
            name: value.detach().cpu().numpy().copy()
            for name, value in self.model.state_dict().items()
        }

    def _load(self, weights: dict[str, np.ndarray]) -> None:
        self.model.load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        )

    # -- putting down and taking up

    def state(self) -> dict[str, Any]:
        """Everything that goes on."""
        assert self.model.noise is not None
        slots = self.optimizer.state_dict()["state"]
        return {
            "digest": self.pieces.digest(),
            "weights": self._weights(),
            "best": {name: value.copy() for name, value in self.best.items()},
            "optimizer": {
                str(number): {name: value.cpu().numpy() for name, value in slot.items()}
                for number, slot in slots.items()
            },
            "noise": self.model.noise.get_state().numpy(),
            "carried": [part.cpu().numpy() for part in self.carried],
            "lanes": self.lanes.state(),
            "scoring": {split: scoring.state() for split, scoring in self.scoring.items()},
            "figures": {
                "sums": dict(self.sums),
                "valid": dict(self.valid),
                "test": dict(self.test),
            },
            "counts": [self.done_units, self.update, self.frames, self.struck, self.best_epoch],
            "best_nll": self.best_nll if self.best_epoch else None,
            "phase": self.phase,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned.

        Raises:
            ValueError: when the pieces are others than they were.
        """
        assert self.model.noise is not None
        if state["digest"] != self.pieces.digest():
            raise ValueError(
                "the pieces are not those that it learned from: files in the data folder were added, removed or changed"
            )
        self._load(state["weights"])
        self.best = {name: np.array(value) for name, value in state["best"].items()}
        slots = {
            int(number): {name: torch.tensor(np.asarray(value)) for name, value in slot.items()}
            for number, slot in state["optimizer"].items()
        }
        self.optimizer.load_state_dict(
            {"state": slots, "param_groups": self.optimizer.state_dict()["param_groups"]}
        )
        self.model.noise.set_state(torch.from_numpy(np.array(state["noise"], dtype=np.uint8)))
        self.carried = tuple(
            torch.from_numpy(np.array(part)).to(self.device) for part in state["carried"]
        )  # type: ignore[assignment]
        self.lanes.restore(state["lanes"])
        for split, scoring in self.scoring.items():
            scoring.restore(state["scoring"][split])
        self.sums, self.valid, self.test = (
            dict(state["figures"][name]) for name in ("sums", "valid", "test")
        )
        self.done_units, self.update, self.frames, self.struck, self.best_epoch = (
            int(count) for count in state["counts"]
        )
        self.best_nll = math.inf if state["best_nll"] is None else float(state["best_nll"])
        self.phase = state["phase"]

    def score(self) -> Score:
        """NLL per frame of the test pieces, or of the validation pieces where none are tested."""
        name = "test_nll" if self.test else "valid_nll"
        value = self.test.get("nll", math.nan) if self.test else self.valid.get("nll", math.nan)
        return Score(name, value, higher_is_better=False, unit="nats per frame")

    def summary(self) -> Summary:
        """NLL per frame of the test pieces in nats, and what else was measured."""
        figures = {f"test_{name}": value for name, value in self.test.items()}
        return {
            **(figures or {"valid_nll": self.valid.get("nll", math.nan)}),
            **({"valid_nll": self.best_nll} if figures else {}),
            "best_epoch": self.best_epoch,
            "epochs": self.done_units,
            "frames": self.frames,
            "notes": self.struck,
            "pieces": sum(len(found) for found in self.pieces.splits.values())
            if not self.pieces.notes
            else len(self.pieces.report),
        }
