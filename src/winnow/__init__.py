"""winnow: any audio or video recording in, the same recording with clean speech out.

    import winnow
    speech = winnow.enhance("talk.mp4")          # an Audio
    parts = winnow.split("talk.mp4")             # {"speech": Audio, "background": Audio}
    talkers = winnow.separate("debate.mp4", 2)   # {"talker1": Audio, "talker2": Audio, "background": Audio}
    alice = winnow.extract("talk.mp4", voice="alice.wav")    # and remove: all but her
    speech.save("talk.wav")
    print(winnow.score("talk.wav"))              # how good it is; against clean speech with reference=

The names below are loaded when they are first used, so that `import winnow` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winnow.api import enhance, extract, load, remove, separate, split
    from winnow.audio import Audio
    from winnow.engine.stream import Stream
    from winnow.metrics.score import score

__version__ = "0.1.0"
__all__ = ["Audio", "Stream", "enhance", "extract", "load", "remove", "score", "separate", "split"]

_HOMES = {"Audio": "winnow.audio", "Stream": "winnow.engine.stream", "score": "winnow.metrics.score"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'winnow' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "winnow.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
