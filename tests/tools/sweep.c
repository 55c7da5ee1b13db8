/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep pages|bytes|noise DUMP.dmp SCRATCH [STEP]: damage a bitmap dump in every
 * way of one kind and hold the verdicts against those of the whole dump.
 *
 *   pages  remove each page in turn
 *   bytes  flip each byte (STEP: every STEP-th) of each Filter Manager object
 *   noise  STEP random byte changes anywhere in the memory, fixed seed
 *
 * The promise: no crash, and every verdict or finding that the whole dump does
 * not give, or not as sure, is either `possible` or cites, as evidence, the very bytes
 * changed. A page
 * that is missing may leave the lesser one of two findings about a filter as its verdict;
 * never another one that is proved, and what is said less is told as a gap or as not checked.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "dump/dump.h"
#include "fltscope/fltscope.h"
#include "vm/vm.h"

#define PAGE 4096u

struct image {
	uint8_t *data;
	size_t size;
	size_t first;  /* file offset of the first page */
	uint64_t bits; /* of the bitmap */
	size_t npages;
	uint64_t *pfn; /* of each stored page, ascending */
	const char *scratch;
};

struct outcome {
	uint64_t filter, subject;
	int state;
	enum fs_confidence confidence;
	bool proved;
	char cause[64];
};

struct baseline {
	struct outcome *v;
	size_t n;
	size_t proved; /* how many are */
	size_t gaps, not_checked;
	size_t cut;	     /* stacks cut short, frames that are guesses */
};

struct tally {
	size_t runs, same, fewer, cited, bad;
	uint64_t pfn; /* of the page that is missing, for messages */
};

static void die(const char *what)
{
	fprintf(stderr, "sweep: %s\n", what);
	exit(1);
}

static void load(struct image *im, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	uint64_t i;

	if (fd < 0 || fstat(fd, &st) != 0)
		die("cannot open the dump");
	im->size = (size_t)st.st_size;
	im->data = malloc(im->size);
	if (!im->data || read(fd, im->data, im->size) != st.st_size)
		die("cannot read the dump");
	(void)close(fd);
	if (im->size < 0x2038 || memcmp(im->data + 0x2004, "DUMP", 4) != 0)
		die("not a bitmap dump");
	im->first = (size_t)load_u64(im->data + 0x2020);
	im->bits = load_u64(im->data + 0x2030);
	im->pfn = calloc((size_t)load_u64(im->data + 0x2028) + 1, sizeof(*im->pfn));
	for (i = 0; i < im->bits; i++)
		if (im->data[0x2038 + i / 8] >> (i % 8) & 1)
			im->pfn[im->npages++] = i;
}

static void store(const struct image *im, const uint8_t *data, size_t size)
{
	int fd = open(im->scratch, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		die("cannot write the scratch file");
	(void)close(fd);
}

static struct outcome of_verdict(const struct fs_verdict *v)
{
	struct outcome o = {.filter = v->filter,
			    .state = (int)v->state,
			    .confidence = v->confidence,
			    .proved = v->confidence == FS_PROVED && v->cause_id};

	(void)snprintf(o.cause, sizeof(o.cause), "%s", v->cause_id ? v->cause_id : "");
	return o;
}

static struct outcome of_finding(const struct fs_finding *f)
{
	struct outcome o = {.subject = f->subject.address,
			    .state = -1,
			    .confidence = f->confidence,
			    .proved = f->confidence == FS_PROVED};

	(void)snprintf(o.cause, sizeof(o.cause), "%s", f->rule);
	return o;
}

/* Damage makes nothing surer. */
static bool in_baseline(const struct baseline *b, const struct outcome *o)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->v[i].filter == o->filter && b->v[i].subject == o->subject &&
		    b->v[i].state == o->state && b->v[i].confidence >= o->confidence &&
		    strcmp(b->v[i].cause, o->cause) == 0)
			return true;
	return false;
}

/* The same state of the same filter, and no word of why: that says less. */
static bool lost_its_cause(const struct baseline *b, const struct outcome *o)
{
	size_t i;

	for (i = 0; !o->cause[0] && i < b->n; i++)
		if (b->v[i].filter == o->filter && b->v[i].state == o->state)
			return true;
	return false;
}

/* What the whole dump says too, as one finding among others. */
static bool was_beside(const struct baseline *b, const struct outcome *o)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->v[i].state < 0 && strcmp(b->v[i].cause, o->cause) == 0)
			return true;
	return false;
}

/* Is the changed byte within eight bytes of a premise? */
static bool cites(const struct fs_evidence *e, size_t n, uint64_t va)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (va != 0 && va >= e[i].address && va - e[i].address < 16)
			return true;
	return false;
}

static void complain(struct tally *t, const struct outcome *o, uint64_t va)
{
	t->bad++;
	if (t->bad <= 10)
		printf("# changed 0x%llx, page 0x%llx missing: new %s \"%s\" for 0x%llx without citing it\n",
		       (unsigned long long)va, (unsigned long long)t->pfn, o->state < 0 ? "finding" : "verdict", o->cause,
		       (unsigned long long)(o->state < 0 ? o->subject : o->filter));
}

/* What stacks say of themselves: where they end early, and frames that a scan found. */
static size_t stacks_tell(const struct fs_model *m)
{
	size_t i, k, n = 0;

	for (i = 0; i < m->nthreads; i++) {
		const struct fs_stack *s = &m->threads[i].stack;

		n += s->end != FS_STACK_NOT_LOOKED && s->end != FS_STACK_BOTTOM &&
		     s->end != FS_STACK_USER;
		for (k = 0; k < s->n; k++)
			n += s->frame[k].how == FS_FRAME_SCANNED;
	}
	return n;
}

static size_t count_proved(const struct fs_report *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->nverdicts; i++)
		n += of_verdict(&r->verdicts[i]).proved;
	for (i = 0; i < r->nfindings; i++)
		n += of_finding(&r->findings[i]).proved;
	return n;
}

/* A missing page that costs a proof must be told of. */
static void judge_loss(const struct fs_model *m, const struct fs_report *r,
		       const struct baseline *b, uint64_t va, struct tally *t)
{
	if (va || count_proved(r) >= b->proved || m->ngaps > b->gaps ||
	    r->nnot_checked > b->not_checked ||
	    stacks_tell(m) > b->cut ||
	    !m->found || !m->modules_whole)
		return;
	t->bad++;
	printf("# page 0x%llx is missing, less is proved, and no gap tells of it: layout %s (%s), %zu "
	       "filters\n",
	       (unsigned long long)t->pfn, m->fltmgr.id ? m->fltmgr.id : "-", fs_layout_source_name(m->fltmgr.source), m->nfilters);
}

static void judge(const struct fs_report *r, const struct baseline *b, uint64_t va, struct tally *t)
{
	size_t i, bad = t->bad, cited = 0, same = 0;

	for (i = 0; i < r->nverdicts; i++) {
		const struct fs_verdict *v = &r->verdicts[i];
		struct outcome o = of_verdict(v);

		if (in_baseline(b, &o))
			same++;
		else if (v->state == FS_ST_UNKNOWN || v->confidence == FS_POSSIBLE ||
			 lost_its_cause(b, &o) || (!va && !o.proved && was_beside(b, &o)))
			continue;
		else if (cites(v->because, v->nbecause, va))
			cited++;
		else
			complain(t, &o, va);
	}
	for (i = 0; i < r->nfindings; i++) {
		const struct fs_finding *f = &r->findings[i];
		struct outcome o = of_finding(f);

		if (in_baseline(b, &o))
			same++;
		else if (f->confidence == FS_POSSIBLE || (!va && !o.proved && was_beside(b, &o)))
			continue;
		else if (cites(f->evidence, f->nevidence, va))
			cited++;
		else
			complain(t, &o, va);
	}
	t->runs++;
	t->cited += cited > 0 && bad == t->bad;
	t->same += same == b->n && cited == 0;
	t->fewer += same < b->n;
}

/* Sixteen changes at once: only crashes and hangs count. */
static void survive(const struct image *im, struct tally *t)
{
	const struct fs_report *r;
	struct fltscope *fs;

	t->runs++;
	if (fltscope_open(im->scratch, NULL, &fs, NULL) != FS_OK)
		return;
	(void)fltscope_diagnose(fs, &r, NULL);
	fltscope_close(fs);
}

/* Open the scratch file; a dump that is refused says less, which is allowed. */
static void try(const struct image *im, const struct baseline *b, uint64_t va, struct tally *t)
{
	const struct fs_report *r;
	struct fltscope *fs;

	if (fltscope_open(im->scratch, NULL, &fs, NULL) != FS_OK) {
		t->runs++;
		t->fewer++;
		return;
	}
	if (fltscope_diagnose(fs, &r, NULL) == FS_OK) {
		judge(r, b, va, t);
		judge_loss(fltscope_model(fs), r, b, va, t);
	}
	fltscope_close(fs);
}

static struct baseline take_baseline(const struct fs_model *m, const struct fs_report *r)
{
	struct baseline b = {.proved = count_proved(r), 
			     .gaps = m->ngaps,
			     .not_checked = r->nnot_checked,
			     .cut = stacks_tell(m)};
	size_t i;

	b.v = calloc(r->nverdicts + r->nfindings + 1, sizeof(*b.v));
	for (i = 0; i < r->nverdicts; i++)
		b.v[b.n++] = of_verdict(&r->verdicts[i]);
	for (i = 0; i < r->nfindings; i++)
		b.v[b.n++] = of_finding(&r->findings[i]);
	return b;
}

static void sweep_pages(struct image *im, const struct baseline *b, struct tally *t)
{
	uint8_t *cut = malloc(im->size);
	size_t k;

	for (k = 0; k < im->npages; k++) {
		size_t at = im->first + k * PAGE;
		uint64_t bit = im->pfn[k];

		if (at + PAGE > im->size)
			break;
		memcpy(cut, im->data, at);
		memcpy(cut + at, im->data + at + PAGE, im->size - at - PAGE);
		cut[0x2038 + bit / 8] &= (uint8_t) ~(1u << bit % 8);
		cut[0x2028] = (uint8_t)(im->npages - 1);
		cut[0x2029] = (uint8_t)((im->npages - 1) >> 8);
		cut[0x202a] = (uint8_t)((im->npages - 1) >> 16);
		store(im, cut, im->size - PAGE);
		t->pfn = bit;
		try(im, b, 0, t);
	}
	free(cut);
}

/* File offset of a VA, through the reader under test; 0 when it is in no page. */
static size_t offset_of(const struct image *im, struct vm *vm, uint64_t va)
{
	struct vm_xlat x;
	size_t k;

	if (vm_translate(vm, va, &x, NULL) != FS_OK)
		return 0;
	for (k = 0; k < im->npages; k++)
		if (im->pfn[k] == x.pa / PAGE)
			return im->first + k * PAGE + (size_t)(x.pa % PAGE);
	return 0;
}

static void flip_at(const struct image *im, const struct baseline *b, int fd, size_t off,
		    uint64_t va, uint8_t mask, struct tally *t)
{
	uint8_t v = im->data[off] ^ mask;

	if (pwrite(fd, &v, 1, (off_t)off) != 1)
		die("cannot change the scratch file");
	try(im, b, va, t);
	if (pwrite(fd, &im->data[off], 1, (off_t)off) != 1)
		die("cannot restore the scratch file");
}

static void flip_object(const struct image *im, struct vm *vm, const struct baseline *b, int fd,
			uint64_t va, size_t size, size_t step, struct tally *t)
{
	size_t i;

	for (i = 0; i < size; i += step) {
		size_t off = offset_of(im, vm, va + i);

		if (off == 0)
			continue;
		flip_at(im, b, fd, off, va + i, 0xff, t);
		flip_at(im, b, fd, off, va + i, (uint8_t)(1u << i % 8), t);
	}
}

/* The parts of each object that are read: the largest sizes of any build's
 * fields in use (facts: layouts/INDEX.md; the tail of a volume is not read). */
static void sweep_bytes(struct image *im, const struct fs_model *m, struct vm *vm,
			const struct baseline *b, size_t step, struct tally *t)
{
	int fd;
	size_t i;

	store(im, im->data, im->size);
	fd = open(im->scratch, O_WRONLY);
	if (fd < 0)
		die("cannot open the scratch file");
	for (i = 0; i < m->nframes; i++)
		flip_object(im, vm, b, fd, m->frames[i].address, 0x210, step, t);
	for (i = 0; i < m->nfilters; i++)
		flip_object(im, vm, b, fd, m->filters[i].address, 0x290, step, t);
	for (i = 0; i < m->ninstances && i < 3; i++)
		flip_object(im, vm, b, fd, m->instances[i].address, 0xa0, step, t);
	for (i = 0; i < m->nvolumes && i < 2; i++)
		flip_object(im, vm, b, fd, m->volumes[i].address, 0x120, step, t);
	for (i = 0; i < m->ndrivers && i < 4; i++)
		flip_object(im, vm, b, fd, m->drivers[i].address, 0x70, step, t);
	if (m->globals.state == FS_READ)
		flip_object(im, vm, b, fd, m->globals.v + 0xb8, 0x20, step, t);
	(void)close(fd);
}

static void sweep_noise(struct image *im, size_t rounds, struct tally *t)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	uint8_t *noisy = malloc(im->size);
	size_t i, k;

	for (i = 0; i < rounds; i++) {
		memcpy(noisy, im->data, im->size);
		for (k = 0; k < 16; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			noisy[seed % im->size] = (uint8_t)(seed >> 56);
		}
		store(im, noisy, im->size);
		survive(im, t);
	}
	free(noisy);
}

int main(int argc, char **argv)
{
	struct image im = {0};
	struct tally t = {0};
	struct baseline b;
	const struct fs_report *r;
	struct fltscope *fs;
	struct fs_error err;
	struct dump *d = NULL;
	struct vm *vm = NULL;
	size_t step;

	if (argc < 4)
		die("usage: sweep pages|bytes|noise DUMP SCRATCH [STEP]");
	step = argc > 4 ? (size_t)strtoul(argv[4], NULL, 0) : 1;
	im.scratch = argv[3];
	load(&im, argv[2]);
	if (fltscope_open(argv[2], NULL, &fs, &err) != FS_OK ||
	    fltscope_diagnose(fs, &r, &err) != FS_OK || dump_open(argv[2], &d, &err) != FS_OK ||
	    vm_create(d, &vm, &err) != FS_OK)
		die(err.text);
	b = take_baseline(fltscope_model(fs), r);
	if (strcmp(argv[1], "pages") == 0)
		sweep_pages(&im, &b, &t);
	else if (strcmp(argv[1], "bytes") == 0)
		sweep_bytes(&im, fltscope_model(fs), vm, &b, step, &t);
	else
		sweep_noise(&im, step, &t);
	printf("# %zu changes: %zu same, %zu said less, %zu told of the change itself, %zu wrong\n",
	       t.runs, t.same, t.fewer, t.cited, t.bad);
	printf("%sok - sweep %s of %s\n", t.bad || t.runs == 0 ? "not " : "", argv[1], argv[2]);
	vm_destroy(vm);
	dump_close(d);
	fltscope_close(fs);
	free(b.v);
	free(im.pfn);
	free(im.data);
	(void)unlink(im.scratch);
	return t.bad || t.runs == 0;
}
