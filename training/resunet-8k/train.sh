#!/usr/bin/env bash
# Trains resunet-8k in two parts: 24 minutes with the published norms, then 5 minutes with a norm for each place (see card.md).
# DATA is the folder with train/ and valid/, RUN the folder of the first run; the second is RUN-separate.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
RUN=${RUN:-runs/resunet-8k}
MODEL=resnet MINUTES=24 RUN=$RUN bash "$here/../unet-8k/train.sh" --seed 1 --set network.start_fm=16 --set network.shared_norm=True
python "$here/separate.py" "$RUN" "$RUN-begin"
MODEL=resnet MINUTES=5 RUN=$RUN-separate bash "$here/../unet-8k/train.sh" --seed 2 --set network.start_fm=16 \
  --set learning_rate=5e-4 --from "$RUN-begin"
