"""The mean of the weights of two runs: python mean.py RUN OTHER NEW

NEW is a folder from which `winnow train talkers --from NEW` begins. Both runs have gone on from one: their mean is then
a network too, and often a better one (Izmailov et al. 2018; Wortsman et al. 2022).
"""

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

run, other, new = map(Path, sys.argv[1:])
first, second = (load_file(folder / "weights.safetensors") for folder in (run, other))
new.mkdir(parents=True, exist_ok=True)
save_file({name: (value + second[name]) / 2 for name, value in first.items()}, new / "weights.safetensors")
shutil.copy(run / "config.json", new)
