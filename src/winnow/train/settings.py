"""The settings of recipes; they are plain `winnow.settings`, which data sets use too."""

from winnow.settings import changed, keys, restored

__all__ = ["changed", "keys", "restored"]
