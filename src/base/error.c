/* SPDX-License-Identifier: BSD-2-Clause */
#include "fltscope/error.h"

#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
	[FS_OK] = "ok",
	[FS_NOT_IN_DUMP] = "not-in-dump",
	[FS_PAGED_OUT] = "paged-out",
	[FS_CORRUPT] = "corrupt",
	[FS_UNSUPPORTED] = "unsupported",
	[FS_LIMIT] = "limit",
	[FS_NOT_FOUND] = "not-found",
	[FS_INVALID] = "invalid",
	[FS_SYSTEM] = "system",
	[FS_NO_MEMORY] = "no-memory",
};

const char *fs_status_name(enum fs_status status)
{
	if ((size_t)status >= sizeof(status_names) / sizeof(status_names[0]))
		return "unknown";
	return status_names[status];
}

/* Truncation is fine here: the text is for people, the kind and address are data. */
__attribute__((format(printf, 2, 0))) static void set_text(struct fs_error *err, const char *fmt, va_list ap)
{
	if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
		err->text[0] = '\0';
}

enum fs_status fs_fail(struct fs_error *err, enum fs_status status, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	err->has_address = false;
	err->address = 0;
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	return status;
}

enum fs_status fs_fail_at(struct fs_error *err, enum fs_status status, uint64_t address,
			  const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	err->has_address = true;
	err->address = address;
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	return status;
}

enum fs_status fs_prepend(struct fs_error *err, enum fs_status status, const char *fmt, ...)
{
	char old[FS_ERROR_TEXT];
	va_list ap;
	size_t n;

	if (!err)
		return status;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	(void)snprintf(err->text + n, sizeof(err->text) - n, ": %.*s", (int)(sizeof(old) - 1), old);
	return err->status;
}
