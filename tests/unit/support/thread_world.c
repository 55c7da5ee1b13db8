/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/thread_world.h"

static const struct tw_offsets seven = {.stack_base = 0x278,
					.kernel_stack = 0x38,
					.state = 0x164,
					.wait_reason = 0x26b,
					.wait_list = 0x98,
					.process = 0x210,
					.links = 0x188,
					.pid = 0x180,
					.image = 0x2e0,
					.thread_head = 0x30,
					.thread_entry = 0x2f8,
					.block = 0x108,
					.block_thread = 0x10,
					.block_object = 0x18};
static const struct tw_offsets redstone = {.stack_base = 0x38,
					   .kernel_stack = 0x58,
					   .state = 0x184,
					   .wait_reason = 0x283,
					   .wait_list = 0xd0,
					   .wait_count = 0x24b,
					   .process = 0x220,
					   .links = 0x2f0,
					   .pid = 0x2e8,
					   .image = 0x450,
					   .tid = 0x638,
					   .thread_head = 0x488,
					   .thread_entry = 0x698,
					   .block = 0x140,
					   .block_thread = 0x18,
					   .block_object = 0x20};
static const struct tw_offsets vibranium = {.stack_base = 0x38,
					    .kernel_stack = 0x58,
					    .state = 0x184,
					    .wait_reason = 0x283,
					    .wait_list = 0xd0,
					    .wait_count = 0x24b,
					    .process = 0x220,
					    .links = 0x448,
					    .pid = 0x440,
					    .image = 0x5a8,
					    .tid = 0x480,
					    .thread_head = 0x5e0,
					    .thread_entry = 0x4e8,
					    .block = 0x140,
					    .block_thread = 0x18,
					    .block_object = 0x20};

void tw_make(struct thread_world *w, const char *layout)
{
	struct fs_error err = {0};

	memset(w, 0, sizeof(*w));
	w->o = strstr(layout, "7601") ? &seven : strstr(layout, "14393") ? &redstone : &vibranium;
	if (layout_load_shipped(layout, &w->nt, &err) != FS_OK)
		fail_msg("%s", err.text);
	w->d = fake_new(4);
	fake_links(w->d, TW_HEAD, TW_HEAD, TW_HEAD);
	fake_write(w->d, 0xfffff78000000320, 1, 8); /* TickCount; its multiplier is 0 */
	w->sites = (struct nt_sites){.process_head = TW_HEAD, .exact = true};
	model_begin(&w->b, &w->model, &w->arena);
}

void tw_free(struct thread_world *w)
{
	nt_look_free(w->k);
	model_end(&w->b);
	model_free(&w->model);
	arena_deinit(&w->arena);
	vm_destroy(w->vm);
	free(w->d);
	layout_free(w->nt);
}

static uint64_t get64(struct thread_world *w, uint64_t va)
{
	uint64_t v = 0;
	size_t i;

	for (i = 8; i-- > 0;)
		v = v << 8 | *fake_at(w->d, va + i);
	return v;
}

void tw_append(struct thread_world *w, uint64_t head, uint64_t link)
{
	uint64_t last = get64(w, head + 8);

	fake_links(w->d, link, head, last);
	fake_write(w->d, last, link, 8);
	fake_write(w->d, head + 8, link, 8);
}

void tw_process(struct thread_world *w, uint64_t va, uint64_t pid, const char *name)
{
	size_t i;

	for (i = 0; i < 0xc00; i += 8) /* the whole object is in the dump */
		fake_write(w->d, va + i, 0, 8);
	fake_write(w->d, va, 3, 1);
	fake_write(w->d, va + 0x28, 0x1ad000, 8);
	fake_write(w->d, va + w->o->pid, pid, 8);
	for (i = 0; name[i]; i++)
		fake_write(w->d, va + w->o->image + i, (uint8_t)name[i], 1);
	fake_links(w->d, va + w->o->thread_head, va + w->o->thread_head, va + w->o->thread_head);
	tw_append(w, TW_HEAD, va + w->o->links);
}

void tw_thread(struct thread_world *w, uint64_t va, uint64_t process, uint64_t tid, uint64_t stack)
{
	size_t i;

	for (i = 0; i < 0x900; i += 8)
		fake_write(w->d, va + i, 0, 8);
	fake_write(w->d, va, 6, 1);
	fake_write(w->d, va + 0x28, stack - 0x50, 8);
	fake_write(w->d, va + 0x30, stack - 0x4000, 8);
	fake_write(w->d, va + w->o->stack_base, stack, 8);
	fake_write(w->d, va + w->o->kernel_stack, stack - 0x400, 8);
	fake_write(w->d, va + w->o->state, 1, 1);
	fake_write(w->d, va + w->o->process, process, 8);
	if (w->o->tid) {
		fake_write(w->d, va + w->o->tid - 8, get64(w, process + w->o->pid), 8);
		fake_write(w->d, va + w->o->tid, tid, 8);
	}
	fake_write(w->d, stack - 8, 0, 8);
	tw_append(w, process + w->o->thread_head, va + w->o->thread_entry);
}

void tw_object(struct thread_world *w, uint64_t va, uint8_t type)
{
	fake_write(w->d, va, type, 8);
	fake_links(w->d, va + 8, va + 8, va + 8);
}

void tw_wait(struct thread_world *w, uint64_t thread, unsigned i, unsigned n, uint64_t object)
{
	uint64_t blocks = thread + w->o->block, block = blocks + i * 0x30ull;

	fake_write(w->d, thread + w->o->wait_list, blocks, 8);
	if (w->o->wait_count)
		fake_write(w->d, thread + w->o->wait_count, n, 1);
	else
		fake_write(w->d, block + 0x20, i + 1 == n ? blocks : block + 0x30, 8);
	fake_write(w->d, block + w->o->block_thread, thread, 8);
	fake_write(w->d, block + w->o->block_object, object, 8);
	tw_append(w, object + 8, block);
	fake_write(w->d, thread + w->o->state, 5, 1);
}

void tw_three(struct thread_world *w)
{
	tw_process(w, TW_SYSTEM, 4, "System");
	tw_process(w, TW_OTHER, 0x2a4, "services.exe");
	tw_thread(w, TW_THREAD, TW_SYSTEM, 0x10, TW_STACK);
	tw_thread(w, TW_THREAD2, TW_SYSTEM, 0x14, TW_STACK2);
	tw_thread(w, TW_THREAD3, TW_OTHER, 0x2a8, TW_STACK3);
	tw_object(w, TW_EVENT, 0);
	tw_wait(w, TW_THREAD3, 0, 1, TW_EVENT);
}

void tw_begin(struct thread_world *w)
{
	w->vm = fake_vm(w->d);
	w->r = (struct reader){.vm = w->vm, .nt = w->nt};
	w->k = nt_look_create(&w->r, NULL, &w->b, &w->sites);
	assert_non_null(w->k);
}

void tw_read(struct thread_world *w)
{
	tw_begin(w);
	nt_read_processors(w->k);
	nt_read_processes(w->k);
	nt_finish_locks(w->k);
	nt_finish_threads(w->k);
	assert_false(w->b.out_of_memory);
}

const struct fs_thread *tw_at(const struct thread_world *w, uint64_t va)
{
	int32_t i = fs_thread_at(&w->model, va);

	if (i < 0)
		fail_msg("thread 0x%llx is not there", (unsigned long long)va);
	return &w->model.threads[i];
}
