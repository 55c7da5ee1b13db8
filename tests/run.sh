#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh LOGDIR COMMAND...: run every test command (a few at once), count what
# they say, and close with "N passed, N failed, N skipped".
# Understood: cmocka's own lines, and "ok - ", "not ok - ", "skip - " lines. A cmocka
# test that skips prints "skipped: " and why.
set -u
logs=$1
shift
rm -rf "$logs"
mkdir -p "$logs"
jobs=$(nproc 2>/dev/null || echo 2)

i=0
for cmd in "$@"; do
	i=$((i + 1))
	printf '%s\n' "$cmd" >"$logs/$i.cmd"
done
# A command that dies counts as a failure, whatever it printed before.
seq 1 $i | xargs -P "$jobs" -I{} sh -c '
	begin=$(date +%s)
	sh -c "$(cat "$1/$2.cmd")" >"$1/$2.log" 2>&1
	echo $? >"$1/$2.rc"
	echo $(($(date +%s) - begin)) >"$1/$2.secs"
	[ "$(cat "$1/$2.rc")" = 0 ] && s=ok || s=FAILED
	printf "%-6s %s\n" "$s" "$(cat "$1/$2.cmd")"
' run "$logs" {}

# cmocka names a failed or skipped test twice: once in place, once in its summary
count() { grep -E "$1" "$logs"/*.log /dev/null | sort -u | wc -l; }
passed=$(count '^(\[       OK \]|ok - )')
skipped=$(count '^(\[  SKIPPED \] [A-Za-z_0-9]+$|skip - )')
failed=$(count '^(\[  FAILED  \] [A-Za-z_0-9]+$|not ok - )')
for n in $(seq 1 $i); do
	[ "$(cat "$logs/$n.rc")" = 0 ] && continue
	grep -qE '^(\[  FAILED  \] [A-Za-z_0-9]+$|not ok - )' "$logs/$n.log" || failed=$((failed + 1))
	echo "---- $(cat "$logs/$n.cmd") (exit $(cat "$logs/$n.rc"))"
	grep -vE '^(\[ RUN      \]|\[       OK \]|ok - )' "$logs/$n.log" | tail -60
done
# the slowest, so that a test that grows out of its room is seen
for n in $(seq 1 $i); do printf '%s s  %s\n' "$(cat "$logs/$n.secs")" "$(cut -c1-100 "$logs/$n.cmd")"; done |
	sort -rn | sed -n '1,8s/^/slowest: /p'
cat "$logs"/*.log | grep -E '^(skip - |skipped: )' || true
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
