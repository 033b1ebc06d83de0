"""One recipe per network: config, networks, losses, manifest."""

from __future__ import annotations

from typing import Any

from winnow.errors import BadOption


def find_recipe(name: str) -> Any:
    """A recipe class by its name. Raises BadOption."""
    from winnow.train.recipes.denoise import DenoiseRecipe, FullbandRecipe
    from winnow.train.recipes.mossformer2 import MossFormer2Recipe
    from winnow.train.recipes.spleeter import SpleeterRecipe
    from winnow.train.recipes.talkers import TalkersRecipe
    from winnow.train.recipes.unet import UNetRecipe
    from winnow.train.recipes.voicefilter import VoiceFilterRecipe

    known = (DenoiseRecipe, FullbandRecipe, UNetRecipe, SpleeterRecipe, TalkersRecipe, MossFormer2Recipe)
    recipes: dict[str, Any] = {c.name: c for c in (*known, VoiceFilterRecipe)}
    if name not in recipes:
        raise BadOption(f"no recipe named {name}; there are {', '.join(recipes)}.")
    return recipes[name]
