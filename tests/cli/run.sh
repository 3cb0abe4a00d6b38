#!/usr/bin/env bash
# Runs the cases of tests/cli: run.sh ATP [--update] [COMMAND | COMMAND/CASE]...
#
# A case is a folder COMMAND/CASE with
#   cmd     a script that bash runs in an empty folder; "atp" is the program under test, $DATA is
#           tests/data, $CASE the case's own folder
#   stdout  what it must print (absent: nothing)
#   stderr  what it must say (absent: nothing). A line "*" stands for any lines, a "*" in a line for any text
#   exit    its exit code (absent: 0)
# --update rewrites stdout, stderr and exit with what happened (stderr with a "*" is kept).
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
atp=$(realpath "${1:?usage: run.sh ATP [--update] [COMMAND | COMMAND/CASE]...}")
shift
update=no
if [ "${1:-}" = --update ]; then
  update=yes
  shift
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$atp" "$work/bin/atp"

# The same everywhere: locale, width, colours.
export PATH="$work/bin:$PATH" ATP="$atp" DATA="$here/../data" LC_ALL=C TERM=dumb COLUMNS=80
DATA=$(realpath -m "$DATA")
unset NO_COLOR

# What differs from run to run: folders, times and rates.
normalise() {
  sed -E -e "s|$work/[0-9]+|TMP|g" -e "s|$DATA|DATA|g" -e "s|$here|CLI|g" \
    -e 's/[0-9]+(\.[0-9]+)? (B|kB|MB|GB|TB)\/s/RATE/g' \
    -e 's/[0-9]+(,[0-9]{3})* records\/s/RATE/g' \
    -e 's/[0-9]+\.[0-9]+ s\b/TIME/g'
}

# Whether the text $2 is what $1 allows.
matches() {
  local pattern=$1 text=$2
  [[ $pattern == "$text" ]] && return 0
  [[ $pattern == *'*'* ]] || return 1
  # Everything but * is taken as it is.
  # shellcheck disable=SC2001
  pattern=$(sed -e 's/[][?\\]/\\&/g' <<<"$pattern")
  # shellcheck disable=SC2053
  [[ $text == $pattern ]]
}

expected() { if [ -f "$1" ]; then cat "$1"; printf x; else printf "%sx" "${2:-}"; fi; }

keep() {  # keep FILE TEXT: nothing is no file
  if [ -n "$2" ]; then printf '%s' "$2" >"$1"; else rm -f "$1"; fi
}

wanted() {
  [ $# -eq 1 ] && return 0
  local name=$1 filter
  shift
  for filter in "$@"; do
    case $name in "$filter" | "$filter"/*) return 0 ;; esac
  done
  return 1
}

passed=0 failed=0 number=0
for script in "$here"/*/*/cmd; do
  folder=$(dirname "$script")
  name=${folder#"$here"/}
  wanted "$name" "$@" || continue
  number=$((number + 1))
  mkdir "$work/$number"
  (cd "$work/$number" && CASE=$folder timeout 120 bash "$script") >"$work/out" 2>"$work/err" </dev/null
  code=$?
  # The x keeps the newlines at the end.
  out=$(normalise <"$work/out"; printf x) err=$(normalise <"$work/err"; printf x)
  if [ $update = yes ]; then
    keep "$folder/stdout" "${out%x}"
    grep -qs '\*' "$folder/stderr" || keep "$folder/stderr" "${err%x}"
    if [ $code = 0 ]; then rm -f "$folder/exit"; else echo $code >"$folder/exit"; fi
  fi
  want_out=$(expected "$folder/stdout") want_err=$(expected "$folder/stderr")
  want_code=$(cat "$folder/exit" 2>/dev/null || echo 0)
  if matches "$want_out" "$out" && matches "$want_err" "$err" && [ "$code" = "$want_code" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf -- '---- %s failed: exit code %s, expected %s\nfolder:  %s\ncommand: %s\n' \
      "$name" "$code" "$want_code" "$folder" "$(cat "$script")"
    diff -u --label 'stdout expected' --label 'stdout' <(printf '%s' "${want_out%x}") <(printf '%s' "${out%x}")
    diff -u --label 'stderr expected' --label 'stderr' <(printf '%s' "${want_err%x}") <(printf '%s' "${err%x}")
  fi
  rm -rf "${work:?}/$number"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $number -gt 0 ]
