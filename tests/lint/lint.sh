#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The house rules that a machine can check. Usage: lint.sh OBJDIR
# (OBJDIR holds the library's objects of the optimised build).
set -eu
cd "$(dirname "$0")/../.."
objdir=${1:-build/rel}
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT
fail() { printf 'lint: %s\n' "$*" >>"$bad"; }

# --- layers: who may include whom (DESIGN: Layers) ---------------------------
allowed() {
	case $1 in
	base) echo 'base' ;;
	dump) echo 'base dump' ;;
	vm) echo 'base dump vm' ;;
	layout) echo 'base layout' ;;
	pdb) echo 'base pdb' ;;
	read) echo 'base dump vm layout read' ;;
	module) echo 'base dump vm layout read module' ;;
	model) echo 'base model' ;;
	code) echo 'base dump vm code' ;;
	# stacks by unwind data: over callbacks, so that it can be run against real code; it decodes
	# instructions to tell a return address
	unwind) echo 'base code unwind' ;;
	nt) echo 'base dump vm layout read module model nt' ;;
	# fltmgr asks nt for the DRIVER_OBJECTs and DEVICE_OBJECTs its objects point at
	fltmgr) echo 'base dump vm layout read module model nt code fltmgr' ;;
	check) echo 'base check' ;;
	emit) echo 'base emit' ;;
	view) echo 'base emit view' ;;
	cli) echo 'base emit view cli' ;;
	*) echo '' ;;
	esac
}
for f in src/*/*.c src/*/*.h src/*/*.def; do
	[ -e "$f" ] || continue
	layer=${f#src/}
	layer=${layer%%/*}
	ok=" $(allowed "$layer") fltscope "
	[ "$ok" = "  fltscope " ] && fail "$f: layer '$layer' is not in the layer table"
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$f" |
		while read -r inc; do
			case $inc in
			*/*) ;;
			*) printf 'lint: %s: "%s" must be named from src/ or include/\n' "$f" "$inc" >>"$bad"; continue ;;
			esac
			case $ok in
			*" ${inc%%/*} "*) ;;
			*) printf 'lint: %s: layer %s must not include "%s"\n' "$f" "$layer" "$inc" >>"$bad" ;;
			esac
		done
done
# Layers that know base (and the public error kinds) only.
for f in src/dump/*.[ch] src/vm/*.[ch] src/layout/*.[ch] src/read/*.[ch] src/module/*.[ch]; do
	if grep -qE '#include "fltscope/(model|finding|fltscope)\.h"' "$f"; then
		fail "$f: the model is above this layer"
	fi
done
for f in src/check/*.[ch] src/model/*.[ch] src/nt/*.[ch] src/fltmgr/*.[ch]; do
	if grep -q '#include "fltscope/fltscope\.h"' "$f"; then
		fail "$f: the public handle is above this layer"
	fi
done

# --- only emit and cli print -------------------------------------------------
for f in src/*.c src/*/*.[ch]; do
	case $f in src/emit/* | src/cli/*) continue ;; esac
	if grep -nE '(^|[^a-z_])(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|fputc|fwrite|perror|dprintf)[[:space:]]*\(' "$f" |
		grep -vE '^[0-9]+:[[:space:]]*(/?\*|//)' | grep -q .; then
		fail "$f: prints; only src/emit and src/cli may"
	fi
done

# --- each third-party header in exactly one .c file, and in no header --------
std='assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|tgmath|time|uchar|wchar|wctype|fcntl|unistd|getopt|dirent|ftw|poll|pwd|sys/[a-z]+|libgen|langinfo|termios|dlfcn'
grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' src/*.c src/*/*.c src/*/*.h include/fltscope/*.h |
	grep -vE "<($std)\.h>" |
	sed 's/:[0-9]*:[[:space:]]*#[[:space:]]*include[[:space:]]*/ /' >"$bad.inc" || true
if grep -q '\.h <' "$bad.inc"; then
	fail "third-party header in a header: $(grep '\.h <' "$bad.inc" | head -1)"
fi
awk '{ n[$2]++; f[$2] = f[$2] " " $1 } END { for (h in n) if (n[h] > 1) print "lint: " h " is included by more than one file:" f[h] }' "$bad.inc" >>"$bad"
rm -f "$bad.inc"

# --- no writable globals in library objects ----------------------------------
for o in $(find "$objdir/src" -name '*.o' ! -path '*/cli/*' ! -path '*/emit/*' ! -path '*/view/*' | sort); do
	# constant tables of pointers stand in .data.rel.ro, which is read-only once loaded
	w=$(nm -f sysv --defined-only "$o" | awk -F'|' '
		{ gsub(/ /, "", $1); gsub(/ /, "", $3); gsub(/ /, "", $7) }
		$3 ~ /^[bBcCdDgGsS]$/ && $7 !~ /^\.data\.rel\.ro/ && $1 !~ /^(\.|__)/ { printf "%s ", $1 }')
	[ -z "$w" ] || fail "$o: writable globals: $w"
done

# --- sizes: functions to 60 lines, files to 500, headers to 300 ---------------
for f in src/*.c src/*/*.c tests/unit/*/*.c tests/tools/*.c; do
	[ -e "$f" ] || continue
	n=$(wc -l <"$f")
	[ "$n" -le 500 ] || fail "$f: $n lines, at most 500"
	awk -v f="$f" '
		/^[{]/ { start = NR }
		/^}/ { if (start && NR - start - 1 > 60) printf "lint: %s:%d: a function of %d lines, at most 60\n", f, start, NR - start - 1; start = 0 }
	' "$f" >>"$bad"
done
for f in src/*/*.h include/fltscope/*.h; do
	n=$(wc -l <"$f")
	[ "$n" -le 300 ] || fail "$f: $n lines, at most 300"
done

# --- ask the layout, never the version ---------------------------------------
grep -nE '(build|version|major|minor)(\.v|_number)?[[:space:]]*(<|>|<=|>=|==)[[:space:]]*[0-9]{4,}' src/*.c src/*/*.[ch] |
	sed 's/^/lint: version test: /' >>"$bad" || true

# --- every file says its licence ---------------------------------------------
for f in src/*.c src/*/*.[ch] src/*/*.def include/fltscope/*.h tests/unit/*/*.c tests/tools/*.c tests/tools/*.sh tests/tools/*.py; do
	[ -e "$f" ] || continue
	head -3 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || fail "$f: no SPDX line"
done

if [ -s "$bad" ]; then
	cat "$bad" >&2
	exit 1
fi
echo "lint: ok"
