#!/usr/bin/env bash
# Runs the console blocks of README.md and compares what they print: readme_tour.sh ATP [--update]
#
# A block is ```console; each of its commands begins with "$ " and is followed by all that it prints (stderr
# first). Times, rates and commits may differ. --update writes what was printed into the README. Blocks of ```console hub
# talk to tests/hub/fake_hub.py, and are passed over where there is no Python or the program has no network.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
atp=$(realpath "${1:?usage: readme_tour.sh ATP [--update]}")
update=${2:-}
work=$(mktemp -d)
hub=
clean_up() {
  [ -z "$hub" ] || kill "$hub"
  rm -rf "$work"
}
trap clean_up EXIT
mkdir "$work/bin" "$work/run"
ln -s "$atp" "$work/bin/atp"
ln -s "$root/tests" "$work/run/tests"  # the tour names files of the source tree
export PATH="$work/bin:$PATH" LC_ALL=C.UTF-8 TERM=dumb COLUMNS=100
unset NO_COLOR

run() { (cd "$work/run" && bash -c "$1" 2>"$work/err" >"$work/out"; cat "$work/err" "$work/out"); }

# A Hub that has demo/crystals, with the dataset of the tour in two shards.
start_hub() {
  command -v python3 >/dev/null && ! "$atp" --version | grep -q 'left out: pull' || return 0
  (cd "$work/run" && SOURCE_DATE_EPOCH=0 atp shard alkali.atp -o "$work/repos/demo/crystals/train" --shards 2 --quiet >/dev/null)
  python3 "$root/tests/hub/fake_hub.py" "$work/repos" >"$work/endpoint" &
  hub=$!
  for _ in {1..100}; do
    [ ! -s "$work/endpoint" ] || break
    sleep 0.1
  done
  # shellcheck disable=SC1091
  . "$work/endpoint"
  export HF_ENDPOINT HOME=. HF_HOME= HF_TOKEN= HF_HUB_CACHE=
}

in_block=no skipping=no
while IFS= read -r line; do
  case $in_block:$line in
    no:'```console') in_block=yes ;;
    no:'```console hub')
      [ -n "$hub" ] || start_hub
      [ -z "$hub" ] || in_block=yes
      ;;
    yes:'```') in_block=no skipping=no ;;
  esac
  if [ $in_block = yes ] && [[ $line == '$ '* ]]; then
    printf '%s\n' "$line"
    run "${line#\$ }"
    skipping=yes
  elif [ $skipping = no ]; then
    printf '%s\n' "$line"
  fi
done <"$root/README.md" >"$work/README.md"

normalise() { sed -E -e 's/[0-9]+(\.[0-9]+)? (B|kB|MB|GB)\/s/RATE/g' -e 's/[0-9]+\.[0-9]+ s\b/TIME/g' -e 's/\b[0-9a-f]{40}\b/COMMIT/g' -e 's/\([0-9a-f]{12}\)/(COMMIT)/g' "$1"; }

if [ "$update" = --update ]; then
  cp "$work/README.md" "$root/README.md"
elif ! diff -u <(normalise "$root/README.md") <(normalise "$work/README.md"); then
  echo "README.md shows other output than atp prints; see the diff (--update rewrites it)" >&2
  exit 1
fi
