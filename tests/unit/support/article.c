/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/article.h"

static const char *const initiated[] = {"FILTERING_INITIATED"};
static const char *const zombied[] = {"DRAINING", "ZOMBIED"};
static const char *const pending[] = {"UNLOAD_PENDING", "DEFAULT_SD_PRESENT"};
static const char *const invoked[] = {"UNLOAD_INVOKED", "INITIALIZED"};

static struct fs_links links(uint64_t flink, uint64_t blink)
{
	return (struct fs_links){mm_value(flink), mm_value(blink)};
}

static void filters(struct model_maker *k)
{
	struct fs_filter *f;
	size_t i;

	for (i = 0; i < 2; i++) {
		f = &k->filter[i];
		f->flags.names = initiated;
		f->flags.count = 1;
		f->callback[FS_CB_PreVolumeMount].va = mm_value(0);
		f->callback[FS_CB_PostVolumeMount].va = mm_value(0);
		f->object.flags.value.gap = -1;
	}
	f = &k->filter[0];
	f->object.flags.names = zombied;
	f->object.flags.count = 2;
	f->object.primary_link = links(0xfffffa800b400020, 0xfffffa80039e50c0);
	f = &k->filter[1];
	f->object.rundown.raw = mm_value(0x44);
	f->object.rundown.count = 34;
	f->object.primary_link = links(0xfffffa8004770020, 0xfffffa8001cb5390);
}

static void device(struct model_maker *k)
{
	struct fs_device *d = &k->device[0];

	d->address = 0xfffffa8002e8f550;
	d->name = mm_string("MyDrv");
	d->driver_object = mm_value(0xfffffa8003673c80);
	d->current_irp = mm_value(0);
	d->device_type = mm_value(0x22);
	d->flags = mm_value(0x40);
	d->characteristics = mm_value(0);
	d->security_descriptor = mm_value(0xfffff9a1000846e1);
	d->device_extension = mm_value(0);
	d->devobj_extension = mm_value(0xfffffa8002e8f6a0);
	d->device_queue_busy = mm_value(0);
	d->extension_flags.value = mm_value(0x801);
	d->extension_flags.names = pending;
	d->extension_flags.count = 2;
}

void article_make(struct model_maker *k)
{
	static const uint64_t instances[] = {0xfffffa80031b4330, 0xfffffa800699d170,
					     0xfffffa8003658b40};
	size_t i;

	mm_begin(k);
	k->m.dump.path = "MEMORY.DMP";
	k->m.dump.format = "dmp-kernel";
	k->m.dump.machine = "x64";
	k->m.unload_walk = "gives-up";
	(void)mm_frame(k, 0xfffffa80039e5010, 1);
	k->frame[0].altitude_low = mm_string("429998.99");
	k->frame[0].altitude_high = mm_string("429999.280700");
	(void)mm_frame(k, 0xfffffa8001b2aac0, 0);
	(void)mm_filter(k, 0, 0xfffffa8006dcc960, "SomeDrv", 0xfffffa8003673c80);
	mm_zombie(k, 0);
	(void)mm_filter(k, 1, 0xfffffa800290d900, "MyDrv", 0xfffffa8003673c80);
	for (i = 0; i < 3; i++) {
		size_t n = mm_instance(k, 1, instances[i]);

		k->instance[n].name = mm_string("MyDrv Instance");
		k->instance[n].altitude = mm_string("326020");
	}
	filters(k);
	(void)mm_driver(k, 0xfffffa8003673c80, "\\Driver\\MyDrv");
	k->driver[0].flags.value = mm_value(0x11);
	k->driver[0].flags.names = invoked;
	k->driver[0].flags.count = 2;
	device(k);
	mm_link_drivers(k);
}
