/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read of a Filter Manager that is whole. */
#include "support/flt_world.h"
#include "support/test.h"

#define FRAME	(FW_POOL + 0x0010)
#define FRAME1	(FW_POOL + 0x0810)
#define FOX	(FW_POOL + 0x1010)
#define DELTA	(FW_POOL + 0x1410)
#define I_FOX0	(FW_POOL + 0x2010)
#define I_FOX1	(FW_POOL + 0x2410)
#define I_DELTA (FW_POOL + 0x2810)
#define C_DRIVE (FW_POOL + 0x4010)
#define MUP	(FW_POOL + 0x5010)
#define OPS	(FW_POOL + 0x7000)
#define NODES	(FW_POOL + 0x8000)
#define DRIVER	(FW_POOL + 0x9000)
#define STACK	UINT64_C(0xffffee0500016000)

/* Two filters, three instances, two volumes, one frame. */
static void build(struct flt_world *w)
{
	fw_begin(w);
	fw_frame(w, FRAME, 0);
	fw_frames(w, 1, (uint64_t[]){FRAME});
	fw_filter(w, FOX, "FoxMon", "389220");
	fw_filter(w, DELTA, "DeltaAv", "328010");
	triage_u64(&w->t, FOX + FW_FILTER_FRAME, FRAME);
	triage_u64(&w->t, DELTA + FW_FILTER_FRAME, FRAME);
	fw_list(w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 2, (uint64_t[]){FOX, DELTA});
	fw_volume(w, C_DRIVE, "\\Device\\HarddiskVolume3");
	fw_volume(w, MUP, "\\Device\\Mup");
	triage_u64(&w->t, C_DRIVE + FW_VOLUME_FRAME, FRAME);
	triage_u64(&w->t, MUP + FW_VOLUME_FRAME, FRAME);
	fw_list(w, FRAME + FW_FRAME_VOLUMES, FW_BASE_LINK, 2, (uint64_t[]){C_DRIVE, MUP});
	fw_instance(w, I_FOX0, FOX, C_DRIVE);
	fw_instance(w, I_FOX1, FOX, MUP);
	fw_instance(w, I_DELTA, DELTA, C_DRIVE);
	fw_list(w, FOX + FW_FILTER_INSTANCES, FW_INSTANCE_LINK, 2, (uint64_t[]){I_FOX0, I_FOX1});
	fw_list(w, DELTA + FW_FILTER_INSTANCES, FW_INSTANCE_LINK, 1, (uint64_t[]){I_DELTA});
	fw_list(w, C_DRIVE + FW_VOLUME_INSTANCES, FW_BASE_LINK, 2, (uint64_t[]){I_FOX0, I_DELTA});
	fw_list(w, MUP + FW_VOLUME_INSTANCES, FW_BASE_LINK, 1, (uint64_t[]){I_FOX1});
}

static void lists_and_links(void **state)
{
	const struct fs_model *m;
	const struct fs_frame *f;
	struct flt_world w;

	(void)state;
	build(&w);
	fw_collect(&w);
	m = &w.model;
	assert_int_equal(m->ngaps, 0);
	assert_int_equal(m->nframes, 1);
	assert_int_equal(m->frame_list.head, FW_HEAD);
	assert_int_equal(m->frame_list.count.v, 1);
	assert_int_equal(m->frame_list.stop, FS_STOP_CLOSED);
	f = &m->frames[0];
	assert_true(f->by_forward && !f->by_type_word);
	assert_string_equal(f->altitude_high.s, "409800");
	assert_int_equal(f->filters.head, FRAME + 0x48 + 0x68);
	assert_int_equal(f->filters.count.v, 2);
	assert_int_equal(f->filters.n, 2);
	assert_int_equal(f->filters.forward, 2);
	assert_int_equal(m->filters[f->filters.entries[0]].address, FOX);
	assert_int_equal(m->filters[f->filters.entries[1]].address, DELTA);
	assert_int_equal(f->volumes.head, FRAME + 0xc8 + 0x68);
	assert_int_equal(m->volumes[f->volumes.entries[1]].address, MUP);
	assert_int_equal(f->filter_unload_lock, FRAME + 0x208);
	assert_int_equal(f->large_irpctrl_stack_size.v, 14);
	assert_int_equal(m->nfilters, 2);
	assert_int_equal(m->ninstances, 3);
	assert_int_equal(m->nvolumes, 2);
	fw_end(&w);
}

static void instances_know_both_ends(void **state)
{
	const struct fs_instance *i;
	const struct fs_filter *fox;
	const struct fs_volume *c;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u64(&w.t, I_FOX1 + FW_INSTANCE_TRACK, FW_POOL + 0xf000);
	triage_u64(&w.t, I_FOX1 + FW_INSTANCE_CONTEXT, FW_POOL + 0xf100);
	fw_collect(&w);
	i = fw_find_instance(&w, I_FOX1);
	fox = fw_find_filter(&w, FOX);
	c = fw_find_volume(&w, C_DRIVE);
	assert_ptr_equal(&w.model.filters[i->filter], fox);
	assert_int_equal(w.model.volumes[i->volume].address, MUP);
	assert_true(i->by_filter && i->by_volume);
	assert_string_equal(i->name.s, "FoxMon Instance");
	assert_string_equal(i->altitude.s, "389220");
	assert_int_equal(i->track_completion_nodes.v, FW_POOL + 0xf000);
	assert_int_equal(i->context.v, FW_POOL + 0xf100);
	assert_int_equal(i->callback_nodes, I_FOX1 + 0xa0);
	/* A healthy instance has no reference of its own: 0 is active with count 0. */
	assert_int_equal(i->object.rundown.state, FS_RUNDOWN_ACTIVE);
	assert_int_equal(i->object.rundown.count, 0);
	assert_int_equal(fox->instances.n, 2);
	assert_int_equal(w.model.instances[fox->instances.entries[1]].address, I_FOX1);
	assert_int_equal(c->instances.n, 2);
	assert_int_equal(w.model.instances[c->instances.entries[1]].address, I_DELTA);
	fw_end(&w);
}

static void volume_fields(void **state)
{
	const struct fs_volume *v;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u32(&w.t, C_DRIVE + FW_VOLUME_OPENS, 67);
	triage_u32(&w.t, C_DRIVE + 0x518 + FW_RCOUNT, 2378);
	triage_u32(&w.t, MUP + FW_VOLUME_FSTYPE, 0xd);
	triage_u32(&w.t, MUP + FW_VOLUME_FLAGS, 0x1e5);
	fw_collect(&w);
	v = fw_find_volume(&w, C_DRIVE);
	assert_string_equal(v->device_name.s, "\\Device\\HarddiskVolume3");
	assert_string_equal(v->guid_name.s, "");
	assert_string_equal(v->cdo_driver_name.s, "\\FileSystem\\Ntfs");
	assert_string_equal(v->file_system, "FLT_FSTYPE_NTFS");
	assert_int_equal(v->flags.count, 3);
	assert_string_equal(v->flags.names[0], "MOUNT_SETUP_NOTIFIES_CALLED");
	assert_string_equal(v->flags.names[2], "FILTER_EVER_ATTACHED");
	assert_int_equal(v->targeted_open_count.v, 67);
	assert_int_equal(v->stream_list_count.v, 2378);
	assert_int_equal(v->name_cache_ctrl, C_DRIVE + 0x618);
	assert_int_equal(v->frame, 0);
	v = fw_find_volume(&w, MUP);
	/* The prefix may be in the layout or not; the model always has it. */
	assert_string_equal(v->file_system, "FLT_FSTYPE_MUP");
	assert_int_equal(v->flags.unknown, 0x1e5 & ~0x64);
	fw_end(&w);
}

static void filter_flags_and_counts(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u32(&w.t, FOX, 0x02000003);
	triage_u32(&w.t, FOX + 4, 5);
	triage_u32(&w.t, FOX + FW_FILTER_FLAGS, 0xd3);
	/* mCount is twice the entries; bit 0 is mInvalid. */
	triage_u32(&w.t, FOX + FW_FILTER_OPENS + FW_MCOUNT, 87);
	triage_u32(&w.t, FOX + FW_FILTER_CONNECTIONS + FW_MCOUNT, 10);
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->object.flags.value.v, 0x02000003);
	assert_int_equal(f->object.flags.count, 2);
	assert_string_equal(f->object.flags.names[0], "DRAINING");
	assert_string_equal(f->object.flags.names[1], "ZOMBIED");
	assert_int_equal(f->object.flags.unknown, 0);
	assert_int_equal(f->object.pointer_count.v, 5);
	assert_int_equal(f->object.pointer_count.at, FOX + 4);
	assert_int_equal(f->connection_count.at, FOX + FW_FILTER_CONNECTIONS + FW_MCOUNT);
	assert_int_equal(f->flags.count, 3);
	assert_string_equal(f->flags.names[0], "MANDATORY_UNLOAD_IN_PROGRESS");
	assert_int_equal(f->flags.unknown, 0xc0);
	assert_int_equal(f->active_opens, FOX + 0x1b8);
	assert_int_equal(f->active_opens_count.v, 43);
	assert_int_equal(f->connection_count.v, 5);
	assert_int_equal(f->port_count.state, FS_READ);
	assert_int_equal(f->port_count.v, 0);
	fw_end(&w);
}

static void operation(struct flt_world *w, uint64_t va, uint8_t major, uint64_t pre, uint64_t post)
{
	triage_u8(&w->t, va, major);
	triage_u32(&w->t, va + 4, 1);
	triage_u64(&w->t, va + 8, pre);
	triage_u64(&w->t, va + 0x10, post);
}

static void operations_and_callbacks(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u64(&w.t, FOX + FW_FILTER_UNLOAD, FW_DRIVER_A + 0x10c0);
	triage_u64(&w.t, FOX + FW_FILTER_SETUP, FW_POOL);
	triage_u64(&w.t, FOX + FW_FILTER_OPERATIONS, OPS);
	operation(&w, OPS, 0, FW_DRIVER_A + 0x2000, 0);
	operation(&w, OPS + 0x20, 0xf9, FW_DRIVER_A + 0x2100, FW_DRIVER_A + 0x2200);
	operation(&w, OPS + 0x40, 0x7b, 0, FW_DRIVER_A + 0x2300); /* no such major */
	operation(&w, OPS + 0x60, 0x80, 0, 0);
	operation(&w, OPS + 0x80, 3, 0, 0); /* behind the end */
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_string_equal(f->callback[FS_CB_FilterUnload].symbol, "foxmon+0x10c0");
	assert_int_equal(f->callback[FS_CB_InstanceSetup].va.v, FW_POOL);
	assert_null(f->callback[FS_CB_InstanceSetup].symbol);
	assert_int_equal(f->callback[FS_CB_KtmNotification].va.v, 0);
	assert_int_equal(f->operations_stop, FS_STOP_CLOSED);
	assert_int_equal(f->noperations, 3);
	assert_int_equal(f->operations[1].address, OPS + 0x20);
	assert_int_equal(f->operations[1].major, 0xf9);
	assert_string_equal(f->operations[1].post.symbol, "foxmon+0x2200");
	assert_int_equal(f->operations[2].major, 0x7b);
	assert_int_equal(f->operations[2].flags, 1);
	fw_end(&w);
}

static void node(struct flt_world *w, uint64_t va, uint64_t filter, uint64_t next, uint8_t type)
{
	triage_u64(&w->t, va, filter);
	triage_u64(&w->t, va + 0x10, next);
	triage_u8(&w->t, va + 0x1b, type);
}

static void context_registrations(void **state)
{
	const struct fs_filter *f;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u64(&w.t, FOX + FW_FILTER_CONTEXTS + 8, NODES);
	triage_u64(&w.t, FOX + FW_FILTER_CONTEXTS + 6 * 8, NODES + 0x100);
	node(&w, NODES, FOX, NODES + 0x40, 2);
	/* The last of a type leads on to another type's, which is not one of this slot. */
	node(&w, NODES + 0x40, FOX, NODES + 0x100, 1);
	node(&w, NODES + 0x100, FOX, 0, 3);
	triage_u16(&w.t, NODES + 0x18, 1 << 1);
	triage_u16(&w.t, NODES + 0x58, 1 << 1);
	triage_u16(&w.t, NODES + 0x118, 1 << 6);
	fw_collect(&w);
	f = fw_find_filter(&w, FOX);
	assert_int_equal(f->supported_contexts, FOX + 0x130);
	assert_int_equal(f->context_slots, 7);
	assert_int_equal(f->ncontexts, 3);
	assert_int_equal(f->contexts[1].address, NODES + 0x40);
	assert_int_equal(f->contexts[1].slot, 1);
	assert_int_equal(f->contexts[1].allocation_type, 1);
	assert_int_equal(f->contexts[2].slot, 6);
	assert_int_equal(f->contexts[2].filter, FOX);
	fw_end(&w);
}

static void rundown_decoded(void **state)
{
	const struct fs_rundown *r;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_map(&w.t, STACK, 0x1000);
	triage_u64(&w.t, STACK + 0x6f8, 4);
	triage_u64(&w.t, FOX + FW_BASE_RUNDOWN, (STACK + 0x6f8) | 1);
	triage_u64(&w.t, DELTA + FW_BASE_RUNDOWN, 1);
	triage_u64(&w.t, C_DRIVE + FW_BASE_RUNDOWN, 0x8c);
	triage_u64(&w.t, MUP + FW_BASE_RUNDOWN, 3);
	triage_u64(&w.t, I_DELTA + FW_BASE_RUNDOWN, STACK + 0x1000 + 1);
	triage_u64(&w.t, I_FOX0 + FW_BASE_RUNDOWN, STACK + 0x6fa + 1);
	fw_collect(&w);
	r = &fw_find_filter(&w, FOX)->object.rundown;
	assert_int_equal(r->state, FS_RUNDOWN_WAITING);
	assert_int_equal(r->wait_block, STACK + 0x6f8);
	assert_int_equal(r->wait_count.v, 4);
	assert_int_equal(r->wait_count.at, STACK + 0x6f8);
	/* 1 is drained, and not a wait block at 0. */
	r = &fw_find_filter(&w, DELTA)->object.rundown;
	assert_int_equal(r->state, FS_RUNDOWN_DRAINED);
	assert_int_equal(r->wait_count.state, FS_NONE);
	r = &fw_find_volume(&w, C_DRIVE)->object.rundown;
	assert_int_equal(r->state, FS_RUNDOWN_ACTIVE);
	assert_int_equal(r->count, 70);
	/* Odd, but no kernel address: neither drained nor waiting. */
	r = &fw_find_volume(&w, MUP)->object.rundown;
	assert_int_equal(r->raw.v, 3);
	assert_int_equal(r->state, FS_RUNDOWN_UNKNOWN);
	assert_int_equal(fw_gaps(&w, "FLT_VOLUME.Base.RundownRef", FS_CORRUPT), 1);
	/* No pointer-sized word can be at that address. */
	assert_int_equal(fw_find_instance(&w, I_FOX0)->object.rundown.state, FS_RUNDOWN_UNKNOWN);
	/* The stack is not in the dump: waiting all the same, the count is missing. */
	r = &fw_find_instance(&w, I_DELTA)->object.rundown;
	assert_int_equal(r->state, FS_RUNDOWN_WAITING);
	assert_int_equal(fw_gap(&w, r->wait_count.state, r->wait_count.gap)->address,
			 STACK + 0x1000);
	fw_end(&w);
}

static void driver_objects_are_shared(void **state)
{
	const struct fs_filter *fox, *delta;
	struct flt_world w;

	(void)state;
	build(&w);
	triage_u16(&w.t, DRIVER, 4);
	triage_u16(&w.t, DRIVER + 2, 0x150);
	fw_string(&w, DRIVER + 0x38, "\\FileSystem\\FoxMon");
	triage_u64(&w.t, FOX + 0x60, DRIVER);
	triage_u64(&w.t, DELTA + 0x60, DRIVER);
	fw_collect(&w);
	fox = fw_find_filter(&w, FOX);
	delta = fw_find_filter(&w, DELTA);
	assert_int_equal(w.model.ndrivers, 1);
	assert_int_equal(fox->driver, 0);
	assert_int_equal(delta->driver, 0);
	assert_true(w.model.drivers[0].valid);
	assert_string_equal(w.model.drivers[0].name.s, "\\FileSystem\\FoxMon");
	fw_end(&w);
}

static void frames_in_list_order(void **state)
{
	const struct fs_filter *delta;
	struct flt_world w;

	(void)state;
	build(&w);
	fw_frame(&w, FRAME1, 1);
	fw_frames(&w, 2, (uint64_t[]){FRAME1, FRAME});
	fw_list(&w, FRAME + FW_FRAME_FILTERS, FW_BASE_LINK, 1, (uint64_t[]){FOX});
	fw_list(&w, FRAME1 + FW_FRAME_FILTERS, FW_BASE_LINK, 1, (uint64_t[]){DELTA});
	triage_u64(&w.t, DELTA + FW_FILTER_FRAME, FRAME1);
	fw_collect(&w);
	assert_int_equal(w.model.nframes, 2);
	assert_int_equal(w.model.frames[0].id.v, 1);
	delta = fw_find_filter(&w, DELTA);
	assert_int_equal(delta->frame, 0);
	assert_ptr_equal(delta, &w.model.filters[0]);
	assert_int_equal(fw_find_filter(&w, FOX)->frame, 1);
	assert_int_equal(w.model.ngaps, 0);
	fw_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_links),
		cmocka_unit_test(instances_know_both_ends),
		cmocka_unit_test(volume_fields),
		cmocka_unit_test(filter_flags_and_counts),
		cmocka_unit_test(operations_and_callbacks),
		cmocka_unit_test(context_registrations),
		cmocka_unit_test(rundown_decoded),
		cmocka_unit_test(driver_objects_are_shared),
		cmocka_unit_test(frames_in_list_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
