/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules 14 and 26, which S4 has for itself, and 28's handle of user mode. */
#include "check/check.h"
#include "support/model_maker.h"
#include "support/test.h"

#define VA    0xffffa20f10e19010ull
#define BLOCK 0xffffee05000166f8ull
#define PORT  0xffffa20f15000010ull
#define CCB   0xffffa20f16000010ull

struct bench {
	struct model_maker k;
	struct arena a;
	struct fs_report r;
	struct fs_filter_holders h;
	struct fs_client_port client;
	struct fs_verifier v;
	struct fs_user_ref user;
	struct fs_thread thread;
	struct fs_wait wait;
	struct fs_stack_frame frame[3];
	struct fs_filter *f;
};

static struct fs_code code(uint64_t va, int32_t module)
{
	return (struct fs_code){.va = mm_value(va), .symbol = "foxmon+0x100", .module = module};
}

static void live(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	mm_begin(&b->k);
	b->k.m.rundown_accounting = "itemised";
	b->k.m.fltmgr_module = 1;
	(void)mm_frame(&b->k, 0xffffa20f10cc8010, 0);
	(void)mm_filter(&b->k, 0, VA, "FoxMon", 0xffffa20f10e10b40);
	b->f = &b->k.filter[0];
	b->f->holders = &b->h;
	b->f->contexts_looked = FS_LOOKED_WHOLE;
	b->f->verifier_extension = mm_value(0);
	b->h.opens.stop = b->h.server_list.stop = b->h.client_list.stop = FS_STOP_CLOSED;
	b->h.attached = b->h.searched = b->h.work.searched = FS_LOOKED_WHOLE;
	b->client = (struct fs_client_port){
		.address = PORT,
		.disconnected = mm_value(0),
		.messages = {.raw = mm_value(0), .state = FS_RUNDOWN_ACTIVE},
		.disconnect = code(0xfffff80234003100, 2),
		.message = code(0xfffff80234003200, 2),
		.semaphore = PORT + 0xf8,
	};
	b->h.clients = &b->client;
	b->h.nclients = b->h.client_list.n = 1;
}

static void s4(struct bench *b)
{
	live(b);
	b->f->object.flags.value.v |= FS_OBJ_DRAINING;
	b->f->object.rundown.raw = mm_value(1);
	b->f->object.rundown.state = FS_RUNDOWN_DRAINED;
}

static void run(struct bench *b)
{
	assert_int_equal(check_all(&b->k.m, &b->a, &b->r, NULL), FS_OK);
}

static void is(struct bench *b, const char *rule, enum fs_confidence c, const char *silent)
{
	const struct fs_verdict *v;

	run(b);
	v = mm_verdict(&b->r, VA);
	assert_string_equal(v->cause_id, rule);
	assert_int_equal(v->confidence, c);
	if (silent)
		assert_null(mm_finding(&b->r, silent));
	assert_null(mm_finding(&b->r, "leaked-filter-reference"));
	arena_deinit(&b->a);
}

static void verify(struct bench *b)
{
	b->f->verifier_extension = mm_value(0xffffa20f17000010);
	b->v.address = 0xffffa20f17000010;
	b->v.count[0] = mm_value(2);
	b->v.ncounts = 1;
	b->h.verifier = &b->v;
}

static void message_notify(struct bench *b, uint64_t calls, uint64_t left)
{
	struct fs_rundown *r;

	live(b);
	r = &b->f->object.rundown;
	b->f->object.flags.value.v |= FS_OBJ_DRAINING;
	*r = (struct fs_rundown){.raw = mm_value(BLOCK | 1),
				 .state = FS_RUNDOWN_WAITING,
				 .wait_block = BLOCK,
				 .wait_count = mm_value(left)};
	b->client.messages.raw = mm_value(calls * 2);
	b->client.messages.count = calls;
}

static void a_message_that_runs(void **state)
{
	struct bench b;

	(void)state;
	message_notify(&b, 1, 1);
	is(&b, "port-callback-stuck", FS_PROVED, "verifier-wait");
	/* each call has a reference of its own */
	message_notify(&b, 2, 2);
	is(&b, "port-callback-stuck", FS_PROVED, NULL);
	/* look-alike: a client that says nothing, and a reference that leaked */
	message_notify(&b, 0, 1);
	run(&b);
	assert_null(mm_finding(&b.r, "port-callback-stuck"));
	assert_non_null(mm_finding(&b.r, "leaked-filter-reference"));
	arena_deinit(&b.a);
	/* both */
	message_notify(&b, 1, 3);
	run(&b);
	assert_non_null(mm_finding(&b.r, "port-callback-stuck"));
	assert_non_null(mm_finding(&b.r, "leaked-filter-reference"));
	assert_string_equal(mm_verdict(&b.r, VA)->cause_id, "port-callback-stuck");
	arena_deinit(&b.a);
}

static void disconnect_or_verifier(void **state)
{
	struct bench b;

	(void)state;
	s4(&b);
	is(&b, "port-callback-stuck", FS_LIKELY, "verifier-wait");
	/* whether the Verifier watches it was not read, or through an offset like any */
	s4(&b);
	b.f->verifier_extension = mm_missing();
	is(&b, "port-callback-stuck", FS_POSSIBLE, "verifier-wait");
	s4(&b);
	b.f->verifier_extension.unproved = true;
	is(&b, "port-callback-stuck", FS_POSSIBLE, "verifier-wait");
	/* the Verifier has something to say, and no client is left that could be disconnected */
	s4(&b);
	verify(&b);
	b.h.nclients = b.h.client_list.n = 0;
	is(&b, "verifier-wait", FS_LIKELY, NULL);
	/* nor is the Verifier there: no text may say that a client's port is waited for */
	s4(&b);
	b.h.nclients = b.h.client_list.n = 0;
	b.f->port_count = mm_value(0);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "port-callback-stuck")->confidence, FS_POSSIBLE);
	assert_non_null(strstr(mm_finding(&b.r, "port-callback-stuck")->message,
			       "but none is on its list"));
	arena_deinit(&b.a);
	/* both are there */
	s4(&b);
	verify(&b);
	run(&b);
	assert_int_equal(mm_finding(&b.r, "verifier-wait")->confidence, FS_POSSIBLE);
	assert_int_equal(mm_finding(&b.r, "port-callback-stuck")->confidence, FS_POSSIBLE);
	arena_deinit(&b.a);
	/* look-alike: a live filter that is watched, with clients */
	live(&b);
	verify(&b);
	run(&b);
	assert_null(mm_finding(&b.r, "verifier-wait"));
	assert_null(mm_finding(&b.r, "port-callback-stuck"));
	arena_deinit(&b.a);
}

static void a_thread_proves_it(void **state)
{
	struct bench b;

	(void)state;
	s4(&b);
	b.k.m.threads = &b.thread;
	b.k.m.nthreads = 1;
	b.thread.stack.frame = b.frame;
	b.thread.stack.n = 3;
	b.frame[0].ip = code(0xfffff80230001000, 0);
	b.frame[1].ip = code(0xfffff80234003140, 2);
	b.frame[2].ip = code(0xfffff80231001000, 1);
	is(&b, "port-callback-stuck", FS_PROVED, NULL);
	/* look-alike: FltMgr stands inside the driver, not above it */
	b.frame[1].ip.module = 1;
	b.frame[2].ip.module = 2;
	is(&b, "port-callback-stuck", FS_LIKELY, NULL);
	/* a frame that was guessed proves nothing */
	b.frame[1].ip.module = 2;
	b.frame[2].ip.module = 1;
	b.frame[1].how = FS_FRAME_SCANNED;
	is(&b, "port-callback-stuck", FS_LIKELY, NULL);
}

static void a_sender_waits(void **state)
{
	struct bench b;
	struct fs_instance *in;

	(void)state;
	live(&b);
	b.f->object.flags.value.v |= FS_OBJ_DRAINING;
	in = &b.k.instance[mm_instance(&b.k, 0, 0xffffa20f10e01c10)];
	in->object.flags.value.v |= FS_OBJ_DRAINING;
	b.k.m.threads = &b.thread;
	b.k.m.nthreads = 1;
	b.k.m.threads_looked = FS_LOOKED_WHOLE;
	b.thread.state = mm_value(FS_THREAD_WAITING);
	b.thread.waits = &b.wait;
	b.thread.nwaits = 1;
	b.wait.object = mm_value(PORT + 0xf8);
	is(&b, "port-callback-stuck", FS_LIKELY, NULL);
	/* look-alike: it waits for something else */
	b.wait.object = mm_value(PORT + 0x1000);
	run(&b);
	assert_null(mm_finding(&b.r, "port-callback-stuck"));
	arena_deinit(&b.a);
}

static void a_handle_of_user_mode(void **state)
{
	struct bench b;

	(void)state;
	live(&b);
	mm_zombie(&b.k, 0);
	b.h.nclients = 0;
	b.user = (struct fs_user_ref){
		.ccb = CCB, .type = mm_value(FS_CCB_FILTER), .object = mm_value(VA)};
	b.h.users = &b.user;
	b.h.nusers = 1;
	/* nothing leads to it: freed memory looks like that */
	run(&b);
	assert_null(mm_verdict(&b.r, VA)->culprit.kind);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_LIKELY);
	arena_deinit(&b.a);
	b.user.file = CCB + 0x1000;
	b.user.file_link = mm_value(CCB);
	run(&b);
	assert_int_equal(mm_verdict(&b.r, VA)->culprit.address, CCB);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_PROVED);
	arena_deinit(&b.a);
	b.h.nusers = 0;
	run(&b);
	assert_null(mm_verdict(&b.r, VA)->culprit.kind);
	assert_int_equal(mm_verdict(&b.r, VA)->confidence, FS_LIKELY);
	arena_deinit(&b.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_runs),	 cmocka_unit_test(disconnect_or_verifier),
		cmocka_unit_test(a_thread_proves_it),	 cmocka_unit_test(a_sender_waits),
		cmocka_unit_test(a_handle_of_user_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
