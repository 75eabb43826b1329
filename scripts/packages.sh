# Installs what Kiln needs of the operating system, by config/debian-packages.txt; sourced by the other scripts in the project's root.
# shellcheck shell=sh

# packages_of GROUP...: prints the packages of these groups.
packages_of() {
  for group in "$@"; do
    awk -v group="$group" '$1 == group { print $2 }' config/debian-packages.txt
  done
}

# missing_packages PACKAGE...: prints those that are not installed, in one line.
missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
  done
}

# as_root COMMAND...: runs it as root, by sudo for an ordinary user.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root, and there is no sudo. As root, run: $*" >&2
    return 1
  fi
}

# install_packages GROUP...: says what is missing and installs it; elsewhere than on Debian and Ubuntu it prints the list and fails.
install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not Debian or Ubuntu. Install what your distribution calls these, then run 'npm ci', 'npm run build' and" >&2
    echo "'node dist/cli/main.js doctor', which tells what is still missing:" >&2
    packages_of "$@" | sed 's/^/  /' >&2
    return 1
  fi
  # shellcheck disable=SC2046
  missing=$(missing_packages $(packages_of "$@"))
  [ -n "$missing" ] || return 0
  echo "Installing missing packages: $missing"
  log=$(mktemp)
  # shellcheck disable=SC2086
  if as_root apt-get update -qq >"$log" 2>&1 &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    echo "The packages could not be installed. Install them yourself, then run this again: $missing" >&2
    return 1
  fi
}

# require_node: fails unless Node.js is there and new enough.
require_node() {
  wanted=20.19
  found=$(node --version 2>/dev/null || true)
  [ -n "$found" ] && [ "$(printf 'v%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "v$wanted" ] && return 0
  echo "Kiln needs Node.js $wanted or newer; ${found:-none} is on the PATH. See https://nodejs.org/en/download" >&2
  return 1
}

# install_modules: brings node_modules to what package-lock.json says, unless it is so already.
install_modules() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return 0
  # better-sqlite3 comes compiled from GitHub, or is compiled here. Node's headers are beside it in every usual installation: with them
  # nothing is fetched from nodejs.org, which may be out of reach.
  node_prefix=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
  if [ -z "${npm_config_nodedir:-}" ] && [ -f "$node_prefix/include/node/node.h" ]; then
    export npm_config_nodedir="$node_prefix"
  fi
  npm ci --no-audit --no-fund
}

# build_kiln: compiles it, unless nothing has changed since the last time.
build_kiln() {
  stamp=dist/.built
  if [ -f "$stamp" ] && [ -z "$(find src package.json scripts/build.mjs node_modules/.package-lock.json -newer "$stamp")" ]; then
    return 0
  fi
  npm run --silent build && touch "$stamp"
}

# prepare_tun: lets guests have network interfaces, as the device's usual mode does on any desktop.
prepare_tun() {
  [ -c /dev/net/tun ] || as_root modprobe tun || as_root sh -c 'mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200'
  [ -w /dev/net/tun ] && return 0
  echo "/dev/net/tun cannot be opened by $(id -un): making it usable for every user, as is usual"
  as_root chmod 666 /dev/net/tun
}
