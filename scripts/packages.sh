# The Debian packages that Kiln runs on, and those that its tests need besides; sourced by the other scripts.
# shellcheck shell=sh
runtime_packages='qemu-system-x86 qemu-utils iproute2 nftables dnsmasq-base passt procps util-linux apt dpkg cpio gzip debian-archive-keyring uidmap mmdebstrap
  e2fsprogs fdisk grub-pc-bin grub-common xz-utils zstd openssh-client ca-certificates'
build_packages='make g++ python3'
test_packages='awscli python3-boto3'

# missing_packages PACKAGE...: prints those that are not installed.
missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
  done
}

# install_packages PACKAGE...: installs what is missing, as root or by sudo; elsewhere than on Debian it names the list and fails.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu. Install what your distribution calls these, then run this again:" >&2
    echo "$@" >&2
    return 1
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  echo "Installing missing packages: $missing"
  as_root=''
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# prepare_test_user: the tests run the daemon as an ordinary user too, who may open /dev/net/tun as on any desktop.
prepare_test_user() {
  [ "$(id -u)" = 0 ] || return 0
  id kiln-tester >/dev/null 2>&1 || useradd --create-home kiln-tester
  chmod 666 /dev/net/tun
}
