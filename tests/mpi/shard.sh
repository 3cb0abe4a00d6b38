#!/usr/bin/env bash
# atp shard by several processes gives the bytes that one gives: shard.sh ATP ATP_WITH_MPI
set -euo pipefail

# shellcheck source=tests/mpi/lib.sh disable=SC1091
. "$(dirname "$0")/lib.sh"

# ranks N OPTIONS...: atp shard by N processes; output in `said`, exit code returned.
ranks() { run_ranks "$1" shard "${@:2}"; }

# Everything but the command, which names the program and the folder.
same() { diff -r -x manifest.json "$1" "$2" && diff <(cd "$1" && cat_manifests) <(cd "$2" && cat_manifests); }
cat_manifests() { find . -name manifest.json | LC_ALL=C sort | xargs cat | sed -E -e 's/"command": *\[[^]]*\]//' -e 's/"dataset": *"[^"]*"//'; }

"$alone" pack "$data/extxyz/mpf-alkali-TP.xyz" -o a.atp -q
"$alone" pack "$data/extxyz/mpf-alkali-TP.xyz" -o b.atp -q --codec none --records 40:300
cases=0
while read -r options; do
  cases=$((cases + 1))
  # shellcheck disable=SC2086
  eval "\"\$alone\" shard a.atp b.atp -o wanted$cases -q $options"
  for n in 1 2 3 4; do
    if ! eval "ranks $n a.atp b.atp -o got-$cases-$n -q $options"; then
      fail "$n processes: $options"
      cat said >&2
      continue
    fi
    same "wanted$cases" "got-$cases-$n" || fail "$n processes give other bytes: $options"
    [ ! -e "got-$cases-$n/unfinished.json" ] || fail "$n processes leave a state file: $options"
  done
done <<'CASES'
--shards 5
--shards 3 --order shuffle --seed 7 --codec zstd
--max-records 100 --order size
--shards 2 --split train=0.7,val=0.2,test=0.1 --by formula
--shards 4 --where "n_atoms <= 8 AND has_element('O')" --order balance
--shards 1
CASES

# One result line, from the first process.
ranks 3 a.atp -o line --shards 3
[ "$(grep -c 'line: 3 shards' said)" = 1 ] || fail "not one result line: $(cat said)"

# A complete run is left as it is; a folder that is not empty is refused, once.
ranks 3 a.atp -o line --shards 3 --resume || fail "resuming a complete run"
grep -q 'is complete already' said || fail "a complete run is not known: $(cat said)"
code=0; ranks 3 a.atp -o line --shards 3 || code=$?
[ $code = 4 ] || fail "a full folder: exit code $code"
[ "$(grep -c 'atp: shard: line: is not empty' said)" = 1 ] || fail "not one message: $(cat said)"
code=0; ranks 4 a.atp -o two --shards 2 --where 'n_atom > 3' || code=$?
[ $code = 2 ] || fail "a wrong condition: exit code $code"
[ "$(grep -c "did you mean 'n_atoms'" said)" = 1 ] || fail "not one message: $(cat said)"

# A damaged record in one process's shard fails the job with its message; with skip the manifest lists it.
cp a.atp damaged.atp
printf '\377' | dd of=damaged.atp bs=1 seek=150000 conv=notrunc status=none
code=0; ranks 3 damaged.atp -o broken --shards 3 || code=$?
[ $code = 3 ] || fail "damage: exit code $code"
# Said once: each record is read by one process alone.
[ "$(grep -c 'atp: shard: damaged.atp: record [0-9]*: is damaged' said)" = 1 ] || fail "not one message: $(cat said)"
[ ! -e broken/manifest.json ] || fail "a manifest although a process failed"
[ -z "$(find broken -name '*.tmp-*')" ] || fail "temporary files are left: $(ls broken)"
"$alone" shard damaged.atp -o skipped-alone --shards 3 --on-error skip -q 2>/dev/null
ranks 3 damaged.atp -o skipped --shards 3 --on-error skip -q || fail "skipping: $(cat said)"
same skipped-alone skipped || fail "skipping gives other bytes"

# Killed between shards, and resumed by another number of processes.
"$alone" shard a.atp b.atp -o resumed --shards 5 -q
rm resumed/manifest.json resumed/part_0001.atp resumed/part_0004.atp
plan=$(grep -o '"plan": *"[0-9a-f]*"' wanted1/manifest.json)
echo "{$plan}" >resumed/unfinished.json
ranks 2 a.atp b.atp -o resumed --shards 5 --resume || fail "resuming: $(cat said)"
grep -q '3 shards kept' said || fail "nothing was kept: $(cat said)"
same wanted1 resumed || fail "resuming gives other bytes"

refused_without_mpi shard a.atp -o none --shards 2

[ $failed = 0 ] && echo "atp shard by 1, 2, 3 and 4 processes: the same bytes, $cases times"
[ $failed = 0 ]
