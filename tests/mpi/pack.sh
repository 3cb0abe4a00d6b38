#!/usr/bin/env bash
# atp pack --shards by several processes gives the bytes that one gives: pack.sh ATP ATP_WITH_MPI
set -euo pipefail

# shellcheck source=tests/mpi/lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

# ranks N OPTIONS...: atp pack by N processes; output in `said`, exit code returned.
ranks() { run_ranks "$1" pack "${@:2}"; }

# Everything but the command, which names the program and the folder.
same() { diff -r -x manifest.json "$1" "$2" && diff <(manifest "$1") <(manifest "$2"); }
manifest() { sed -E -e '/"command":/d' -e '/"dataset":/d' "$1/manifest.json"; }

# refused CODE TEXT FOLDER: the last run said so once and left nothing.
refused() {
  [ "$code" = "$1" ] || fail "exit code $code, not $1: $2: $(cat said)"
  [ "$(grep -c -- "$2" said)" = 1 ] || fail "not said once: $2: $(cat said)"
  [ ! -e "$3" ] || fail "$2: something is left: $(ls "$3")"
}

frame() { printf '1\nProperties=species:S:1:pos:R:3 %s\nH 0 0 0\n' "$1"; }
# frames FROM TO TEXT: # in TEXT is the number.
frames() { for i in $(seq "$1" "$2"); do frame "${3//#/$i}"; done; }

# Uneven on purpose: one input is most of the bytes.
mkdir raw
for f in mpf-alkali-TP.xyz isolated_atoms.xyz hfo2.extxyz qm9_reduced_100.xyz two_frame.xyz.zst solvent_xtb_train_20.xyz; do cp "$data/extxyz/$f" raw; done
# Types that widen, in whatever process: i64 and f64 in every order, arrays of several lengths, late fields.
mkdir wide
frames 1 40 'tag=# v="1 2"' >wide/a.xyz
frames 1 30 'tag=#.5 v="1 2 3"' >wide/b.xyz
frames 1 50 'tag=# late=#' >wide/c.xyz
frames 1 20 'tag=# late=#.25 v="0.5 2" w=text' >wide/d.xyz
# Integers that no float holds stay integers where all are.
mkdir big
frames 1 9 'id=900719925474099# n=#' >big/a.xyz
frames 1 9 'id=# n=#.5' >big/b.xyz
# Bad frames and a bad input.
mkdir bad
frames 1 20 'tag=#' >bad/a.xyz
{ frames 1 5 'tag=#' && printf '2\nProperties=species:S:1:pos:R:3\nH 0 0 x\nH 0 0 0\n' && frames 6 20 'tag=#'; } >bad/b.xyz
printf 'nothing of the kind' >bad/c.xyz
frames 1 12 'tag=#.5' >bad/d.xyz

cases=0
while read -r options; do
  cases=$((cases + 1))
  eval "\"\$alone\" pack $options -o wanted$cases -q 2>/dev/null"
  for n in 1 2 3 4; do
    if ! eval "ranks $n $options -o got-$cases-$n -q"; then
      fail "$n processes: $options"
      cat said >&2
      continue
    fi
    same "wanted$cases" "got-$cases-$n" || fail "$n processes give other bytes: $options"
    [ -z "$(find "got-$cases-$n" -name '*.tmp-*' -o -name unfinished.json)" ] || fail "$n processes leave files: $options"
  done
done <<'CASES'
raw --shards 5
raw --shards 3 --codec zstd --dtype f64 --meta license=CC0 --meta by=me
raw/mpf-alkali-TP.xyz raw/hfo2.extxyz --shards 1
raw/qm9_reduced_100.xyz --shards 2 --drop '*_*'
wide --shards 4
wide/d.xyz wide/c.xyz wide/b.xyz wide/a.xyz --shards 3 --codec lz4
wide --shards 2 --dtype keep --keep tag
big --shards 2
bad --shards 3 --on-error skip
CASES

# The shards are equal although the inputs are not, and hold what one file holds.
"$alone" pack raw -o raw.atp -q 2>/dev/null
"$alone" shard raw.atp -o of-one --shards 5 -q
for k in 0 1 2 3 4; do
  cmp <("$alone" inspect "of-one/part_000$k.atp" --json --record 0:) <("$alone" inspect "got-1-4/part_000$k.atp" --json --record 0:) ||
    fail "shard $k is not that of the one file"
done
sizes=$(find got-1-4 -name 'part_*' -printf '%s\n' | sort -n)
awk 'NR == 1 { least = $1 } END { exit $1 > 1.05 * least }' <<<"$sizes" || fail "uneven shards:" $sizes

# One result line, and what was left out, from the first process.
ranks 3 bad -o line --shards 2 --on-error skip || fail "skipping: $(cat said)"
[ "$(grep -c 'line: 2 shards, 52 records' said)" = 1 ] || fail "not one result line: $(cat said)"
[ "$(grep -c 'left out 1 frame and the rest of 1 input' said)" = 1 ] || fail "not one warning: $(cat said)"
code=0; ranks 3 raw -o line --shards 2 || code=$?
[ $code = 4 ] || fail "a full folder: exit code $code"
[ "$(grep -c 'atp: pack: line: is not empty' said)" = 1 ] || fail "not one message: $(cat said)"
ranks 3 raw -o line --shards 5 --force -q || fail "replacing: $(cat said)"
same wanted1 line || fail "replacing gives other bytes"

# The notes are those of one process: a field that could be the missing energy, in an input of the last process.
frames 1 9 'my_energy=#.5' >late.xyz
"$alone" pack wide/a.xyz late.xyz -o notes-alone --shards 2 >said-alone 2>&1
ranks 2 wide/a.xyz late.xyz -o notes --shards 2 || fail "notes: $(cat said)"
grep -q 'could be it: --map energy=my_energy' said || fail "no hint: $(cat said)"
diff <(grep note: said-alone) <(grep note: said) || fail "other notes"

# A process that fails ends the job with its message and leaves nothing.
code=0; ranks 3 raw bad/b.xyz -o broken --shards 2 || code=$?
refused 3 "bad/b.xyz:18: column 4 (pos) is 'x'" broken
code=0; ranks 4 raw -o broken --shards 2 --map energy=nothing || code=$?
refused 3 "no frame has 'nothing'" broken
code=0; ranks 2 raw/hfo2.extxyz -o broken --shards 3 || code=$?
refused 2 'cannot fill 3 shards' broken

# What only one process can do.
code=0; ranks 2 raw -o broken --shards 2 --limit 10 || code=$?
refused 2 '--limit counts frames over all inputs' broken
code=0; ranks 2 raw -o broken --shards 2 --records 0:10 || code=$?
refused 2 '--records counts frames over all inputs' broken
code=0; ranks 2 - -o broken --shards 2 || code=$?
refused 2 'stdin cannot be shared' broken
frames 1 9 'tag=#' >numbers.xyz
frames 1 9 'tag=t#' >texts.xyz
frames 1 9 'id=900719925474099#' >exact.xyz
frames 1 9 'id=#.5' >floats.xyz
for on_error in stop skip; do
  code=0; ranks 2 numbers.xyz texts.xyz -o broken --shards 2 --on-error $on_error || code=$?
  refused 3 'frame 0 of texts.xyz (line 1): .*tag.* in frame 0 of numbers.xyz (line 1); pack in one process' broken
  code=0; ranks 2 exact.xyz floats.xyz -o broken --shards 2 --on-error $on_error || code=$?
  refused 3 'id has integers beyond 2^53' broken
done

# Ended from outside: no temporary file is left.
for i in $(seq 30); do cat raw/mpf-alkali-TP.xyz; done >large-a.xyz
cp large-a.xyz large-b.xyz
for delay in 0.2 0.4 0.6 0.8; do
  code=0
  timeout -s TERM "$delay" mpirun --oversubscribe --allow-run-as-root -n 2 "$together" pack large-a.xyz large-b.xyz -o ended --shards 3 -j 1 >said 2>&1 </dev/null || code=$?
  for _ in $(seq 50); do [ -n "$(find ended -name '*.tmp-*' 2>/dev/null)" ] || break; sleep 0.1; done
  [ -z "$(find ended -name '*.tmp-*' 2>/dev/null)" ] || fail "ended after $delay s: left $(ls ended)"
  rm -rf ended
done

refused_without_mpi pack raw -o none --shards 2

[ $failed = 0 ] && echo "atp pack --shards by 1, 2, 3 and 4 processes: the same bytes, $cases times"
[ $failed = 0 ]
