# bash completion for atp. Written by "atp generate completions". Do not edit.

_atp_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\n'
  COMPREPLY=($(compgen -f -- "$cur"))
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
    COMPREPLY=($(compgen -W "pack shard export inspect verify formats plan-batches bench pull help --help --version" -- "$cur"))
    return
  fi
  case ${COMP_WORDS[1]} in
    pack)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --codec)
          COMPREPLY=($(compgen -W "none lz4 zstd" -- "$cur"))
          return ;;
        --dtype)
          COMPREPLY=($(compgen -W "keep f32 f64" -- "$cur"))
          return ;;
        --from)
          COMPREPLY=($(compgen -W "extxyz xyz ase-db ase-json json aselmdb lmdb-pickle vasp chgcar cube hdf5 deepmd cif atp archive npz" -- "$cur"))
          return ;;
        --on-error)
          COMPREPLY=($(compgen -W "stop skip" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --shards|--meta|--map|--units|--npz-map|--hdf5-map|--keep|--drop|--limit|--records|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "-o --output -f --force --shards --append --codec --dtype --meta --dry-run --json --from --map --units --adsorption-energy --npz-map --hdf5-map --keep-source --keep --drop --on-error --limit --records -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    shard)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --balance)
          COMPREPLY=($(compgen -W "bytes atoms records" -- "$cur"))
          return ;;
        --algorithm)
          COMPREPLY=($(compgen -W "optimal running-average" -- "$cur"))
          return ;;
        --order)
          COMPREPLY=($(compgen -W "keep shuffle size formula morton balance" -- "$cur"))
          return ;;
        --dedup)
          COMPREPLY=($(compgen -W "exact" -- "$cur"))
          return ;;
        --by)
          COMPREPLY=($(compgen -W "record formula" -- "$cur"))
          return ;;
        --codec)
          COMPREPLY=($(compgen -W "none lz4 zstd" -- "$cur"))
          return ;;
        --dtype)
          COMPREPLY=($(compgen -W "f32 f64" -- "$cur"))
          return ;;
        --on-error)
          COMPREPLY=($(compgen -W "stop skip" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --shards|--shard-size|--max-records|--seed|--records|--where|--sample|--split|--keep|--drop|--memory|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "-o --output --shards --shard-size --max-records --balance --algorithm --order --seed --records --where --dedup --sample --split --by --codec --dtype --keep --drop --on-error --no-verify --memory --resume -f --force --dry-run --json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    export)
      case $prev in
        -o|--output)
          _atp_files
          return ;;
        --to)
          COMPREPLY=($(compgen -W "extxyz ase-db aselmdb npz poscar jsonl" -- "$cur"))
          return ;;
        --keys)
          COMPREPLY=($(compgen -W "ase mace" -- "$cur"))
          return ;;
        --on-error)
          COMPREPLY=($(compgen -W "stop skip" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --records|--where|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "-o --output --to --keys -f --force --records --where --on-error -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    inspect)
      case $prev in
        --from)
          COMPREPLY=($(compgen -W "extxyz xyz ase-db ase-json json aselmdb lmdb-pickle vasp chgcar cube hdf5 deepmd cif atp archive npz" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --cutoff|--record|--records|--sql|--map|--units|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--stats --cutoff --record --records --sql --csv --json --from --map --units -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    verify)
      case $prev in
        --check)
          _atp_files
          return ;;
        --format)
          COMPREPLY=($(compgen -W "text github" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --max-force|--salvage|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--quick --values --max-force --strict --manifest --sums --check --repair --dry-run --salvage -f --force --json --format -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    formats)
      case $prev in
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        -j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
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
          COMPREPLY=($(compgen -W "deal mace mace-shuffled next-fit fixed ffd bfd lpt" -- "$cur"))
          return ;;
        --oversize)
          COMPREPLY=($(compgen -W "error single skip" -- "$cur"))
          return ;;
        --tail)
          COMPREPLY=($(compgen -W "pad drop repeat" -- "$cur"))
          return ;;
        --format)
          COMPREPLY=($(compgen -W "npy npz jsonl" -- "$cur"))
          return ;;
        --svg)
          _atp_files
          return ;;
        --html)
          _atp_files
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --cutoff|--records|--max-atoms|--max-edges|--max-graphs|--cost|--gpus|--per-node|--seed|--epoch|--epochs|--mix|--min-atoms|--static-shapes|-o|--output|--start|--step|--verify|--model|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--sizes --edges --cutoff --records --max-atoms --max-edges --max-graphs --cost --gpus --per-node --strategy --seed --epoch --epochs --mix --oversize --min-atoms --tail --drop-last --static-shapes -o --output --format --per-rank --start --step -f --force --json --verify --report --svg --html --compare --simulate --model -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    bench)
      case $prev in
        --dir)
          _atp_files
          return ;;
        --like)
          _atp_files
          return ;;
        --io)
          COMPREPLY=($(compgen -W "auto map pread uring" -- "$cur"))
          return ;;
        --html)
          _atp_files
          return ;;
        --baseline)
          _atp_files
          return ;;
        --grid)
          COMPREPLY=($(compgen -W "world europe australia austria brazil canada china denmark finland france germany india korea spain sweden switzerland uk usa" -- "$cur"))
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --records|--atoms|--backends|--workloads|--seconds|--trials|--batch|--workers|--seed|--require|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--dir --records --atoms --like --custom --backends --workloads --seconds --trials --batch --workers --io --seed --json --html --baseline --require --goals --footprint --io-profile --grid -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
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
          COMPREPLY=($(compgen -W "full quick none" -- "$cur"))
          return ;;
        --token)
          _atp_files
          return ;;
        --ca-file)
          _atp_files
          return ;;
        --progress)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --color)
          COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
          return ;;
        --revision|--include|--exclude|--records|--sample|--seed|--gap|--limit-rate|-j|--jobs) return ;;
      esac
      if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--revision --include --exclude --list --inspect --records --sample --seed -o --output -f --force --gap --local-dir --dry-run --verify --limit-rate --token --ca-file --json -j --jobs -q --quiet -v --verbose -y --yes --progress --color -h --help" -- "$cur"))
      else
        _atp_files
      fi ;;
    help) ((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W "pack shard export inspect verify formats plan-batches bench pull help" -- "$cur")) ;;
  esac
}

complete -F _atp atp
