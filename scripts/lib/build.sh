# shellcheck shell=bash
# What scripts/test, demo, bench and nightly share. Sourced, never run.

lithify_jobs() { echo "${LITHIFY_JOBS:-$(nproc)}"; }

# lithify_configure ROOT AUTO|ON|OFF [CMAKE-ARGUMENT...]: configures ROOT/build, quietly unless it fails.
lithify_configure() {
  local root=$1 cuda=$2 log
  shift 2
  local arguments=(-S "$root" -B "$root/build" -DLITHIFY_CUDA="$cuda" "$@")
  if [[ ! -e $root/build/CMakeCache.txt ]] && command -v ninja >/dev/null; then arguments+=(-G Ninja); fi
  if [[ -n ${LITHIFY_CMAKE_ARGS:-} ]]; then
    local further
    read -r -a further <<<"$LITHIFY_CMAKE_ARGS"
    arguments+=("${further[@]}")
  fi
  mkdir -p "$root/build"
  log=$root/build/configure.log
  if ! cmake "${arguments[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    echo "configuring failed; the messages above are in $log" >&2
    return 5
  fi
  sed -n '/^-- Lithify /,/^-- Configuring done/{/Configuring done/!s/^-- //p}' "$log"
}

# lithify_build ROOT [TARGET...]
lithify_build() {
  local root=$1
  shift
  local arguments=(--build "$root/build" --parallel "$(lithify_jobs)")
  if (($# > 0)); then arguments+=(--target "$@"); fi
  cmake "${arguments[@]}"
}
