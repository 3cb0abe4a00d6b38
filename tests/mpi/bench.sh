#!/usr/bin/env bash
# atp bench by several processes: what all reached together, from rows that each has measured: bench.sh ATP ATP_WITH_MPI
set -euo pipefail

# shellcheck source=tests/mpi/lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

mkdir dir
options="--dir dir --seconds 1 --records 500 --atoms 12 --backends atp,lmdb --workloads shuffled,seq --trials 2"
# shellcheck disable=SC2086
run_ranks 2 bench $options || fail "bench by 2 processes: $(cat said)"
grep -q '^2 processes, measuring at the same time' said || fail "no table of both: $(cat said)"
grep -q 'together/s' said || fail "no sum in the table"
# shellcheck disable=SC2086
run_ranks 2 bench $options --json || fail "bench --json by 2 processes: $(cat said)"
[ -z "$(ls -A dir)" ] || fail "left behind: $(ls -A dir)"
if command -v python3 >/dev/null; then
  python3 - <<'PY' || fail "the JSON: $(cat said)"
import json
lines = [line for line in open("said") if line.startswith("{")]
assert len(lines) == 1, "one process reports"
report = json.loads(lines[0])
assert {(r["backend"], r["workload"]) for r in report["together"]} >= {("atp", "shuffled"), ("atp", "seq")}
mine = {(r["backend"], r["workload"]): r["median"] for r in report["rows"] if "problem" not in r}
for r in report["together"]:
    assert r["processes"] == 2, r
    assert 0 < r["slowest"] <= r["fastest"] < r["sum"], r
    assert abs(r["slowest"] + r["fastest"] - r["sum"]) < 1e-6 * r["sum"], r
    assert r["slowest"] <= mine[r["backend"], r["workload"]] * (1 + 1e-9), r
PY
fi
# A folder that is not there: one process says so, and the others do not wait for it.
run_ranks 2 bench --dir none --seconds 1 && fail "a folder that is not there was measured"
grep -q 'none' said || fail "the folder is not named: $(cat said)"
[ "$failed" = 0 ]
