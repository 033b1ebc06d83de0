#!/usr/bin/env bash
# Trains talkers-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES the length of its last part; further arguments go
# to `winnow train` (--resume goes on with a run).
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/talkers-16k} MINUTES=${MINUTES:-27} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$(dirname "$0")/../lists.sh"
# Talkers who overlap all the time, but in the last parts: what is easy to take apart teaches little. Nine parts; of the first eight the logs are first.jsonl to eighth.jsonl (the
# first was planned for 50 minutes and stopped after 27). The first three have four blocks and AdamW; the fourth adds four blocks, which begin with nothing on their
# residual paths, and moves by Muon; the next two hear more and louder noise and more rooms than those before. The seventh learns what the others
# forgot: that nothing is left of a voice in the other stem where it speaks alone. The eighth goes on with talkers who overlap for a third of the time or more (on cores that had
# other work: 36 times real time); it gains in noise what it loses elsewhere, and the mean of its weights and those of the seventh keeps both. The last part goes on from there. From step
# 6000 of the third part on, LSTM and perceptrons ran in C++, at first in an older form that was not part of winnow and half as fast as the one that is (docs/training.md).
teach() {
  winnow train talkers --precision bf16 --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
    --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
}
part() { # NAME MINUTES [OPTION]...
  [ -e "$RUN-$1/weights.safetensors" ] ||
    teach --run "$RUN-$1" --minutes "$2" --set mix.snr=5,30 --set mix.noise=0.3 --set mix.room=0.15 "${@:3}"
}
if [ ! -e "$RUN/state.pt" ]; then
  FOUR=(--set network.blocks=4 --set optimiser=adamw --set learning_rate=0.0015)
  part first 27 "${FOUR[@]}" --set mix.speed=0.9,1.1 --set mix.speed_chance=0.3 --set final_rate=0.0004 --set floor=25
  part second 37 "${FOUR[@]}" --set mix.speed=0.9,1.1 --set mix.speed_chance=0.3 --from "$RUN-first"
  part third 85 "${FOUR[@]}" --from "$RUN-second"
  part fourth 96 --from "$RUN-third" --seed 2
  [ -e "$RUN-fifth/weights.safetensors" ] || teach --run "$RUN-fifth" --minutes 95 --from "$RUN-fourth" --seed 3
  [ -e "$RUN-sixth/weights.safetensors" ] || teach --run "$RUN-sixth" --minutes 94 --from "$RUN-fifth" --seed 4
  TURNS=(--set mix.overlap=any --set mix.alone=0.1 --set floor=18 --set learning_rate=0.0005)
  [ -e "$RUN-seventh/weights.safetensors" ] || teach --run "$RUN-seventh" --minutes 11 --from "$RUN-sixth" --seed 5 "${TURNS[@]}"
  [ -e "$RUN-eighth/weights.safetensors" ] || teach --run "$RUN-eighth" --minutes 66 --from "$RUN-seventh" --seed 6 \
    --set mix.overlap=partial --set mix.overlap_share=0.3,1.0 --set mix.alone=0.05 --set floor=15
  [ -e "$RUN-mean/weights.safetensors" ] || python "$(dirname "$0")/mean.py" "$RUN-seventh" "$RUN-eighth" "$RUN-mean"
  set -- --from "$RUN-mean" --seed 7 "${TURNS[@]}" "$@"
fi
teach --run "$RUN" --minutes "$MINUTES" "$@"
