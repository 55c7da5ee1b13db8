/* SPDX-License-Identifier: BSD-2-Clause */
#include "dump/unpack_page.h"

#include <dlfcn.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static bool unpack_zlib(const uint8_t *src, size_t n, uint8_t *dst, size_t *size)
{
	uLongf len = (uLongf)*size;
	int rc = uncompress(dst, &len, src, (uLong)n);

	*size = len;
	return rc == Z_OK;
}

static bool unpack_lzo(const uint8_t *src, size_t n, uint8_t *dst, size_t *size)
{
	lzo_uint len = *size;
	int rc = lzo1x_decompress_safe(src, n, dst, &len, NULL);

	*size = len;
	return rc == LZO_E_OK;
}

static enum fs_status load_snappy(struct unpacker *u, struct fs_error *err)
{
	if (!u->snappy)
		u->snappy = dlopen("libsnappy.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (u->snappy && !u->uncompress)
		*(void **)&u->uncompress = dlsym(u->snappy, "snappy_uncompress");
	if (!u->uncompress)
		return fs_fail(err, FS_UNSUPPORTED,
			       "a page compressed with snappy, and libsnappy.so.1 is not installed "
			       "(Debian, Ubuntu: libsnappy1v5)");
	return FS_OK;
}

static bool unpack_snappy(const struct unpacker *u, const uint8_t *src, size_t n, uint8_t *dst,
			  size_t *size)
{
	__typeof__(snappy_uncompress) *f = (__typeof__(f))u->uncompress;

	return f((const char *)src, n, (char *)dst, size) == SNAPPY_OK;
}

void unpacker_deinit(struct unpacker *u)
{
	if (u->snappy)
		dlclose(u->snappy);
	*u = (struct unpacker){0};
}

static bool unpack_zstd(const uint8_t *src, size_t n, uint8_t *dst, size_t *size)
{
	size_t len = ZSTD_decompress(dst, *size, src, n);
	bool ok = !ZSTD_isError(len);

	*size = len;
	return ok;
}

enum fs_status unpack_page(struct unpacker *u, uint32_t method, const uint8_t *src, size_t n,
			   uint8_t *dst, size_t size, struct fs_error *err)
{
	size_t len = size;
	enum fs_status st;
	bool ok;

	switch (method) {
	case UNPACK_NONE:
		ok = n == size;
		if (ok)
			memcpy(dst, src, n);
		break;
	case UNPACK_ZLIB:
		ok = unpack_zlib(src, n, dst, &len);
		break;
	case UNPACK_LZO:
		ok = unpack_lzo(src, n, dst, &len);
		break;
	case UNPACK_SNAPPY:
		st = load_snappy(u, err);
		if (st != FS_OK)
			return st;
		ok = unpack_snappy(u, src, n, dst, &len);
		break;
	case UNPACK_ZSTD:
		ok = unpack_zstd(src, n, dst, &len);
		break;
	default:
		return fs_fail(err, FS_UNSUPPORTED, "compression method 0x%x is not known", method);
	}
	if (!ok || len != size)
		return fs_fail(err, FS_CORRUPT,
			       "%zu bytes (compression method 0x%x) do not unpack to a page of %zu",
			       n, method, size);
	return FS_OK;
}
