"""The weights of a residual U-Net with shared norms as those of one with a norm for each place: scale and shift are copied.

python separate.py RUN NEW      NEW is a folder from which `winnow train unet --model resnet --from NEW` begins

The running statistics of the second places are not known; the first steps of the training that follows find them.
"""

import json
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

run, new = map(Path, sys.argv[1:])
weights = load_file(run / "weights.safetensors")
for name in [name for name in weights if name.endswith((".end.weight", ".end.bias"))]:
    weights[name] = weights[name.replace(".end.", ".norm.")].clone()
described = json.loads((run / "config.json").read_text(encoding="utf-8"))
described["config"]["network"]["shared_norm"] = False
new.mkdir(parents=True, exist_ok=True)
save_file(weights, new / "weights.safetensors")
(new / "config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
