#!/usr/bin/env bash
# Opening a folder of thousands of shards, as the library does (headers only, until the first record of a shard is read)
# and as the commands do (every schema is looked at), beside a program that only reads the first page of every file:
# tests/bench/open.sh [BUILD_FOLDER] [SHARDS]     (default: build 6000)
# Cold takes root (/proc/sys/vm/drop_caches); without, it is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build}")
shards=${2:-6000}
atp=$build/atp
cmake --build "$build" --target make_extxyz >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

"$build/tests/make_extxyz" 20 "$((2 * shards))" >x.xyz
"$atp" pack x.xyz -o x.atp -q
"$atp" shard x.atp -o many --shards "$shards" -q
find many -name '*.atp' | sort >list

first_pages() { xargs -n 1000 -P 16 head -qc 4096 <list; }

seconds() {  # the best of five, after `$1`
  local before=$1 run
  shift
  TIMEFORMAT=%R
  for run in 1 2 3 4 5; do
    eval "$before"
    { time "$@" >/dev/null 2>&1; } 2>&1
  done | sort -n | head -1
}

to_first_record() { "$atp" bench many --workloads open --seconds 5 --json 2>/dev/null | python3 -c 'import json, sys; print([r["median"] for r in json.load(sys.stdin)["rows"] if r["workload"] == "open" and r["backend"] == "atp"][0])'; }
row() { awk -v n="$1" -v t="$2" -v peer="$3" -v s="$shards" 'BEGIN {printf "  %-28s %6.3f s  %4.0f us a shard  %5.2f x the first pages\n", n, t, 1e6 * t / s, t / peer}'; }
report() {  # report NAME BEFORE
  local peer
  peer=$(seconds "$2" first_pages)
  echo "$1, $shards shards:"
  row 'first page of each, 16 x head' "$peer" "$peer"
  [ "$1" = cold ] || row 'library, to the first record' "$(to_first_record)" "$peer"
  row 'atp inspect --records -1' "$(seconds "$2" "$atp" inspect many --records -1)" "$peer"
  row 'atp inspect' "$(seconds "$2" "$atp" inspect many)" "$peer"
}

echo "$(nproc) CPUs, $("$atp" --version | head -1)"
report warm true
(ulimit -n 64 && "$atp" inspect many --records -1 >/dev/null) && echo "  with 64 file descriptors: works"
/usr/bin/time -f '  %M kB resident at most' "$atp" inspect many --records -1 2>&1 >/dev/null | tail -1
if [ -w /proc/sys/vm/drop_caches ]; then
  sync
  report cold 'echo 3 >/proc/sys/vm/drop_caches'
fi
