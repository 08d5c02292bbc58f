# Sourced by ./start and ./check: a virtual environment that uv fills where it can be had, and pip elsewhere.
#
# Reads  python              a Python, 3.11 or newer
#        venv                the folder of the virtual environment
#        PODLAB_INSTALLER    "pip" leaves uv alone; "uv" and nothing try uv first
# Sets   wanted              what .podlab-installed begins with while the environment is up to date
#        installer           "uv" or "pip", once `choose_installer` has run
# shellcheck shell=bash disable=SC2154  # python and venv are the caller's

wanted="$(cat pyproject.toml constraints.txt | cksum)"
uv=()

# Whether the environment has podlab in its present version, and one of the sets that follow: core, jupyter, dev.
installed() {
  local marker each
  marker="$(cat "$venv/.podlab-installed" 2>/dev/null)" || return 1
  for each in "$@"; do [ "$marker" = "$wanted $each" ] && return 0; done
  return 1
}

mark_installed() { printf '%s %s' "$wanted" "$1" >"$venv/.podlab-installed"; }

# An environment without pip takes a tenth of a second, one with pip several; pip comes later, from uv.
make_venv() {
  if ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    "$python" -m venv --without-pip "$venv"
  fi
}

have_pip() { "$venv/bin/python" -c 'import pip' 2>/dev/null; }

pip_options=(--disable-pip-version-check --progress-bar off --constraint constraints.txt)

as_it_is=(--no-deps --no-compile --only-binary :all:) # uv is one program: nothing to resolve, compile or build

uv_version() { sed -n 's/^uv==//p' constraints.txt; }

# uv: the environment's own, one on PATH, its program from the index, or what the pip of $python or of the environment
# brings.
choose_installer() {
  local each
  installer=uv
  if [ "${PODLAB_INSTALLER:-}" != pip ]; then
    for each in "$venv/bin/uv" uv; do
      if "$each" --version >/dev/null 2>&1; then uv=("$each"); return 0; fi
    done
    as_pip_was_told
    if [ -z "${PIP_NO_INDEX:-}" ] && "$python" helpers/fetch_uv.py "$(uv_version)" "$venv/bin/uv"; then
      if "$venv/bin/uv" --version >/dev/null 2>&1; then uv=("$venv/bin/uv"); return 0; fi
    fi
    if "$python" -m pip --python "$venv/bin/python" install "${pip_options[@]}" "${as_it_is[@]}" uv || { bring_pip &&
      "$venv/bin/python" -m pip install "${pip_options[@]}" "${as_it_is[@]}" uv; }; then
      if "$venv/bin/uv" --version >/dev/null 2>&1; then uv=("$venv/bin/uv"); return 0; fi
    fi
  fi
  installer=pip
  bring_pip
}

bring_pip() { have_pip || "$venv/bin/python" -m ensurepip; }

# What pip has been told about a mirror holds for uv as well.
as_pip_was_told() {
  local file
  : "${UV_DEFAULT_INDEX:=${PIP_INDEX_URL:-}}"
  for file in "${PIP_CONFIG_FILE:-}" "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf" \
    /etc/xdg/pip/pip.conf /etc/pip.conf; do
    if [ -z "$UV_DEFAULT_INDEX" ] && [ -f "$file" ]; then
      UV_DEFAULT_INDEX="$(sed -n 's/^[[:space:]]*index-url[[:space:]]*=[[:space:]]*//p' "$file" | head -n 1)"
    fi
  done
  if [ -n "$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi
  if [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"; fi
}

# The core's packages, a requirement a line: pyproject.toml is their one list.
core_requirements() {
  "$python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")'
}

# Install what the arguments name, with the versions of constraints.txt. Where uv fails, pip has a try.
install_into_venv() {
  if [ "$installer" = uv ]; then
    as_pip_was_told
    "${uv[@]}" pip install --python "$venv/bin/python" --constraint constraints.txt "$@" && return 0
    echo "uv could not install this; now pip tries"
    installer=pip
    bring_pip || return 1
  fi
  "$venv/bin/python" -m pip install "${pip_options[@]}" "$@"
}

rest_bytes=455000000 # what uv writes for JupyterLab and the rest; a test compares it with the packages

# How much the program that a process has started has written. Sets `bytes`; 0 where the system does not count (macOS).
written_by() { # the process
  local program="" name value
  bytes=0
  { read -r program _ <"/proc/$1/task/$1/children"; } 2>/dev/null || true
  [ -n "$program" ] || return 0
  { while read -r name value; do
    if [ "$name" = wchar: ]; then bytes=$value; fi
  done <"/proc/$program/io"; } 2>/dev/null || true
}

# How much of the rest uv has written, in percent. Sets `share`; empty where nothing is counted, and at the end, where uv
# links what it has written. Not a time: the speed changes by more than a third while others use the machine.
share_of_rest() { # bytes written
  share=$(($1 / (rest_bytes / 100)))
  if [ "$share" -lt 1 ] || [ "$share" -gt 99 ]; then share=""; fi
}
