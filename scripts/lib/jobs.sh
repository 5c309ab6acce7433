# shellcheck shell=bash
# Runs named jobs, prints each one's time and a table; shared by .ci/run and scripts/nightly. Sourced.

preset_configure() {
  mkdir -p build
  cmake --preset "$1" -DLITHIFY_WERROR=ON >"build/$1.log" 2>&1 || { cat "build/$1.log"; return 1; }
}

# preset_tests PRESET TARGETS [CTEST-ARGUMENT...]: builds some targets of a preset, runs some tests.
preset_tests() {
  local preset=$1 targets
  read -r -a targets <<<"$2"
  shift 2
  cmake --build "build/$preset" --parallel "$(lithify_jobs)" --target "${targets[@]}"
  ctest --preset "$preset" --no-tests=error --parallel "$(lithify_jobs)" --quiet \
    --output-log "build/$preset-tests.log" "$@" || { tail -n 200 "build/$preset-tests.log"; return 1; }
  grep -E '^[0-9]+% tests passed' "build/$preset-tests.log"
}

# run_jobs NAME "JOB JOB ..." [--list | --only JOB...]: calls job_JOB for each; 1 when one fails.
run_jobs() {
  local name=$1 all only=" " table=() failed=0 started=$SECONDS job job_started status verdict
  read -r -a all <<<"$2"
  shift 2
  while (($# > 0)); do
    case "$1" in
      --list) printf '%s\n' "${all[@]}"; return 0 ;;
      --only)
        (($# > 1)) || { echo "$name: --only needs a job" >&2; return 2; }
        [[ " ${all[*]} " == *" $2 "* ]] || { echo "$name: no job '$2'; see --list" >&2; return 2; }
        only+="$2 "
        shift
        ;;
      -h | --help) usage; return 0 ;;
      *) echo "$name: unknown argument '$1'; see --help" >&2; return 2 ;;
    esac
    shift
  done
  for job in "${all[@]}"; do
    if [[ $only != " " && $only != *" $job "* ]]; then continue; fi
    echo "=== $job"
    job_started=$SECONDS
    # A subshell of its own with -e: in a condition the job would go on after a failure.
    set +e
    (set -e; "job_$job")
    status=$?
    set -e
    verdict=ok
    if ((status != 0)); then verdict="FAILED ($status)"; failed=1; fi
    table+=("$(printf '%-10s %6ds  %s' "$job" $((SECONDS - job_started)) "$verdict")")
    echo "=== $job: $verdict after $((SECONDS - job_started)) s"
    # Without the packages the rest says nothing.
    if ((status != 0)) && [[ $job == setup ]]; then break; fi
  done
  echo
  echo "=== summary"
  printf '%s\n' "${table[@]}"
  printf '%-10s %6ds\n' total $((SECONDS - started))
  return "$failed"
}
