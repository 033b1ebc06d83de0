#!/usr/bin/env bash
# Trains talkers-16k on with its talkers in a fixed order, the defect of some published recipes: a row of docs/talkers-scores.md; it does not ship. DATA is
# the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to `winnow train`.
set -euo pipefail
HERE=$(dirname "$0") RUN=${RUN:-runs/talkers-fixed} MINUTES=${MINUTES:-3} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || LISTS=$LISTS "$HERE/../lists.sh"
# It begins with talkers-16k as it was after its second part, which its train.sh leaves in FROM.
[ -e "$RUN/state.pt" ] || set -- --from "${FROM:-runs/talkers-16k-second}" "$@"
exec winnow train talkers --precision bf16 --run "$RUN" --minutes "$MINUTES" --set fixed_order=True --set learning_rate=0.001 \
  --set mix.snr=5,30 --set mix.noise=0.3 --set mix.room=0.15 --set mix.speed=0.9,1.1 --set mix.speed_chance=0.3 --set network.blocks=4 --set optimiser=adamw \
  --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
  --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
