#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deps.sh build|test [names]: is everything there that building (and testing) needs?
# Installs what is missing with apt, saying so; without apt or the right to use it,
# names the missing packages and stops. With "names" it names them and installs nothing.
set -eu
group=${1:-build}
missing=
wanted=

need_command() { # command package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_library() { # pkg-config-name package
	command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1" 2>/dev/null || missing="$missing $2"
}
# Done without, so never missing alone; installed along with what is.
want_library() { # pkg-config-name package
	command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1" 2>/dev/null || wanted="$wanted $2"
}

need_command cc gcc
need_command ld binutils
need_command pkg-config pkg-config
# the C library's headers are a package of their own
echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || missing="$missing libc6-dev"
need_library libaddrxlat libkdumpfile-dev
# only its header: the library is loaded when code is looked at
need_library capstone libcapstone-dev
need_library zlib zlib1g-dev
need_library lzo2 liblzo2-dev
# only its header: the library is loaded when a page needs it
need_library snappy libsnappy-dev
need_library libzstd libzstd-dev
need_library jansson libjansson-dev
# only its header: the library is loaded when JUnit XML is written
need_library libxml-2.0 libxml2-dev
# only its header: the library itself is loaded when something is to be downloaded
need_library libcurl libcurl4-openssl-dev
# only its header: the library is loaded when a dump is compressed
need_library libarchive libarchive-dev
# only its header: without it, compressed symbol files are not read
want_library libmspack libmspack-dev
if [ "$group" = test ]; then
	need_library cmocka libcmocka-dev
	need_command python3 python3
	# JUnit, SARIF and JSON are read by other people's readers
	need_command xmllint libxml2-utils
	need_command jq jq
	/usr/bin/python3 -c 'import junitparser' >/dev/null 2>&1 || missing="$missing python3-junitparser"
	# images, PDBs and code for Windows are made on the spot
	need_command clang clang
	need_command lld-link lld
	need_command llvm-pdbutil llvm
	# code for ARM64 is run, one instruction at a time
	need_command qemu-aarch64 qemu-user
fi
# Dumps that QEMU writes of the test guest: tried, and done without (those tests are skipped).
if [ "$group" = test ] && [ "${2:-}" != names ] && ! command -v qemu-system-x86_64 >/dev/null 2>&1 &&
	command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
	echo "Trying to install qemu-system-x86 (optional)."
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		-o Dpkg::Use-Pty=0 --no-install-recommends qemu-system-x86; } >/dev/null 2>&1 ||
		echo "It cannot be installed here: make check skips what needs it."
fi
[ -n "$missing" ] || exit 0

echo "Missing packages:$missing"
if [ "${2:-}" = names ]; then
	echo "'make demo' installs what building needs, 'make check' what testing needs." >&2
	exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "There is no apt-get here. Install these (Debian names) and run make again:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "Neither root nor sudo. As root: apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi
echo "Installing them with apt-get.${wanted:+ Optional, too:$wanted}"
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 \
	--no-install-recommends $missing $wanted
