"""One recipe per network: config, networks, losses, manifest."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from winnow.errors import BadOption

RECIPES = {
    "denoise": ("denoise", "DenoiseRecipe"),
    "denoise-fullband": ("denoise", "FullbandRecipe"),
    "unet": ("unet", "UNetRecipe"),
    "spleeter": ("spleeter", "SpleeterRecipe"),
    "talkers": ("talkers", "TalkersRecipe"),
    "mossformer2": ("mossformer2", "MossFormer2Recipe"),
    "looking": ("looking", "LookingRecipe"),
    "speaker": ("speaker", "SpeakerRecipe"),
    "voicefilter": ("voicefilter", "VoiceFilterRecipe"),
    "voice": ("voice", "VoiceRecipe"),
}
"""Module and class of each recipe, by name."""


def find_recipe(name: str) -> Any:
    """A recipe class by its name. Raises BadOption."""
    if name not in RECIPES:
        raise BadOption(f"no recipe named {name}; there are {', '.join(RECIPES)}.")
    module, cls = RECIPES[name]
    return getattr(import_module(f"winnow.train.recipes.{module}"), cls)
