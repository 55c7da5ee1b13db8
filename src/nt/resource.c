/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ERESOURCE: who owns it. The owner stands in the structure on every build: OwnerEntry, and more
 * of them in OwnerTable, whose first entry has the number of entries. An OwnerThread with low bits
 * set is no thread (ExSetResourceOwnerPointer, wdm.h). Who waits: waiters.c.
 */
#include "nt/look.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"

/* Threads that share one resource; a table grows by 4 entries. */
#define OWNERS_MAX 65536u

typedef VEC(struct fs_lock_owner) owner_vec;

/* OwnerCount's place in the word that it shares with TableSize: "bits:29@3". */
static unsigned count_shift(const struct nt_look *k)
{
	struct layout_field_info f;
	const char *at;

	if (!layout_find_path(k->r->nt, NULL, "_OWNER_ENTRY", "OwnerCount", &f) ||
	    strncmp(f.type, "bits:", 5) != 0)
		return 0;
	at = strchr(f.type, '@');
	return at && at[1] >= '0' && at[1] <= '9' ? (unsigned)(at[1] - '0') : 0;
}

/* The OWNER_ENTRY at va; false: it cannot be read. An empty one is not kept. */
static bool take_owner(struct nt_look *k, uint64_t va, owner_vec *all)
{
	struct fs_lock_owner o = {.index = -1}, *p;
	unsigned shift = count_shift(k);

	o.thread = nt_value(k->r, k->b, va, F_OWNER_ENTRY_OwnerThread);
	if (!fs_is_read(&o.thread))
		return false;
	if (o.thread.v == 0)
		return true;
	o.count = nt_value(k->r, k->b, va, F_OWNER_ENTRY_TableSize);
	if (shift && fs_is_read(&o.count))
		o.count.v >>= shift;
	else
		o.count = model_none();
	o.is_thread = (o.thread.v & 3) == 0;
	p = vec_push(all);
	if (!p) {
		k->b->out_of_memory = true;
		return false;
	}
	*p = o;
	return true;
}

static bool take_table(struct nt_look *k, uint64_t table, owner_vec *all)
{
	uint32_t size = layout_type_size(k->r->nt, T_OWNER_ENTRY);
	struct fs_value n = nt_value(k->r, k->b, table, F_OWNER_ENTRY_TableSize);
	uint64_t i, end;

	if (!fs_is_read(&n) || size == 0)
		return false;
	if (n.v > OWNERS_MAX || !add_u64(table, n.v * size, &end)) {
		nt_gap(k, "ERESOURCE.OwnerTable", n.at, FS_CORRUPT,
		       "OWNER_ENTRY.TableSize is %" PRIu64 ", more than a resource can have", n.v);
		return false;
	}
	for (i = 1; i < n.v; i++)
		if (!take_owner(k, table + i * size, all))
			return false;
	return true;
}

static void read_owners(struct nt_look *k, struct fs_lock *l)
{
	struct fs_value table = nt_value(k->r, k->b, l->address, F_ERESOURCE_OwnerTable);
	owner_vec all = {0};
	uint64_t entry;
	bool whole;

	if (obj_field(k->r, l->address, F_ERESOURCE_OwnerEntry, &entry, NULL))
		return;
	whole = take_owner(k, entry, &all);
	if (!fs_is_read(&table) || (table.v && !vm_is_kernel_va(k->r->vm, table.v)))
		whole = false;
	else if (table.v)
		whole = take_table(k, table.v, &all) && whole;
	l->owners_looked = whole ? FS_LOOKED_WHOLE : FS_LOOKED_PARTLY;
	if (all.n) {
		l->owners = arena_alloc(k->b->arena, all.n * sizeof(*l->owners));
		if (l->owners) {
			memcpy(l->owners, all.v, all.n * sizeof(*l->owners));
			l->nowners = all.n;
		} else {
			k->b->out_of_memory = true;
		}
	}
	vec_free(&all);
}

/* The pointer to (or chain of) those who wait. */
static struct fs_value waiters_word(struct nt_look *k, uint64_t va, enum field_id f)
{
	struct fs_value ret = model_none();
	struct fs_error err = {0};
	char what[NT_WHAT];
	uint64_t v = 0;
	enum fs_status st;

	if (obj_field(k->r, va, f, &va, NULL))
		return ret;
	nt_what(f, what);
	st = vm_read(k->r->vm, va, &v, vm_pointer_size(k->r->vm), what, &err);
	ret = model_value(k->b, what, st, load_u64(&v), &err);
	ret.at = va;
	return ret;
}

/* The words that tell whether anybody has to do with it; the rest is read when somebody has. */
static void read_state(struct nt_look *k, struct fs_lock *l)
{
	struct nt_object *o = &k->object;

	l->active_count = nt_object_value(k->r, k->b, o, 0, F_ERESOURCE_ActiveCount);
	l->flag = nt_object_value(k->r, k->b, o, 0, F_ERESOURCE_Flag);
	l->contention_count = nt_object_value(k->r, k->b, o, 0, F_ERESOURCE_ContentionCount);
	l->shared_count = nt_object_value(k->r, k->b, o, 0, F_ERESOURCE_NumberOfSharedWaiters);
	l->exclusive_count =
		nt_object_value(k->r, k->b, o, 0, F_ERESOURCE_NumberOfExclusiveWaiters);
	l->owned = fs_is_read(&l->active_count) && l->active_count.v != 0;
	l->exclusive = fs_has(&l->flag, FS_RESOURCE_OWNED_EXCLUSIVE);
}

static void finish_lock(struct nt_look *k, struct fs_lock *l)
{
	if (!fs_is_read(&l->active_count))
		return;
	l->shared_waiters = waiters_word(k, l->address, F_ERESOURCE_SharedWaiters);
	l->exclusive_waiters = waiters_word(k, l->address, F_ERESOURCE_ExclusiveWaiters);
	if (l->owned)
		read_owners(k, l);
	else
		l->owners_looked = FS_LOOKED_WHOLE;
}

bool nt_read_lock(struct nt_look *k, uint64_t va, const struct nt_lock_place *place)
{
	struct fs_lock l = {.address = va,
			    .what = place->what,
			    .of = place->of,
			    .index = place->index,
			    .shared_waiters = model_none(),
			    .exclusive_waiters = model_none()};
	size_t i = 0, span = nt_type_span(k->r, T_ERESOURCE);

	if (model_find_lock(k->b, va) >= 0)
		return true;
	if (span == 0)
		return false;
	nt_object_open(k->r, &k->object, va, span, "ERESOURCE");
	/* one gap for the object that it stands in is enough */
	if (k->object.have < span && !place->keep)
		return false;
	read_state(k, &l);
	if (!l.owned && !fs_has(&l.shared_count, ~0ull) && !fs_has(&l.exclusive_count, ~0ull) &&
	    !place->keep)
		return true;
	finish_lock(k, &l);
	if (model_add_lock(k->b, va, &i)) {
		nt_gap(k, "ERESOURCE", va, FS_LIMIT, "there are more locks than are kept");
		return false;
	}
	k->b->model->locks[i] = l;
	return fs_is_read(&l.active_count);
}
