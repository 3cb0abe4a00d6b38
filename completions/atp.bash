# bash completion for atp. Written by "atp generate completions". Do not edit.

_atp_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\n'
  COMPREPLY=($(compgen -f -- "$cur"))
}

# .atp files and folders; where there are none, anything.
_atp_datasets() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\n'
  COMPREPLY=($(compgen -d -- "$cur") $(compgen -f -X '!*.atp' -- "$cur"))
  ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- "$cur"))
}

_atp_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}

# The given words, and the fields of the datasets that stand on the command line.
_atp_fields() {
  local word field
  _atp_words "$1"
  for word in "${COMP_WORDS[@]:2}"; do
    [[ $word == *.atp || -d $word ]] || continue
    while IFS= read -r field; do
      [[ $field == "$cur"* ]] && COMPREPLY+=("$field")
    done < <("${COMP_WORDS[0]}" generate fields "$word" 2>/dev/null)
  done
}

_atp() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "pack shard export inspect verify formats plan-batches bench doctor pull help --help --version" -- "$cur"))
    return
  fi
  case ${COMP_WORDS[1]} in
    pack)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --codec)
          _atp_words "none lz4 zstd"
          return ;;
        --dtype)
          _atp_words "keep f32 f64"
          return ;;
        --from)
          _atp_words "extxyz xyz ase-db ase-json json aselmdb lmdb-pickle vasp chgcar cube hdf5 deepmd cif atp archive npz"
          return ;;
        --map)
          _atp_words "energy= forces= stress= virial= cell= pbc= charges= velocities= name="
          return ;;
        --scope)
          _atp_words "molecule"
          return ;;
        --keep)
          _atp_fields ""
          return ;;
        --drop)
          _atp_fields ""
          return ;;
        --on-error)
          _atp_words "stop skip"
          return ;;
        --unconverged)
          _atp_words "keep skip"
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --shards|--meta|--units|--npz-map|--hdf5-map|--limit|--records|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "-o --output -f --force --shards --append --codec --dtype --meta --dry-run --json --from --map --units --adsorption-energy --npz-map --hdf5-map --scope --keep-source --keep --drop --on-error --unconverged --limit --records -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_files
      fi ;;
    shard)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --balance)
          _atp_words "bytes atoms records"
          return ;;
        --algorithm)
          _atp_words "optimal running-average"
          return ;;
        --order)
          _atp_words "keep shuffle size formula morton balance"
          return ;;
        --dedup)
          _atp_fields "exact"
          return ;;
        --by)
          _atp_fields "record formula"
          return ;;
        --codec)
          _atp_words "none lz4 zstd"
          return ;;
        --dtype)
          _atp_words "f32 f64"
          return ;;
        --keep)
          _atp_fields ""
          return ;;
        --drop)
          _atp_fields ""
          return ;;
        --on-error)
          _atp_words "stop skip"
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --shards|--shard-size|--max-records|--seed|--records|--where|--sample|--split|--memory|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "-o --output --shards --shard-size --max-records --balance --algorithm --order --seed --records --where --dedup --sample --split --by --codec --dtype --keep --drop --on-error --no-verify --memory --resume -f --force --dry-run --json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    export)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --to)
          _atp_words "extxyz ase-db aselmdb npz poscar jsonl"
          return ;;
        --keys)
          _atp_words "ase mace"
          return ;;
        --on-error)
          _atp_words "stop skip"
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --records|--where|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "-o --output --to --keys -f --force --records --where --on-error -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    inspect)
      case $prev in
        --from)
          _atp_words "extxyz xyz ase-db ase-json json aselmdb lmdb-pickle vasp chgcar cube hdf5 deepmd cif atp archive npz"
          return ;;
        --map)
          _atp_words "energy= forces= stress= virial= cell= pbc= charges= velocities= name="
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --cutoff|--record|--records|--sql|--units|--npz-map|--hdf5-map|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--stats --cutoff --record --records --sql --csv --json --from --map --units --npz-map --hdf5-map -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    verify)
      case $prev in
        --check)
          _atp_files
          return ;;
        --format)
          _atp_words "text github"
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --max-force|--salvage|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--quick --values --max-force --strict --manifest --sums --check --repair --dry-run --salvage -f --force --json --format -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    formats)
      case $prev in
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        -j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      fi ;;
    plan-batches)
      case $prev in
        --sizes)
          _atp_files
          return ;;
        --edges)
          _atp_files
          return ;;
        --strategy)
          _atp_words "deal mace mace-shuffled next-fit fixed ffd bfd lpt"
          return ;;
        --oversize)
          _atp_words "error single skip"
          return ;;
        --tail)
          _atp_words "pad drop repeat"
          return ;;
        -o|--output)
          _atp_files
          return ;;
        --format)
          _atp_words "npy npz jsonl"
          return ;;
        --verify)
          _atp_files
          return ;;
        --svg)
          _atp_files
          return ;;
        --html)
          _atp_files
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --cutoff|--records|--max-atoms|--max-edges|--max-graphs|--cost|--gpus|--per-node|--seed|--epoch|--epochs|--mix|--min-atoms|--static-shapes|--start|--step|--model|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--sizes --edges --cutoff --records --max-atoms --max-edges --max-graphs --cost --gpus --per-node --strategy --seed --epoch --epochs --mix --oversize --min-atoms --tail --drop-last --static-shapes -o --output --format --per-rank --start --step -f --force --json --verify --report --svg --html --compare --simulate --model -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    bench)
      case $prev in
        --dir)
          _atp_files
          return ;;
        --like)
          _atp_datasets
          return ;;
        --io)
          _atp_words "auto map pread uring"
          return ;;
        --html)
          _atp_files
          return ;;
        --baseline)
          _atp_files
          return ;;
        --grid)
          _atp_words "world europe australia austria brazil canada china denmark finland france germany india korea spain sweden switzerland uk usa"
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --records|--atoms|--backends|--workloads|--seconds|--trials|--batch|--workers|--seed|--require|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--dir --records --atoms --like --custom --backends --workloads --seconds --trials --batch --workers --io --seed --json --html -f --force --baseline --require --goals --footprint --io-profile --grid -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_datasets
      fi ;;
    doctor)
      case $prev in
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        -j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_files
      fi ;;
    pull)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --local-dir)
          _atp_files
          return ;;
        --verify)
          _atp_words "full quick none"
          return ;;
        --token)
          _atp_files
          return ;;
        --ca-file)
          _atp_files
          return ;;
        --progress)
          _atp_words "auto always never"
          return ;;
        --color)
          _atp_words "auto always never"
          return ;;
        --revision|--include|--exclude|--records|--sample|--seed|--gap|--limit-rate|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        _atp_words "--revision --include --exclude --list --inspect --records --sample --seed -o --output --gap -f --force --local-dir --dry-run --verify --limit-rate --token --ca-file --json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help"
      else
        _atp_files
      fi ;;
    help) ((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W "pack shard export inspect verify formats plan-batches bench doctor pull help" -- "$cur")) ;;
  esac
}

complete -F _atp atp
