/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a stack passes from fltmgr into another driver. */
#include "support/test.h"

#include "fltscope/hang.h"

enum { NT, FLTMGR, AV, ENGINE, NTFS, MODULES };

static struct fs_module modules[MODULES];
static struct fs_filter filters[1];
static struct fs_thread threads[1];
static struct fs_stack_frame frames[16];
static struct fs_volume volumes[1];
static struct fs_model model;

/* Frames by module, innermost first; -1 ends them. */
static void stack_is(const int *module)
{
	static const char *const names[MODULES] = {"ntoskrnl.exe", "fltmgr.sys", "av.sys",
						   "engine.sys", "ntfs.sys"};
	size_t i;

	memset(&model, 0, sizeof(model));
	memset(frames, 0, sizeof(frames));
	memset(filters, 0, sizeof(filters));
	memset(threads, 0, sizeof(threads));
	for (i = 0; i < MODULES; i++)
		modules[i] = (struct fs_module){.name = names[i]};
	for (i = 0; i < FS_CB_COUNT; i++)
		filters[0].callback[i].module = -1;
	filters[0].callback[0].module = AV;
	for (i = 0; module[i] >= 0; i++) {
		frames[i].ip.module = module[i];
		frames[i].how = FS_FRAME_UNWOUND;
	}
	threads[0] = (struct fs_thread){.stack = {.frame = frames, .n = i}};
	threads[0].state = (struct fs_value){.v = FS_THREAD_WAITING, .state = FS_READ};
	model = (struct fs_model){.modules = modules,
				  .nmodules = MODULES,
				  .filters = filters,
				  .nfilters = 1,
				  .threads = threads,
				  .nthreads = 1,
				  .fltmgr_module = FLTMGR,
				  .modules_whole = true};
}

static void the_article(void **state)
{
	static const int stack[] = {NT, NT, ENGINE, ENGINE, AV, FLTMGR, FLTMGR, NT, NT, -1};
	struct fs_hang_thread h;

	(void)state;
	stack_is(stack);
	frames[5].ip.symbol = "FLTMGR!FltpPerformPostCallbacks+0x2a5";
	assert_true(fs_hang_of(&model, 0, &h));
	assert_int_equal(h.called, 4);
	assert_int_equal(h.module, AV);
	assert_int_equal(h.blocked, 2);
	assert_int_equal(h.blocked_in, ENGINE);
	assert_int_equal(h.filter, 0);
	assert_int_equal(h.call, FS_HANG_POST);
	assert_true(h.waits && h.proved);
	frames[3].how = FS_FRAME_SCANNED; /* a guess proves nothing */
	assert_true(fs_hang_of(&model, 0, &h) && !h.proved);
	frames[3].how = FS_FRAME_POINTER; /* nor does a chain that may have left frames out */
	assert_true(fs_hang_of(&model, 0, &h) && !h.proved);
	frames[3].how = FS_FRAME_UNWOUND;
	frames[0].from_image = true; /* nor does somebody's file */
	assert_true(fs_hang_of(&model, 0, &h) && !h.proved);
}

/* In the filter itself; and in the file system below one's own read. */
static void who_holds_it_up(void **state)
{
	static const int self[] = {NT, AV, AV, FLTMGR, NT, -1};
	static const int read[] = {NT, NTFS, NT, FLTMGR, AV, FLTMGR, NT, -1};
	static const int nested[] = {NT, ENGINE, FLTMGR, NT, FLTMGR, AV, FLTMGR, NT, -1};
	struct fs_hang_thread h;

	(void)state;
	stack_is(self);
	assert_true(fs_hang_of(&model, 0, &h));
	assert_int_equal(h.module, AV);
	assert_int_equal(h.blocked_in, AV);
	stack_is(read);
	assert_true(fs_hang_of(&model, 0, &h));
	assert_int_equal(h.module, AV);
	assert_int_equal(h.blocked_in, NTFS);
	stack_is(nested); /* of two that were called, the inner one */
	assert_true(fs_hang_of(&model, 0, &h));
	assert_int_equal(h.module, ENGINE);
	assert_int_equal(h.filter, -1);
	assert_int_equal(h.inner, ENGINE);
	/* and the outer one, with who is below */
	assert_true(fs_hang_next(&model, 0, h.called + 1, &h));
	assert_int_equal(h.module, AV);
	assert_int_equal(h.filter, 0);
	assert_int_equal(h.inner, ENGINE);
	assert_int_equal(h.blocked_in, ENGINE);
	assert_int_equal(h.called, 5);
	assert_false(fs_hang_next(&model, 0, h.called + 1, &h));
}

/* A filter's own code that called fltmgr and waits there, as FltUnregisterFilter does; look-alikes:
 * it does not wait, waits in its own code, or is no filter's. */
static void its_own_call(void **state)
{
	static const int stack[] = {NT, FLTMGR, FLTMGR, AV, NT, -1};
	static const int idle[] = {NT, AV, NT, -1};
	static const int engine[] = {NT, FLTMGR, ENGINE, NT, -1};
	struct fs_hang_thread h;

	(void)state;
	stack_is(stack);
	assert_true(fs_hang_of(&model, 0, &h));
	assert_int_equal(h.call, FS_HANG_OWN);
	assert_int_equal(h.called, 3);
	assert_int_equal(h.module, AV);
	assert_int_equal(h.blocked_in, FLTMGR);
	assert_true(h.proved);
	assert_false(fs_hang_next(&model, 0, h.called + 1, &h));
	frames[3].how = FS_FRAME_SCANNED;
	assert_true(fs_hang_of(&model, 0, &h) && !h.proved);
	threads[0].state.v = FS_THREAD_RUNNING;
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(idle);
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(engine);
	assert_false(fs_hang_of(&model, 0, &h));
}

/* What the unload itself waits for is told by the wait block, whose event the thread waits for. */
static void a_rundown(void **state)
{
	static const int stack[] = {NT, FLTMGR, AV, FLTMGR, NT, -1};
	struct fs_wait wait = {.object = {.v = 0xffffb3080002fb08, .state = FS_READ}};
	struct fs_hang_thread h;

	(void)state;
	stack_is(stack);
	threads[0].waits = &wait;
	threads[0].nwaits = 1;
	filters[0].address = 0xffffe0010102d010;
	filters[0].object.rundown.state = FS_RUNDOWN_WAITING;
	filters[0].object.rundown.wait_block = 0xffffb3080002fb00;
	assert_true(fs_hang_of(&model, 0, &h));
	assert_true(h.rundown.address == 0xffffe0010102d010);
	assert_int_equal(h.rundown.filter, 0);
	assert_false(h.rundown.unload);
	wait.object.v += 8; /* another event */
	assert_true(fs_hang_of(&model, 0, &h) && !h.rundown.address);
	/* Count is as wide as a pointer: on 32 bits the event stands 4 bytes behind it */
	model.dump.machine = "x86";
	wait.object.v = 0xffffb3080002fb04;
	assert_true(fs_hang_of(&model, 0, &h));
	assert_true(h.rundown.address == 0xffffe0010102d010);
	wait.object.v = 0xffffb3080002fb08;
	assert_true(fs_hang_of(&model, 0, &h) && !h.rundown.address);
	model.dump.machine = NULL;
}

/* Look-alikes: nobody is inside a filter. */
static void nobody(void **state)
{
	static const int below[] = {NT, NTFS, NT, FLTMGR, FLTMGR, NT, -1};
	static const int beside[] = {NT, AV, NT, -1};
	static const int calls[] = {FLTMGR, AV, NT, -1};
	static const int none[] = {-1};
	static const int jumped[] = {NT, NTFS, FLTMGR, FLTMGR, NT, -1};
	struct fs_hang_thread h;

	(void)state;
	stack_is(below);
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(beside);
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(jumped); /* the file system, called without a frame of nt's */
	assert_true(fs_hang_of(&model, 0, &h));
	volumes[0].cdo_driver_name =
		(struct fs_string){.s = "\\FileSystem\\Ntfs", .state = FS_READ};
	model.volumes = volumes;
	model.nvolumes = 1;
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(calls); /* nobody called it: its own code is in fltmgr */
	assert_true(fs_hang_of(&model, 0, &h) && h.call == FS_HANG_OWN);
	stack_is(none);
	assert_false(fs_hang_of(&model, 0, &h));
	stack_is(beside);
	model.fltmgr_module = -1;
	assert_false(fs_hang_of(&model, 0, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_article),
		cmocka_unit_test(who_holds_it_up),
		cmocka_unit_test(its_own_call),
		cmocka_unit_test(a_rundown),
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
