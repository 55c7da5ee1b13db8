/* SPDX-License-Identifier: BSD-2-Clause */
/* Who holds a filter in S3, by the accounting of unload-causes.md; and the look-alikes. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA    0xffffa20f10e19010ull
#define BLOCK 0xffffee05000166f8ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter_holders h;
	struct fs_server_port server[2];
	struct fs_client_port client[2];
	struct fs_context context[4];
	uint64_t opens[4], servers[4], clients[4];
	struct fs_filter *f;
};

static const char *const s3_rules[] = {"leaked-context", "leaked-filter-reference", "open-files",
				       "server-port-open"};

static void empty(struct fs_addresses *a, uint64_t *v)
{
	*a = (struct fs_addresses){.head = VA + 0x200, .v = v, .stop = FS_STOP_CLOSED, .gap = -1};
}

static void live(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", 0xffffa20f10e10b40);
	(void)mm_driver(&b->k, 0xffffa20f10e10b40, "\\FileSystem\\FoxMon");
	mm_link_drivers(&b->k);
	b->f = &b->k.filter[0];
	b->f->holders = &b->h;
	b->f->context_slots = 7;
	b->f->contexts_looked = FS_LOOKED_WHOLE;
	b->f->active_opens_count = mm_value(0);
	b->f->connection_count = mm_value(0);
	b->f->port_count = mm_value(0);
	empty(&b->h.opens, b->opens);
	empty(&b->h.server_list, b->servers);
	empty(&b->h.client_list, b->clients);
	b->h.servers = b->server;
	b->h.clients = b->client;
	b->h.contexts = b->context;
	b->h.attached = b->h.searched = FS_LOOKED_WHOLE;
}

static void waits(struct bench *b, uint64_t left)
{
	struct fs_rundown *r;

	live(b);
	r = &b->f->object.rundown;
	b->f->object.flags.value.v |= FS_OBJ_DRAINING;
	r->raw = mm_value(BLOCK | 1);
	r->state = FS_RUNDOWN_WAITING;
	r->wait_block = BLOCK;
	r->wait_count = mm_value(left);
}

static void open_files(struct bench *b, size_t n)
{
	for (b->h.opens.n = 0; b->h.opens.n < n; b->h.opens.n++)
		b->opens[b->h.opens.n] = 0xffffa20f11000010ull + b->h.opens.n * 0x80;
	b->f->active_opens_count = mm_value(n);
}

static void server_ports(struct bench *b, size_t n)
{
	for (b->h.nservers = 0; b->h.nservers < n; b->h.nservers++) {
		uint64_t va = 0xffffa20f12000010ull + b->h.nservers * 0x80;

		b->servers[b->h.nservers] = va;
		b->server[b->h.nservers].address = va;
		b->server[b->h.nservers].filter = mm_value(VA);
	}
	b->h.server_list.n = n;
	b->f->connection_count = mm_value(n);
}

static void contexts(struct bench *b, size_t n)
{
	static struct fs_context_node registered = {.slot = 3, .filter = VA};

	b->f->contexts = &registered;
	b->f->ncontexts = 1;
	for (b->h.ncontexts = 0; b->h.ncontexts < n; b->h.ncontexts++)
		b->context[b->h.ncontexts] = (struct fs_context){
			.address = 0xffffdc0710d64760ull + b->h.ncontexts * 0x100,
			.place = FS_CTX_ORPHAN,
			.reg = mm_value(0xffffa20f10e1a000),
			.use_count = mm_value(1),
		};
}

static void run(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
}

static bool unchecked(const struct bench *b, const char *rule)
{
	size_t i;

	for (i = 0; i < b->r.nnot_checked; i++)
		if (strcmp(b->r.not_checked[i].rule, rule) == 0)
			return true;
	return false;
}

/* The rule is the verdict's cause, and of the S3 rules it alone fires. */
static void alone(struct bench *b, const char *rule, enum fs_confidence c)
{
	const struct fs_verdict *v;
	size_t i;

	run(b);
	v = mm_verdict(&b->r, VA);
	assert_non_null(v);
	assert_int_equal(v->state, FS_ST_STUCK);
	assert_int_equal(v->stage, FS_S3);
	assert_non_null(v->cause_id);
	assert_string_equal(v->cause_id, rule);
	assert_int_equal(v->confidence, c);
	for (i = 0; i < sizeof(s3_rules) / sizeof(s3_rules[0]); i++)
		assert_int_equal(mm_count(&b->r, s3_rules[i]), strcmp(s3_rules[i], rule) == 0);
	arena_deinit(&b->a);
}

static void silent(struct bench *b)
{
	size_t i;

	run(b);
	for (i = 0; i < sizeof(s3_rules) / sizeof(s3_rules[0]); i++)
		assert_null(mm_finding(&b->r, s3_rules[i]));
	arena_deinit(&b->a);
}

static void open_files_are_told_from_ports(void **state)
{
	struct bench b;

	(void)state;
	waits(&b, 2);
	open_files(&b, 2);
	alone(&b, "open-files", FS_PROVED);
	waits(&b, 2);
	server_ports(&b, 2);
	alone(&b, "server-port-open", FS_PROVED);
}

static void contexts_are_told_from_references(void **state)
{
	struct bench b;

	(void)state;
	waits(&b, 1);
	contexts(&b, 1);
	alone(&b, "leaked-context", FS_PROVED);
	/* look-alike: it registers no contexts, so none can be leaked; a work item can */
	waits(&b, 1);
	run(&b);
	assert_true(unchecked(&b, "work-item-outstanding"));
	alone(&b, "leaked-filter-reference", FS_POSSIBLE);
	/* contexts are registered, and memory was not searched: both are named */
	waits(&b, 1);
	contexts(&b, 0);
	b.h.searched = FS_LOOKED_PARTLY;
	run(&b);
	assert_int_equal(mm_finding(&b.r, "leaked-context")->confidence, FS_POSSIBLE);
	assert_int_equal(mm_finding(&b.r, "leaked-filter-reference")->confidence, FS_POSSIBLE);
	assert_string_equal(mm_verdict(&b.r, VA)->cause_id, "leaked-context");
	arena_deinit(&b.a);
}

/* On a live filter all of these are normal, and so is a remainder. */
static void live_filters_are_silent(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	open_files(&b, 2);
	server_ports(&b, 1);
	contexts(&b, 2);
	b.f->object.rundown.count = 264062;
	silent(&b);
}

static void two_causes_are_both_found(void **state)
{
	struct bench b;
	struct fs_ledger l;

	(void)state;
	waits(&b, 3);
	open_files(&b, 2);
	server_ports(&b, 1);
	fs_ledger_filter(&b.k.m, 0, &l);
	assert_true(l.unexplained_known);
	assert_int_equal(l.unexplained, 0);
	run(&b);
	assert_non_null(mm_finding(&b.r, "open-files"));
	assert_non_null(mm_finding(&b.r, "server-port-open"));
	assert_null(mm_finding(&b.r, "leaked-filter-reference"));
	/* the one that holds more is the main cause */
	assert_string_equal(mm_verdict(&b.r, VA)->cause_id, "open-files");
	arena_deinit(&b.a);
}

/* Cause 23: what an instance of another thread holds is no leak. */
static void instances_are_no_leak(void **state)
{
	struct bench b;

	(void)state;
	waits(&b, 1);
	(void)mm_instance(&b.k, 0, 0xffffa20f10e01c10);
	silent(&b);
	/* nor is a MessageNotify that runs (cause 14) */
	waits(&b, 1);
	b.h.nclients = b.h.client_list.n = 1;
	b.client[0].messages.state = FS_RUNDOWN_ACTIVE;
	b.client[0].messages.count = 1;
	silent(&b);
}

static void what_was_not_read_makes_it_weaker(void **state)
{
	struct bench b;

	(void)state;
	waits(&b, 2);
	open_files(&b, 2);
	b.f->object.rundown.wait_count = mm_missing();
	run(&b);
	assert_int_equal(mm_finding(&b.r, "open-files")->confidence, FS_LIKELY);
	assert_true(unchecked(&b, "leaked-context"));
	arena_deinit(&b.a);
	/* more than the count: one of the two is wrong, and nothing is reckoned with them */
	waits(&b, 1);
	open_files(&b, 2);
	run(&b);
	assert_null(strstr(mm_finding(&b.r, "open-files")->message, "2 of 1"));
	assert_true(unchecked(&b, "leaked-filter-reference"));
	arena_deinit(&b.a);
	alone(&b, "open-files", FS_POSSIBLE);
	/* no system has as many: that is no count */
	waits(&b, UINT64_MAX - 1);
	open_files(&b, 2);
	alone(&b, "open-files", FS_LIKELY);
	/* the list has fewer entries than it counts, and the total has no room for these */
	waits(&b, 2);
	open_files(&b, 2);
	b.h.opens.stop = FS_STOP_BAD_LINK;
	b.f->active_opens_count = mm_value(43);
	run(&b);
	assert_null(strstr(mm_finding(&b.r, "open-files")->message, "43"));
	arena_deinit(&b.a);
	alone(&b, "open-files", FS_LIKELY);
	/* a build whose code nobody has read */
	waits(&b, 2);
	open_files(&b, 2);
	b.k.m.rundown_accounting = NULL;
	alone(&b, "open-files", FS_LIKELY);
	/* an offset that nothing confirms */
	waits(&b, 2);
	open_files(&b, 2);
	b.f->active_opens_count.unproved = true;
	alone(&b, "open-files", FS_POSSIBLE);
	/* the list is not there, and neither is its count */
	waits(&b, 2);
	b.h.opens.stop = FS_STOP_UNREADABLE;
	b.f->active_opens_count = mm_missing();
	run(&b);
	assert_true(unchecked(&b, "open-files"));
	arena_deinit(&b.a);
}

static void clients_hold_nothing(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	run(&b);
	assert_null(mm_finding(&b.r, "client-ports-open"));
	b.h.nclients = b.h.client_list.n = 2;
	b.f->port_count = mm_value(2);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "client-ports-open")->severity, FS_NOTE);
	assert_null(mm_verdict(&b.r, VA));
	mm_zombie(&b.k, 0);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "client-ports-open")->severity, FS_WARNING);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_files_are_told_from_ports),
		cmocka_unit_test(contexts_are_told_from_references),
		cmocka_unit_test(live_filters_are_silent),
		cmocka_unit_test(two_causes_are_both_found),
		cmocka_unit_test(instances_are_no_leak),
		cmocka_unit_test(what_was_not_read_makes_it_weaker),
		cmocka_unit_test(clients_hold_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
