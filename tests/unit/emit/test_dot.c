/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphviz's language (https://graphviz.org/doc/info/lang.html): quotes and backslashes of a
 * label are escaped, and nothing of the dump ends a string or acts on a terminal. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "emit/dot.h"

static char *written(const struct dot_graph *g)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	assert_true(dot_write(f, g));
	assert_int_equal(fclose(f), 0);
	return text;
}

static void a_graph_as_the_language_has_it(void **state)
{
	struct dot_node nodes[] = {{"thread 0x1", "box", false}, {"lock\n0x2", "hexagon", true}};
	struct dot_edge edges[] = {{0, 1, "waits for", true, false},
				   {1, 0, "is owned by", false, true}};
	struct dot_graph g = {"wait_for", nodes, 2, edges, 2};
	char *text = written(&g);

	(void)state;
	assert_string_equal(text,
			    "digraph wait_for {\n"
			    "\trankdir=LR;\n"
			    "\tnode [fontname=\"monospace\"];\n"
			    "\tn0 [shape=box, label=\"thread 0x1\"];\n"
			    "\tn1 [shape=hexagon, label=\"lock\\n0x2\", color=red, penwidth=2];\n"
			    "\tn0 -> n1 [label=\"waits for\", style=dashed];\n"
			    "\tn1 -> n0 [label=\"is owned by\", color=red, penwidth=2];\n"
			    "}\n");
	free(text);
}

static void hostile_labels_stay_labels(void **state)
{
	struct dot_node nodes[] = {{"a\"]; n9 [label=\"b", "box", false},
				   {"\\Device\\X\\", "box", false},
				   {"\x1b[31mred\x07", "box", false},
				   {"sys\xe2\x80\xaegnp.exe", "box", false}};
	struct dot_graph g = {"wait_for", nodes, 4, NULL, 0};
	char *text = written(&g);

	(void)state;
	assert_non_null(strstr(text, "\tn0 [shape=box, label=\"a\\\"]; n9 [label=\\\"b\"];\n"));
	assert_non_null(strstr(text, "\tn1 [shape=box, label=\"\\\\Device\\\\X\\\\\"];\n"));
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x07'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	free(text);
}

static void nothing_is_a_graph_too(void **state)
{
	struct dot_graph g = {"wait_for", NULL, 0, NULL, 0};
	char *text = written(&g);

	(void)state;
	assert_string_equal(text, "digraph wait_for {\n\trankdir=LR;\n"
				  "\tnode [fontname=\"monospace\"];\n}\n");
	free(text);
}

static void a_full_disk_is_told(void **state)
{
	struct dot_graph g = {"wait_for", NULL, 0, NULL, 0};
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	if (!f)
		skip();
	assert_false(dot_write(f, &g));
	assert_int_equal(errno, ENOSPC);
	(void)fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_graph_as_the_language_has_it),
		cmocka_unit_test(hostile_labels_stay_labels),
		cmocka_unit_test(nothing_is_a_graph_too),
		cmocka_unit_test(a_full_disk_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
