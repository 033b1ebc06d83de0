"""What recipes share: the settings of the descent, how they come back from a run, and what all manifests say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from winnow.models.manifest import Manifest
from winnow.models.voices import VoiceEncoder
from winnow.settings import restored
from winnow.train.encoders import Vectors


@dataclass(frozen=True)
class Descent:
    """How weights are found, a part of what a run needs besides its data; a recipe adds its own.

    epoch: examples that make one. optimiser: adamw, or muon (see `winnow.train.muon`). learning_rate: the highest; it rises to
    that in the share `warm_up` of a run, and falls to final_rate. clip_norm: gradients are cut to it. average: how much of the
    averaged weights each step keeps, 0: none.
    """

    epoch: int = 4000
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    final_rate: float = 2e-5
    warm_up: float = 0.02
    weight_decay: float = 0.01
    clip_norm: float = 3.0
    average: float = 0.998


@dataclass(frozen=True)
class BatchDescent(Descent):
    """batch_size: examples of a step."""

    batch_size: int = 8


PLAIN: dict[str, Any] = {"warm_up": 0.0, "weight_decay": 0.0, "clip_norm": 1e9, "average": 0.0}
"""Adam as it is, without a schedule: what was published for most of the systems."""


class BaseRecipe:
    """A network with its settings and its loss; see docs/training.md for what a recipe may have besides."""

    name = ""
    title = ""
    config_class: type[Any] = BatchDescent

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Any:
        """The recipe that a run's config.json describes. Raises BadOption."""
        return cls(restored(cls.config_class, values))

    def described(
        self,
        name: str,
        kind: str,
        network: nn.Module,
        stems: tuple[str, ...],
        settings: Any,
        latency: float,
        **more: Any,
    ) -> Manifest:
        """The manifest of a bundle, without what only a person knows; of several stems the last one is what remains.

        latency: seconds; more: what is not as it is for most of them.
        """
        manifest = Manifest(
            name=name,
            kind=kind,
            title=self.title,
            rate=self.config.mix.rate,
            stems=stems,
            remainder=True,
            ordered=True,
            latency=latency,
            parameters=sum(p.numel() for p in network.parameters()),
            licence="not stated",
            non_commercial=False,
            corpora=(),
            settings=settings,
            sha256="",
        )
        return replace(manifest, **more)


class VoicedRecipe(BaseRecipe):
    """A recipe whose network is told by a vector which voice is meant.

    Its settings have `encoder`, the bundle that makes the vectors, and `identity`, of that one, which is filled in when a run
    begins, as is `network.voice`.
    """

    def __init__(self, config: Any, encoder: VoiceEncoder | None = None) -> None:
        """encoder: what makes the vectors, in place of the one that the configuration names."""
        self.vectors = Vectors(config.encoder, config.identity, encoder)
        if not config.identity:
            made = self.vectors.encoder
            config = replace(config, identity=made.identity, network=replace(config.network, voice=made.size))
        self.config = config
