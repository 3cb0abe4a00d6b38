#!/usr/bin/env bash
# How many records a second `atp inspect --sql` looks at, beside SQLite itself on a plain table of its own.
#   tests/bench/query.sh [BUILD_FOLDER]     (default: build)
# The peer is the sqlite3 shell (Debian: sqlite3) on a database file with the columns record, n_atoms, energy,
# max_force as they come out of `atp inspect --csv`. Both answer the same; the script stops when they do not.
# Files are in the page cache; the best of five runs, CPU time (user and system).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
atp=$build/atp
command -v sqlite3 >/dev/null || { echo "query.sh: sqlite3 is missing (Debian: sqlite3)" >&2; exit 1; }
cmake --build "$build" --target make_extxyz >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# The best of five runs, in seconds of CPU time; the answer goes to $work/answer.
measure() {
  local run
  TIMEFORMAT='%U %S'
  for run in 1 2 3 4 5; do
    { time "$@" >"$work/answer" 2>"$work/errors"; } 2>&1
  done | awk '{c = $1 + $2; if (NR == 1 || c < best) best = c} END {print best}'
}

row() { awk -v name="$1" -v n="$2" -v c="$3" -v peer="$4" 'BEGIN {
  printf "  %-58s %9.2f million records/s", name, n / c / 1e6
  if (peer > 0) printf "  %5.2f x sqlite3", peer / c
  printf "\n" }'; }

compare() {  # compare QUERY
  local cpu peer
  peer=$(measure sqlite3 "$work/peer.db" "$1")
  cp "$work/answer" "$work/wanted"
  cpu=$(measure "$atp" inspect "$work/x.atp" --csv --sql "$1")
  cmp -s <(tail -n +2 "$work/answer") "$work/wanted" || { echo "query.sh: other answers for: $1" >&2; exit 1; }
  row "sqlite3: $1" "$records" "$peer" 0
  row "atp:     $1" "$records" "$cpu" "$peer"
}

alone() { row "atp:     $1" "$records" "$(measure "$atp" inspect "$work/x.atp" --csv --sql "$1")" 0; }

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $("$atp" --version | head -1), sqlite3 $(sqlite3 --version | cut -d' ' -f1)"
"$build/tests/make_extxyz" 24 20000 >"$work/x.xyz"
inputs=()
for _ in $(seq 50); do inputs+=("$work/x.xyz"); done
for codec in none zstd; do
  "$atp" pack "${inputs[@]}" -o "$work/x.atp" --codec "$codec" --force -q
  records=1000000
  echo "$records records of 24 atoms, $(($(stat -c %s "$work/x.atp") / 1000000)) MB, codec $codec:"
  if [ $codec = none ]; then
    "$atp" inspect "$work/x.atp" --csv --sql 'SELECT record, n_atoms, energy, max_force FROM records' >"$work/x.csv"
    sqlite3 "$work/peer.db" 'CREATE TABLE records(record INTEGER, n_atoms INTEGER, energy REAL, max_force REAL)' \
      ".import --csv --skip 1 $work/x.csv records"
  fi
  compare 'SELECT count(*) FROM records WHERE n_atoms <= 24'
  compare 'SELECT count(*) FROM records WHERE energy < -100'
  compare 'SELECT count(*) FROM records WHERE max_force < 4.5'
  alone "SELECT count(*) FROM records WHERE only_elements('H C N O Si')"
  alone 'SELECT count(*) FROM (SELECT 1 FROM records GROUP BY formula)'
done
