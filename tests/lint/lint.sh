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
# One line a layer for awk, which reads every file once (forks are what a lint costs).
table=$(for d in src/*/; do
	d=${d#src/}
	d=${d%/}
	printf '%s:%s;' "$d" "$(allowed "$d")"
done)
awk -v table="$table" '
	BEGIN {
		n = split(table, row, ";")
		for (i = 1; i <= n; i++) {
			k = index(row[i], ":")
			if (k) ok[substr(row[i], 1, k - 1)] = " " substr(row[i], k + 1) " fltscope "
		}
	}
	FNR == 1 {
		split(FILENAME, part, "/")
		layer = part[2]
		if (ok[layer] == "  fltscope ")
			printf "lint: %s: layer %s is not in the layer table\n", FILENAME, layer
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		inc = $0
		sub(/^[^"]*"/, "", inc)
		sub(/".*/, "", inc)
		split(inc, where, "/")
		if (inc !~ /\//)
			printf "lint: %s: \"%s\" must be named from src/ or include/\n", FILENAME, inc
		else if (index(ok[layer], " " where[1] " ") == 0)
			printf "lint: %s: layer %s must not include \"%s\"\n", FILENAME, layer, inc
	}
' src/*/*.[ch] src/*/*.def >>"$bad"
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
grep -HnE '(^|[^a-z_])(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|fputc|fwrite|perror|dprintf)[[:space:]]*\(' src/*.c src/*/*.[ch] |
	grep -vE '^src/(emit|cli)/' | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)' |
	sed 's/^\([^:]*\):.*/lint: \1: prints; only src\/emit and src\/cli may/' | sort -u >>"$bad" || true

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
# constant tables of pointers stand in .data.rel.ro, which is read-only once loaded
find "$objdir/src" -name '*.o' ! -path '*/cli/*' ! -path '*/emit/*' ! -path '*/view/*' | sort |
	xargs nm -A -f sysv --defined-only | awk -F'|' '
		{ gsub(/ /, "", $3); gsub(/ /, "", $7) }
		$3 ~ /^[bBcCdDgGsS]$/ && $7 !~ /^\.data\.rel\.ro/ {
			name = $1
			sub(/[ \t]*$/, "", name)
			k = match(name, /:[^:]*$/)
			if (substr(name, k + 1) !~ /^(\.|__)/)
				printf "lint: %s: writable global: %s\n", substr(name, 1, k - 1), substr(name, k + 1)
		}' >>"$bad"

# --- sizes: functions to 60 lines, files to 500, headers to 300 ---------------
awk '
	function full() { if (last && lines > max) printf "lint: %s: %d lines, at most %d\n", last, lines, max }
	FNR == 1 { full(); last = FILENAME; max = FILENAME ~ /\.h$/ ? 300 : 500; start = 0 }
	{ lines = FNR }
	/^[{]/ { start = FNR }
	/^}/ {
		if (start && FILENAME ~ /\.c$/ && FNR - start - 1 > 60)
			printf "lint: %s:%d: a function of %d lines, at most 60\n", FILENAME, start, FNR - start - 1
		start = 0
	}
	END { full() }
' src/*.c src/*/*.[ch] include/fltscope/*.h tests/unit/*/*.c tests/tools/*.c >>"$bad"

# --- ask the layout, never the version ---------------------------------------
grep -nE '(build|version|major|minor)(\.v|_number)?[[:space:]]*(<|>|<=|>=|==)[[:space:]]*[0-9]{4,}' src/*.c src/*/*.[ch] |
	sed 's/^/lint: version test: /' >>"$bad" || true

# --- every file says its licence ---------------------------------------------
awk '
	FNR == 1 { if (NR > 1 && !said) print "lint: " last ": no SPDX line"; said = 0; last = FILENAME }
	FNR <= 3 && /SPDX-License-Identifier: BSD-2-Clause/ { said = 1 }
	END { if (!said) print "lint: " last ": no SPDX line" }
' src/*.c src/*/*.[ch] src/*/*.def include/fltscope/*.h tests/unit/*/*.c tests/tools/*.c tests/tools/*.sh tests/tools/*.py >>"$bad"

if [ -s "$bad" ]; then
	cat "$bad" >&2
	exit 1
fi
echo "lint: ok"
