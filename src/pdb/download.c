/* SPDX-License-Identifier: BSD-2-Clause */
/* The only file that knows libcurl. Its header gives the prototypes; nothing is linked. */
#include "pdb/download.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/str.h"

#if __has_include(<curl/curl.h>)
/* CURLOPT_PROTOCOLS instead of its successor: libcurl.so.4 of any age knows it, and an
 * option that the loaded library does not know would leave the protocols open. */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

struct downloader {
	struct symbol_limits limits;
	void *lib;
	CURL *easy;
	bool global;
	char words[CURL_ERROR_SIZE];
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_global_cleanup) *global_cleanup;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_perform) *perform;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_easy_strerror) *strerror;
};

/* One download while it runs. */
struct run {
	struct download *job;
	struct fs_error why; /* of the sink */
	bool sink_failed, too_large;
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct run *r = arg;
	size_t bytes;

	if (!mul_size(size, n, &bytes))
		return 0;
	if (!range_ok(r->job->received, bytes, r->job->max_bytes)) {
		r->too_large = true;
		return 0;
	}
	if (r->job->sink(r->job->sink_arg, p, bytes, &r->why) != FS_OK) {
		r->sink_failed = true;
		return 0;
	}
	r->job->received += bytes;
	return bytes;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t ul, curl_off_t uln)
{
	struct run *r = arg;
	struct download *job = r->job;

	(void)ul;
	(void)uln;
	if (!job->progress ||
	    job->progress(job->progress_arg, job->shown, now > 0 ? (uint64_t)now : 0,
			  total > 0 ? (uint64_t)total : 0))
		return 0;
	job->interrupted = true;
	return 1;
}

static bool resolve(struct downloader *d)
{
	/* through void * to the function, as POSIX has dlsym used */
#define SYM(field, name) ((*(void **)&d->field = dlsym(d->lib, name)) != NULL)
	return SYM(global_init, "curl_global_init") && SYM(global_cleanup, "curl_global_cleanup") &&
	       SYM(easy_init, "curl_easy_init") && SYM(easy_cleanup, "curl_easy_cleanup") &&
	       SYM(setopt, "curl_easy_setopt") && SYM(perform, "curl_easy_perform") &&
	       SYM(getinfo, "curl_easy_getinfo") && SYM(strerror, "curl_easy_strerror");
#undef SYM
}

static enum fs_status load(struct downloader *d, struct fs_error *err)
{
	static const char *const libs[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	size_t i;

	/* NODELETE: the TLS library beneath it does not take being unloaded */
	for (i = 0; i < sizeof(libs) / sizeof(libs[0]) && !d->lib; i++)
		d->lib = dlopen(libs[i], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!d->lib)
		return fs_fail(err, FS_UNSUPPORTED,
			       "libcurl.so.4 is not installed (Debian, Ubuntu: apt-get install "
			       "libcurl4); without it nothing is downloaded");
	if (!resolve(d))
		return fs_fail(err, FS_UNSUPPORTED, "libcurl.so.4 lacks functions it must have");
	if (d->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fs_fail(err, FS_SYSTEM, "libcurl does not start");
	d->global = true;
	d->easy = d->easy_init();
	return d->easy ? FS_OK : fs_fail(err, FS_NO_MEMORY, "libcurl: out of memory");
}

static uint32_t or_else(uint32_t v, uint32_t otherwise)
{
	return v ? v : otherwise;
}

enum fs_status downloader_create(const struct symbol_limits *limits, struct downloader **ret,
				 struct fs_error *err)
{
	struct downloader *d = calloc(1, sizeof(*d));
	enum fs_status st;

	if (!d)
		return fs_fail(err, FS_NO_MEMORY, "downloader: out of memory");
	d->limits.connect_ms = or_else(limits->connect_ms, 10000);
	d->limits.low_speed_bytes = or_else(limits->low_speed_bytes, 1024);
	d->limits.low_speed_seconds = or_else(limits->low_speed_seconds, 20);
	d->limits.total_ms = or_else(limits->total_ms, 900000);
	d->limits.redirects = or_else(limits->redirects, 5);
	st = load(d, err);
	if (st != FS_OK) {
		downloader_destroy(d);
		return st;
	}
	*ret = d;
	return FS_OK;
}

void downloader_destroy(struct downloader *d)
{
	if (!d)
		return;
	if (d->easy)
		d->easy_cleanup(d->easy);
	if (d->global)
		d->global_cleanup();
	if (d->lib)
		(void)dlclose(d->lib);
	free(d);
}

/* Every option must be taken: one that is not would be a limit that does not hold. */
static bool set_up(struct downloader *d, struct run *r)
{
	const struct symbol_limits *l = &d->limits;
	bool secure = str_istarts(r->job->url, "https:");
	long first = CURLPROTO_HTTP | CURLPROTO_HTTPS;
	bool ok = true;

#define OPT(option, value) (ok = ok && d->setopt(d->easy, option, value) == CURLE_OK)
	OPT(CURLOPT_URL, r->job->url);
	OPT(CURLOPT_PROTOCOLS, first);
	/* a redirect never leaves https again */
	OPT(CURLOPT_REDIR_PROTOCOLS, secure ? (long)CURLPROTO_HTTPS : first);
	OPT(CURLOPT_FOLLOWLOCATION, 1L);
	OPT(CURLOPT_MAXREDIRS, (long)l->redirects);
	OPT(CURLOPT_CONNECTTIMEOUT_MS, (long)l->connect_ms);
	OPT(CURLOPT_LOW_SPEED_LIMIT, (long)l->low_speed_bytes);
	OPT(CURLOPT_LOW_SPEED_TIME, (long)l->low_speed_seconds);
	OPT(CURLOPT_TIMEOUT_MS, (long)l->total_ms);
	OPT(CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)(r->job->max_bytes < INT64_MAX / 2 ? r->job->max_bytes : INT64_MAX / 2));
	OPT(CURLOPT_FAILONERROR, 1L);
	OPT(CURLOPT_NOSIGNAL, 1L);
	OPT(CURLOPT_ACCEPT_ENCODING, "");
	OPT(CURLOPT_USERAGENT, "fltscope");
	OPT(CURLOPT_ERRORBUFFER, d->words);
	OPT(CURLOPT_WRITEFUNCTION, on_body);
	OPT(CURLOPT_WRITEDATA, (void *)r);
	OPT(CURLOPT_NOPROGRESS, 0L);
	OPT(CURLOPT_XFERINFOFUNCTION, on_progress);
	OPT(CURLOPT_XFERINFODATA, (void *)r);
#undef OPT
	return ok;
}

/* What the server's number means for this file and for the next ones. */
static enum fs_status http_status(struct download *job, long code, struct fs_error *err)
{
	if (code == 404 || code == 410 || code == 403)
		return fs_fail(err, FS_NOT_FOUND, "the server does not have it (HTTP %ld)", code);
	job->server_down = code == 401 || code == 407 || code == 429 || code >= 500;
	return fs_fail(err, FS_SYSTEM, "the server answered HTTP %ld", code);
}

static enum fs_status cut(struct downloader *d, struct download *job, struct fs_error *err)
{
	curl_off_t want = -1;

	if (d->getinfo(d->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &want) != CURLE_OK || want < 0)
		return fs_fail(err, FS_CORRUPT, "the body ended after %llu bytes, before its end",
			       (unsigned long long)job->received);
	return fs_fail(err, FS_CORRUPT, "the body ended after %llu of %lld bytes",
		       (unsigned long long)job->received, (long long)want);
}

static enum fs_status failed(struct downloader *d, struct run *r, CURLcode code,
			     struct fs_error *err)
{
	struct download *job = r->job;

	switch (code) {
	case CURLE_FILESIZE_EXCEEDED:
		r->too_large = true;
		break;
	case CURLE_PARTIAL_FILE:
		return cut(d, job, err);
	case CURLE_TOO_MANY_REDIRECTS:
		return fs_fail(err, FS_LIMIT, "more than %u redirects",
			       (unsigned)d->limits.redirects);
	case CURLE_URL_MALFORMAT:
		return fs_fail(err, FS_INVALID,
			       "libcurl does not take this URL, or the one it was "
			       "redirected to: %s",
			       d->words);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return fs_fail(err, FS_INVALID,
			       "refused a redirect to anything but http and https (from https: "
			       "https alone): %s",
			       d->words);
	case CURLE_OPERATION_TIMEDOUT:
		job->server_down = true;
		return fs_fail(err, FS_LIMIT, "too slow after %llu bytes: %s",
			       (unsigned long long)job->received, d->words);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		job->server_down = true;
		return fs_fail(err, FS_SYSTEM,
			       "%s (are the CA certificates installed? Debian, Ubuntu: "
			       "ca-certificates)",
			       d->words);
	case CURLE_ABORTED_BY_CALLBACK:
		return fs_fail(err, FS_INVALID, "interrupted");
	default:
		break;
	}
	if (r->too_large)
		return fs_fail(err, FS_LIMIT, "larger than the limit of %llu bytes",
			       (unsigned long long)job->max_bytes);
	if (r->sink_failed) {
		if (err)
			*err = r->why;
		return r->why.status;
	}
	job->server_down = true;
	return fs_fail(err, FS_SYSTEM, "%s", d->words[0] ? d->words : d->strerror(code));
}

enum fs_status download(struct downloader *d, struct download *job, struct fs_error *err)
{
	struct run r = {.job = job};
	long http = 0;
	CURLcode code;

	job->received = 0;
	job->server_down = job->interrupted = false;
	d->words[0] = '\0';
	if (!set_up(d, &r))
		return fs_fail(err, FS_UNSUPPORTED, "libcurl does not know an option it must know");
	code = d->perform(d->easy);
	if (d->getinfo(d->easy, CURLINFO_RESPONSE_CODE, &http) != CURLE_OK)
		http = 0;
	if (code == CURLE_HTTP_RETURNED_ERROR || (code == CURLE_OK && http != 200))
		return http_status(job, http, err);
	return code == CURLE_OK ? FS_OK : failed(d, &r, code, err);
}

#else

enum fs_status downloader_create(const struct symbol_limits *limits, struct downloader **ret,
				 struct fs_error *err)
{
	(void)limits;
	(void)ret;
	return fs_fail(err, FS_UNSUPPORTED,
		       "this fltscope was built without libcurl's headers (Debian, Ubuntu: "
		       "libcurl4-openssl-dev); it downloads nothing");
}

void downloader_destroy(struct downloader *d)
{
	(void)d;
}

enum fs_status download(struct downloader *d, struct download *job, struct fs_error *err)
{
	(void)d;
	(void)job;
	return fs_fail(err, FS_UNSUPPORTED, "built without libcurl's headers");
}

#endif
