/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/shlib.h"

#include <dlfcn.h>

enum fs_status shlib_load(const char *file, const char *package, const struct shlib_function *f,
			  size_t n, struct fs_error *err)
{
	void *lib = dlopen(file, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	enum fs_status st = FS_OK;
	size_t i;

	if (!lib)
		return fs_fail(err, FS_UNSUPPORTED,
			       "%s is not installed (Debian, Ubuntu: apt-get install %s)", file,
			       package);
	for (i = 0; i < n && st == FS_OK; i++) {
		/* through void * to the function, as POSIX has dlsym used */
		*(void **)f[i].to = dlsym(lib, f[i].name);
		if (!*(void **)f[i].to)
			st = fs_fail(err, FS_UNSUPPORTED, "%s lacks %s, which it must have", file,
				     f[i].name);
	}
	(void)dlclose(lib);
	return st;
}
