/* SPDX-License-Identifier: BSD-2-Clause */
/* MyDrv of the seed's article, its device and their names, in a triage dump: what the tests of nt
 * share. */
#ifndef SUPPORT_DRIVER_WORLD_H
#define SUPPORT_DRIVER_WORLD_H

#include "support/test.h"

#include "dump/dump.h"
#include "nt/nt.h"
#include "support/triage_builder.h"

#define DRIVER	   0xfffffa8003673c80ull
#define DEVICE	   0xfffffa8002e8f550ull
#define EXTENSION  0xfffffa8002e8f6a0ull /* DevObjExt of the article */
#define DEVICE2	   0xfffffa8002f00150ull
#define DRIVER_EXT 0xfffffa8003673dd0ull
#define TEXT	   0xfffff8a000001000ull
#define IMAGE	   0xfffff88004000000ull
#define GONE	   0xfffff88005000000ull

struct driver_world {
	struct triage t;
	struct dump *dump;
	struct vm *vm;
	struct layout *layout;
	struct modules m;
	struct reader r;
	struct fs_model model;
	struct arena arena;
	struct model_builder b;
};

/* A name before an object: MASK is its header's InfoMask. */
void driver_put_name(struct triage *t, uint64_t object, uint8_t mask, const char *name);
void driver_put_device(struct triage *t, uint64_t va, uint64_t next, uint64_t ext);

/* cmocka's: *state is a struct driver_world, one at a time. */
int driver_set_up(void **state);
int driver_tear_down(void **state);

/* The dump is written when the test has changed what it wants to change. */
struct model_builder *driver_begin(struct driver_world *w);

/* nt_add_driver() of DRIVER, which must say WANT. The driver is the world's. */
const struct fs_driver *driver_add(struct driver_world *w, enum fs_status want);

#define DRIVER_TEST(f) cmocka_unit_test_setup_teardown(f, driver_set_up, driver_tear_down)

#endif
