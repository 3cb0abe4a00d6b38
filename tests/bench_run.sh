#!/usr/bin/env bash
# A short run of `atp bench`: what it prints, that every checksum was right, that it leaves nothing. No speed is looked at.
#   bench_run.sh ATP
set -euo pipefail
atp=$(realpath "$1")
data=$(realpath "$(dirname "$0")/data")
manual=$(realpath "$(dirname "$0")/../man/atp-json.7")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Without a thread that draws: the lock of the sanitizers' allocator stays locked in a process that is forked while another
# thread has it.
printf '#!/bin/sh\nexec "%s" "$@" --progress never\n' "$atp" >quietly
chmod +x quietly
atp=$work/quietly
mkdir dir
fail() { echo "bench_run.sh: $*" >&2; exit 1; }
left() { [ -z "$(ls -A dir)" ] || fail "left behind: $(ls -A dir)"; }

"$atp" bench --dir dir --seconds 2 --records 2000 --atoms 12,64 --workers 1,2 --trials 3 --goals --workloads seq,shuffled,batch,workers,write,open,size,cold-seq,cold-shuffled,cold-batch --footprint --io-profile --html page.html --json >run.json
left
"$atp" bench --dir dir --seconds 1 --records 500 --atoms 12 --backends atp,lmdb --workloads shuffled --baseline run.json --html held.html \
  --require 'atp shuffled 12 >= 1' --require 'atp/lmdb shuffled 12 <= 1e9' --json >held.json 2>/dev/null || fail "a bar of 1 molecule a second was missed"
grep -q 'Changed since the baseline' held.html && grep -q 'What was required' held.html || fail "no baseline or requirement on the page"
code=0
"$atp" bench --dir dir --seconds 1 --records 500 --atoms 12 --backends atp --workloads shuffled --baseline run.json --require 'atp shuffled 12 >= 1e15' >text.txt || code=$?
grep -q 'changed since the baseline' text.txt && grep -q 'missed: atp shuffled' text.txt || fail "no baseline or requirement in the report"
[ $code = 1 ] || fail "a bar that cannot be reached ended with $code"
left

# A dataset where it lies, and the same copied into other formats; sizes after it.
"$atp" pack "$data/extxyz/mpf-alkali-TP.xyz" -o d.atp -q
sum=$(sha256sum d.atp)
"$atp" bench d.atp --seconds 1 --workloads seq,shuffled,batch --json >place.json
[ "$sum" = "$(sha256sum d.atp)" ] || fail "the dataset was changed"
"$atp" bench d.atp --dir dir --seconds 1 --backends atp,lmdb,sqlite --workloads shuffled --json >copied.json
"$atp" bench --like d.atp --dir dir --records 2000 --custom --seconds 1 --backends atp,lmdb --workloads shuffled,size --json >like.json
left

# Molecules without energy and forces go through every backend.
printf '2\nProperties=species:S:1:pos:R:3\nH 0 0 0\nH 0 0 1\n%.0s' $(seq 200) >bare.xyz
"$atp" pack bare.xyz -o bare.atp -q 2>/dev/null
"$atp" bench bare.atp --dir dir --seconds 1 --trials 1 --workloads seq,shuffled --json >bare.json
left

# Custom properties are values as all others: every backend reads them, or its checksum is wrong.
"$atp" bench --dir dir --custom --records 300 --atoms 12 --seconds 2 --trials 1 --workloads seq,shuffled,batch --json >custom.json
left

# A damaged dataset: file and record are named, by every backend, and what was not measured after that.
cp d.atp damaged.atp
printf '\377%.0s' $(seq 1000) | dd of=damaged.atp bs=1 seek=20000 conv=notrunc status=none
code=0
"$atp" bench damaged.atp --seconds 1 --backends atp,atp-verified,map --workloads seq,shuffled,batch >text.txt 2>said || code=$?
{ [ $code = 3 ] && grep -q '^atp: bench: damaged.atp: record [0-9]*: ' said; } || fail "a damaged dataset ended with $code: $(cat said)"
cp d.atp first.atp
printf '\377%.0s' $(seq 500) | dd of=first.atp bs=1 seek=8200 conv=notrunc status=none
code=0
"$atp" bench first.atp --dir dir --seconds 1 --backends atp,lmdb --workloads shuffled >/dev/null 2>said || code=$?
{ [ $code = 3 ] && grep -q '^atp: bench: first.atp: record 0: ' said; } || fail "a damaged dataset that is copied ended with $code: $(cat said)"
# A value that is another one, in a record that reads as well as before: what is copied is held against its checksum.
cp d.atp first.atp
printf '\377' | dd of=first.atp bs=1 seek=8196 conv=notrunc status=none
code=0
"$atp" bench first.atp --dir dir --seconds 1 --backends atp,lmdb --workloads shuffled >/dev/null 2>said || code=$?
{ [ $code = 3 ] && grep -q '^atp: bench: first.atp: record 0: .*checksum' said; } || fail "another value that is copied ended with $code: $(cat said)"
[ "$(sed -n 's/^no row: \([^:]*\): seq: damaged.atp: record [0-9]*: .*/\1/p' text.txt | tr ',' '\n' | wc -l)" = 3 ] || fail "file and record of the damage are not named: $(cat text.txt)"
grep -q '^no row: atp, atp-verified, map: shuffled, batch: not measured, as seq failed$' text.txt || fail "what was not measured is not named: $(cat text.txt)"
("$atp" bench damaged.atp --seconds 1 --backends atp --workloads batch 2>/dev/null || true) | grep -q 'batch: damaged.atp: record [0-9]*: ' || fail "a batch names no damaged record"
code=0
TMPDIR=/nonexistent "$atp" bench d.atp --seconds 1 >/dev/null 2>said || code=$?
{ [ $code = 4 ] && grep -q '^atp: bench: /nonexistent: is no folder for temporary files; set TMPDIR' said; } || fail "a TMPDIR that is not there ended with $code: $(cat said)"

# A page replaces nothing unasked, and never what is no file; a run without a result says so; a killed run's folder is named.
refused() { # EXIT TEXT ARGUMENTS...
  local code=0 wanted=$1 text=$2
  shift 2
  "$atp" bench d.atp --seconds 1 --workloads shuffled "$@" >/dev/null 2>said || code=$?
  { [ $code = "$wanted" ] && grep -q "$text" said; } || fail "$* ended with $code: $(cat said)"
}
refused 4 'exists already; pass --force' --html page.html
"$atp" bench d.atp --seconds 1 --workloads shuffled --html page.html --force >/dev/null
mkfifo pipe
refused 2 'is not a regular file' --html pipe --force
refused 2 'd.atp: is an input and the page' --html d.atp --force
refused 2 'run.json: is an input and the page' --baseline run.json --html ./run.json --force
refused 4 'no/such/page.html: cannot create' --html no/such/page.html
[ -p pipe ] || fail "--html replaced a fifo"
refused 2 'nothing was measured' --backends lmdb

# Where a dataset lies only atp reads it: others that were asked for are named in every report, the rest with one note.
"$atp" bench d.atp --seconds 1 --backends lmdb,atp,py-hdf5 --workloads shuffled,write --html named.html --json >named.json
"$atp" bench d.atp --seconds 1 --backends lmdb,atp --workloads shuffled >text.txt
grep -q '^left out: lmdb: .*--dir DIR' text.txt || fail "no word of a backend that reads no dataset in place"
grep -q 'left out: lmdb: .*--dir DIR' named.html || fail "no word of it on the page"
"$atp" bench d.atp --seconds 1 --workloads shuffled >text.txt
[ "$(grep -c -- '--dir DIR' text.txt)" = 1 ] || fail "not one note of the formats that a dataset is not in"
head -c 9000 d.atp >cut.atp
code=0
"$atp" bench cut.atp --seconds 1 >/dev/null 2>said || code=$?
{ [ $code = 3 ] && grep -q 'is not valid' said; } || fail "a file cut short ended with $code: $(cat said)"
"$atp" bench --dir dir --io pread --seconds 1 --records 100 --atoms 12 --workloads open,shuffled --backends atp >text.txt
grep -q 'resident' text.txt || fail "no resident memory in the table"
mkdir dir/atp-bench-4194305-left
"$atp" bench --dir dir --seconds 1 --records 100 --atoms 12 --backends atp --workloads shuffled 2>said >/dev/null
grep -q 'atp-bench-4194305-left: left by a run that was killed' said || fail "no word of what a killed run left"
rmdir dir/atp-bench-4194305-left
left

# A process that the system kills: a warning beside its row, and the others' results.
mkdir bin
printf '#!/bin/sh\necho ok python 3\nread line\nkill -9 $$\n' >bin/python3
chmod +x bin/python3
PATH=$PWD/bin:$PATH "$atp" bench --dir dir --seconds 1 --records 100 --atoms 12 --backends atp,py-hdf5 --workloads shuffled >text.txt 2>said || fail "a killed backend ended it: $(cat said)"
grep -q '^atp: bench: warning: dir, 12 atoms: py-hdf5: write: its process was killed by signal 9' said || fail "no warning of a killed process: $(cat said)"
grep -q '^no row: py-hdf5: .*killed by signal 9' text.txt || fail "no row of a killed process"
left

# Old and new have no row in common: said, though a program reads the result.
"$atp" bench --dir dir --seconds 1 --records 100 --atoms 12 --backends atp --workloads seq --trials 1 --json >seq.json
"$atp" bench --dir dir --seconds 1 --records 100 --atoms 13 --backends atp --workloads seq --baseline seq.json --json >/dev/null 2>said
grep -q 'note: seq.json has no row in common' said || fail "no word of a baseline without a common row"
"$atp" bench --dir dir --seconds 1 --records 100 --atoms 12 --backends atp --workloads seq --baseline seq.json >text.txt
grep -q '  --trials: 1 then, 5 now' text.txt && grep -q 'too few trials' text.txt || fail "one trial became a verdict: $(cat text.txt)"

# No time: what nobody has named is left out first, and what a requirement needs is not.
"$atp" bench --dir dir --seconds 0.05 --records 100 --atoms 12 --backends atp >text.txt
{ grep -q '^left out: workers: there is no time' text.txt && grep -q '^left out: cold-batch: there is no time' text.txt; } || fail "no word of what there was no time for: $(cat text.txt)"
grep -q '^shuffled  *atp ' text.txt || fail "the most important workload was left out"
"$atp" bench --dir dir --seconds 0.05 --records 100 --atoms 12 --backends atp --workers 2 --require 'atp workers-2 12 >= 1' >text.txt || fail "what is required was left out: $(cat text.txt)"

# An interrupt: gone within the second, and nothing stays, though a second one follows at once.
"$atp" bench --dir dir --seconds 60 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do
  [ -z "$(ls -A dir)" ] || break
  sleep 0.1
done
kill -TERM $pid
kill -TERM $pid 2>/dev/null || true
code=0
wait $pid || code=$?
[ $code = 143 ] || fail "SIGTERM ended it with $code"
left

# Files that may not grow: every store says so in its row, and nothing stays. 200 KiB is less than the 64 molecules of 256
# atoms (405 KiB) that a store writes before it is asked whether it is too slow: none gets away with fewer.
code=0
(ulimit -f 200 && "$atp" bench --dir dir --seconds 1 --records 500 --atoms 256 --backends atp,lmdb,sqlite,hdf5,aselmdb --workloads write,shuffled --json >full.json 2>said) || code=$?
{ [ $code = 4 ] && grep -q 'nothing could be measured' said; } || fail "a run without a result ended with $code: $(cat said)"
left
# A mount that is full, and one that cannot be written to, where this user may make them.
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=3m tmpfs dir 2>/dev/null; then
  trap 'umount dir 2>/dev/null || true; rm -rf "$work"' EXIT
  code=0
  "$atp" bench --dir dir --records 2000 --atoms 64 >/dev/null 2>said || code=$?
  { [ $code = 4 ] && grep -q 'may need .* and has .* free' said; } || fail "a mount that is too small ended with $code: $(cat said)"
  code=0
  "$atp" bench --dir dir --seconds 1 --records 1100 --atoms 64 --backends lmdb --workloads write,shuffled --json >tight.json || code=$?
  { [ $code = 0 ] || [ $code = 4 ]; } || fail "a mount without room for LMDB ended with $code"
  left
  mount -o remount,ro dir
  code=0
  "$atp" bench --dir dir --seconds 1 >/dev/null 2>said || code=$?
  { [ $code = 4 ] && [ "$(grep -o 'read-only' said | wc -l)" = 1 ]; } || fail "a read-only mount ended with $code: $(cat said)"
  umount dir
fi

command -v python3 >/dev/null || exit 0
python3 - "$manual" <<'PY'
import json, re, sys, xml.dom.minidom
for name in ("run", "place", "copied", "like", "custom"):
    r = json.load(open(name + ".json"))
    assert r["format"] == "atp-bench-1", name
    for key in ("machine", "versions", "mounts", "rows", "left_out", "seconds", "foreign_cpus"):
        assert key in r, (name, key)
    rows = [row for row in r["rows"] if "problem" not in row]
    assert rows, name
    for row in rows:
        assert row["values"] and all(v > 0 for v in row["values"]), row
        assert (row["interval"] is None) == (len(row["values"]) < 3), row
        low, high = row["interval"] or (0, 1e300)
        assert low <= row["median"] <= high, row
        if row["unit"] == "molecules_per_second" and row["backend"] not in ("copy", "copy-2threads", "disk", "unzstd"):
            assert row["checked"], row
    wrong = [row for row in r["rows"] if "checksum" in row.get("problem", "")]
    assert not wrong, wrong
rows = json.load(open("bare.json"))["rows"]
assert not [row for row in rows if "problem" in row and row["backend"] in ("atp", "ase-db", "aselmdb")], rows
rows = json.load(open("full.json"))["rows"]
problems = {row["backend"]: row["problem"] for row in rows if row["workload"] == "write"}
assert "file too large" in problems["atp"], problems
assert all("ile too large" in p or "files may not grow" in p for p in problems.values()), problems
assert {row["problem"] for row in rows if row["workload"] == "shuffled"} == {"not measured, as write failed"}, rows
r = json.load(open("run.json"))
assert {row["load"] for row in r["rows"]} == {"12", "64"}
have = {(row["backend"], row["workload"]) for row in r["rows"] if "problem" not in row}
for workload in ("seq", "shuffled", "batch", "workers-2", "open", "size", "write"):
    assert ("atp", workload) in have, workload
assert r["footprint_estimate"]["use"]["grams_co2eq"] > 0
for page in ("page", "held", "named"):
    xml.dom.minidom.parse(page + ".html")

# What a report was held against, and that the manual has every key.
held = json.load(open("held.json"))
assert [(r["requirement"], r["met"]) for r in held["required"]] == [("atp shuffled 12 >= 1", True), ("atp/lmdb shuffled 12 <= 1000000000", True)], held["required"]
assert {c["backend"] for c in held["changes"]} == {"atp", "lmdb"}, held["changes"]
# Slow machines write fewer.
assert all(c["verdict"] == "incomparable" and re.fullmatch("[0-9,]+ molecules then, [0-9,]+ now", c["why"]) for c in held["changes"]), held["changes"]
assert {d["what"] for d in held["baseline_differs"]} == {"--records", "--trials", "--seconds"}, held["baseline_differs"]
assert r["options"] == dict(dataset=None, like=None, records=2000, custom=False, batch=256, trials=3, seconds=2.0, seed=0, io="auto", processes=1), r["options"]
assert len(r["goals"]) == 39 and {g["met"] for g in r["goals"] if g["value"] is None} == {False}
assert {g["yardstick"] for g in r["goals"]} == {"copy", "copy-2threads", "disk", None}
assert all(g["bound"] > 0 for g in r["goals"] if g["yardstick"] == "copy" and g["value"] and " 64" in g["requirement"])
named = json.load(open("named.json"))
assert [text.split(":")[0] for text in named["left_out"]] == ["lmdb", "py-hdf5", "write"] and not named["notes"], named
def keys_of(value):
    if isinstance(value, list): return set().union(*map(keys_of, value))
    if not isinstance(value, dict): return set()
    return set(value).union(*(keys_of(v) for k, v in value.items() if k not in ("versions", "latency_seconds")))
manual = set(re.findall(r"[a-z][a-z0-9_]*", open(sys.argv[1]).read()))
assert keys_of([r, held]) <= manual, keys_of([r, held]) - manual
PY
