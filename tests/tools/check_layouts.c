/* SPDX-License-Identifier: BSD-2-Clause */
/* `make check-layouts`: every layout in the binary against tests/unit/support/layout_lint.h. */
#include <stdio.h>

#include "support/layout_lint.h"

static void say(void *arg, const char *text)
{
	(void)arg;
	printf("%s\n", text);
}

int main(void)
{
	struct lint lint = {.say = say};
	size_t n = layout_shipped_count();

	for (size_t i = 0; i < n; i++) {
		const char *name = layout_shipped(i).name;
		struct fs_error err = {0};
		struct layout *l;

		if (layout_load_shipped(name, &l, &err) != FS_OK) {
			printf("%s\n", err.text);
			lint.complaints++;
			continue;
		}
		lint_layout(&lint, l, name);
		layout_free(l);
	}
	if (n == 0 || lint.complaints) {
		printf("not ok - layouts: %zu complaints about %zu files\n", lint.complaints, n);
		return 1;
	}
	printf("ok - layouts: %zu files\n", n);
	return 0;
}
