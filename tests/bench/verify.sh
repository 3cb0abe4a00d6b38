#!/usr/bin/env bash
# How fast `atp verify` checks uncompressed records in the page cache, beside xxhsum in the same run.
#   tests/bench/verify.sh [BUILD_FOLDER]     (default: build)
# Rates are per second of CPU time (user and system), so that a busy machine disturbs them less; wall
# time stands beside them. `atp verify` also decodes every record and holds it against the schema.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
atp=$build/atp
command -v xxhsum >/dev/null || { echo "verify.sh: xxhsum is missing (Debian: xxhash)" >&2; exit 1; }
cmake --build "$build" --target make_extxyz >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# The best of five runs: "CPU WALL" in seconds.
measure() {
  local run cpu wall
  TIMEFORMAT='%U %S %R'
  for run in 1 2 3 4 5; do
    { time "$@" >/dev/null 2>&1; } 2>&1
  done | awk '{c = $1 + $2; if (NR == 1 || c < cpu) cpu = c; if (NR == 1 || $3 < wall) wall = $3} END {print cpu, wall}'
}

row() {  # row NAME BYTES CPU WALL [PEER_CPU]
  awk -v name="$1" -v b="$2" -v c="$3" -v w="$4" -v peer="${5:-0}" 'BEGIN {
    printf "  %-26s %6.2f GB/s per core  %6.2f GB/s wall", name, b / c / 1e9, b / w / 1e9
    if (peer > 0) printf "   %5.2f x xxhsum -H2", peer / c
    printf "\n" }'
}

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $("$atp" --version | head -1), $(xxhsum --version 2>&1 | head -1)"
for shape in '24 20000 48' '400 2000 40'; do
  read -r atoms frames times <<<"$shape"
  "$build/tests/make_extxyz" "$atoms" "$frames" >"$work/x.xyz"
  inputs=()
  for _ in $(seq "$times"); do inputs+=("$work/x.xyz"); done
  "$atp" pack "${inputs[@]}" -o "$work/x.atp" --force -q
  bytes=$(stat -c %s "$work/x.atp")
  echo "$((frames * times)) records of $atoms atoms, $((bytes / 1000000)) MB, codec none:"
  read -r xcpu xwall < <(measure xxhsum -H2 "$work/x.atp")
  read -r cpu wall < <(measure "$atp" verify -j 1 "$work/x.atp")
  read -r mcpu mwall < <(measure "$atp" verify "$work/x.atp")
  read -r qcpu qwall < <(measure "$atp" verify --quick "$work/x.atp")
  row 'xxhsum -H2' "$bytes" "$xcpu" "$xwall"
  row 'atp verify -j 1' "$bytes" "$cpu" "$wall" "$xcpu"
  row 'atp verify, all CPUs' "$bytes" "$mcpu" "$mwall" "$xcpu"
  awk -v w="$qwall" -v c="$qcpu" 'BEGIN {printf "  %-26s %.3f s wall, %.3f s CPU\n", "atp verify --quick", w, c}'
done
