#!/usr/bin/env bash
# `atp shard` beside `cp -r` of the same files in the same run, and how even the split algorithms are.
#   tests/bench/shard.sh [BUILD_FOLDER] [MEGABYTES]     (default: build 1000)
# Inputs lie in the page cache. Both sides end when everything is on the disk: cp with sync of every file,
# atp shard by itself. Runs take turns, so that a busy machine disturbs all alike; the best of five counts;
# CPU time (user and system), which a busy machine disturbs less, stands beside it. atp shard also checks every record and makes SHA-256 and XXH3-128.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build} megabytes=${2:-1000}
atp=$build/atp
cmake --build "$build" --target make_extxyz shard_plan >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
export TIMEFORMAT='%R %U %S'

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $("$atp" --version | head -1), $(cp --version | head -1), $(stat -f -c %T "$work")"
"$build/tests/shard_plan"

# 20 uneven files.
mkdir "$work/in"
"$build/tests/make_extxyz" 60 20000 >"$work/x.xyz"
for i in $(seq 20); do
  inputs=()
  for _ in $(seq $((1 + i * i * megabytes / 110000))); do inputs+=("$work/x.xyz"); done
  "$atp" pack "${inputs[@]}" -o "$work/in/f$i.atp" -q
done
bytes=$(cat "$work"/in/* | wc -c)
echo "20 files, $((bytes / 1000000)) MB, from $(find "$work/in" -name '*.atp' -printf '%s\n' | sort -n | awk 'NR == 1 {a = $1} END {printf "%d to %d MB", a / 1e6, $1 / 1e6}'), codec none:"

copy() { cp -r "$work/in" "$work/out" && sync "$work"/out/* && sync "$work/out"; }
declare -A how=(
  [1 split into 8]="--shards 8"
  [2 merge into 1]="--shards 1"
  [3 split into 8, --no-verify]="--shards 8 --no-verify"
  [4 balance into 8]="--shards 8 --order balance"
  [5 shuffle into 8]="--shards 8 --order shuffle"
  [6 shuffle into 8, --memory a tenth]="--shards 8 --order shuffle --memory $((bytes / 10))"
  [7 split into 8, zstd]="--shards 8 --codec zstd"
)
timed() {  # timed NAME COMMAND...
  local name=$1
  shift
  rm -rf "$work/out"
  sync -f "$work"
  { time "$@" >/dev/null; } 2>>"$work/times $name"
}
for _ in $(seq 5); do
  timed '0 cp -r' copy
  for name in "${!how[@]}"; do
    read -ra options <<<"${how[$name]}"
    timed "$name" "$atp" shard "$work/in" -o "$work/out" "${options[@]}" -q
  done
done
best() { awk '{c = $2 + $3; if (NR == 1 || $1 < w) w = $1; if (NR == 1 || c < cpu) cpu = c} END {print w, cpu}' "$1"; }
read -r cp_wall cp_cpu < <(best "$work/times 0 cp -r")
for file in "$work"/times*; do
  read -r wall cpu < <(best "$file")
  awk -v name="${file#*times ? }" -v b="$bytes" -v w="$wall" -v c="$cpu" -v cw="$cp_wall" -v cc="$cp_cpu" 'BEGIN {
    printf "  %-34s %6.2f s %5.2f GB/s %5.2f x cp   CPU %6.2f s %5.2f x cp\n", name, w, b / w / 1e9, w / cw, c, c / cc}'
done
