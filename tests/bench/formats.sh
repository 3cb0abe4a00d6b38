#!/usr/bin/env bash
# How fast databases and JSON are read, beside ASE and Python in the same run.
#   tests/bench/formats.sh [BUILD_FOLDER] [--large]     (default: build)
# --large also packs a 2 GB document in MPtrj's layout and a folder of 10,000 rows of .aselmdb, and prints the peak
# resident memory. Needs Debian's python3-ase and python3-lmdb.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build large=no
for argument in "$@"; do
  if [ "$argument" = --large ]; then large=yes; else build=$argument; fi
done
atp=$(realpath "$build/atp") make=$(realpath tests/bench/make_formats.py) python=/usr/bin/python3
$python -c 'import ase, lmdb' 2>/dev/null || { echo "python3-ase or python3-lmdb is not there: nothing to compare with"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

seconds() {  # the least CPU time of five runs, all threads: what else the machine does counts for less
  local best='' t TIMEFORMAT='%U %S'
  for _ in 1 2 3 4 5; do
    t=$({ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{print $1 + $2}')
    best=$(awk "BEGIN {b = \"$best\"; print (b == \"\" || $t < b) ? $t : b}")
  done
  echo "$best"
}

row() {  # row NAME SECONDS ROWS [PEER_SECONDS PEER]
  awk -v name="$1" -v s="$2" -v n="$3" -v peer="${4:-0}" -v who="${5:-}" 'BEGIN {
    printf "  %-34s %8.3f CPU s %9.0f rows/s", name, s, n / s
    if (peer > 0) printf "   %6.1f x %s", peer / s, who
    printf "\n" }'
}

least() {  # the least of three runs of a peer, which prints its CPU time
  for _ in 1 2 3; do "$@"; done | sort -g | head -1
}

echo "$(nproc) CPUs, $(awk -F: '/model name/ {print $2; exit}' /proc/cpuinfo), $("$atp" --version | head -1)"
start=$(seconds "$atp" --version)
row "atp --version, the start alone" "$start" 0
$python "$make" databases 5000
for name in rows.db rows.aselmdb; do
  echo "$name, 5000 rows of 40 atoms"
  peer=$(least $python "$make" read $name)
  row "ASE (Python)" "$peer" 5000
  ours=$(seconds "$atp" inspect $name -j 1)
  row "atp inspect -j 1, with its start" "$ours" 5000 "$peer" ASE
  row "atp inspect -j 1, without it" "$(awk "BEGIN {print $ours - $start}")" 5000 "$peer" ASE
  [ $name = rows.db ] || { floor=$(least $python "$make" inflate $name); row "zlib alone" "$floor" 5000; }
done
$python "$make" mptrj 60 mptrj.json
n=$($python "$make" count mptrj.json)
echo "mptrj.json, $(stat -c %s mptrj.json) bytes, $n frames"
peer=$($python "$make" load mptrj.json)
row "json.load" "$peer" "$n"
row "atp inspect -j 1" "$(seconds "$atp" inspect mptrj.json -j 1)" "$n" "$peer" json.load
row "atp inspect, all CPUs together" "$(seconds "$atp" inspect mptrj.json)" "$n" "$peer" json.load

[ $large = yes ] || exit 0
memory() {  # memory NAME COMMAND...
  local name=$1
  shift
  /usr/bin/time -f "  $name: %e s, %M kB resident at most" "$@" >/dev/null
}
$python "$make" mptrj 2000 large.json
memory "2 GB in one JSON document" "$atp" pack large.json -o large.atp -q
rm large.json large.atp
mkdir folder
for i in $(seq 20); do $python "$make" databases 500 "folder/part_$i"; rm "folder/part_$i.db"; done
memory "10,000 rows in 20 .aselmdb" "$atp" pack folder -o folder.atp -q
