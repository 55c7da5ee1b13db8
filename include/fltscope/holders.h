/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds a filter, an instance or a volume: ports, open files, contexts,
 * operations in flight. Part of the model (model.h): plain data, owned by the
 * handle. A pointer to one of these structures is NULL when nothing of it was
 * looked at.
 */
#ifndef FLTSCOPE_HOLDERS_H
#define FLTSCOPE_HOLDERS_H

#include "fltscope/value.h"

/* A walked list of things that are no entities: where they stand. */
struct fs_addresses {
	uint64_t head; /* VA of the LIST_ENTRY head, 0 not known */
	uint64_t *v;   /* VA of each, in list order */
	size_t n;
	enum fs_stop stop; /* CLOSED: it came round, so these are all */
	int32_t gap;	   /* why not, -1 */
	bool miscounted;   /* it came round, and the list's own count is another one */
};
static inline bool fs_addresses_whole(const struct fs_addresses *a)
{
	return a->stop == FS_STOP_CLOSED;
}

/* FLT_SERVER_PORT_OBJECT: what FltCreateCommunicationPort made. */
struct fs_server_port {
	uint64_t address;
	struct fs_value filter; /* the filter that made it */
	struct fs_value cookie, flags, connections, max_connections;
	struct fs_code connect, disconnect, message;
};

/* FLT_PORT_OBJECT: one client that is connected. */
struct fs_client_port {
	uint64_t address;
	struct fs_value server_port, cookie, disconnected;
	struct fs_rundown messages; /* MsgNotifRundownRef: MessageNotify calls that run */
	struct fs_code disconnect, message; /* of its server port */
	/* VA of what FltSendMessage waits for in it, 0 unknown: the queue's semaphore and
	 * event, and the event that says that the client is gone. */
	uint64_t semaphore, event, disconnect_event;
	uint64_t message_queue;	    /* VA of its FLT_MESSAGE_WAITER_QUEUE, 0 unknown */
};

/* Where a context was found. */
enum fs_context_place {
	FS_CTX_INSTANCE,
	FS_CTX_TRANSACTION,
	FS_CTX_VOLUME,
	FS_CTX_STREAM,
	FS_CTX_STREAM_HANDLE,
	FS_CTX_SECTION,
	FS_CTX_FILE,
	FS_CTX_ORPHAN, /* on no list: found by the pointer to its registration */
};
const char *fs_context_place_name(enum fs_context_place p); /* "instance", "stream-handle" … */

/* CONTEXT_NODE: the header of one context. */
struct fs_context {
	uint64_t address;
	enum fs_context_place place;
	uint64_t owner;	     /* VA of what it is attached to; 0 for orphans */
	struct fs_value reg; /* RegInfo: the ALLOCATE_CONTEXT_HEADER */
	struct fs_value attached, use_count;
};

enum fs_looked {
	FS_LOOKED_NOT,	  /* not looked at */
	FS_LOOKED_PARTLY, /* some could not be read, or a limit was reached: at least so many */
	FS_LOOKED_WHOLE,
};

/* A client's port that is no longer linked to its filter (facts: it keeps a
 * zombied filter until the client closes its handle). */
struct fs_lost_port {
	uint64_t server_port; /* FLT_SERVER_PORT_OBJECT whose Filter is this filter */
	uint64_t client_port; /* FLT_PORT_OBJECT whose ServerPort is that one; 0 none found */
	struct fs_value filter, server_link, port_link; /* the three pointers */
};

/* Where a work item stands. */
enum fs_work_place {
	FS_WORK_LOOSE,	/* on no list: it runs now, or this is memory that was freed */
	FS_WORK_LISTED, /* both its neighbours name it, so it is queued */
	FS_WORK_QUEUED, /* the list is one of a KQUEUE, a KPRIQUEUE, or FltMgr's own */
	FS_WORK_UNREAD, /* whether it is queued could not be read */
};
/* "loose", "listed", "queued", "unread" */
const char *fs_work_place_name(enum fs_work_place p);

/* FLT_GENERIC_WORKITEM or FLT_DEFERRED_IO_WORKITEM: while it is queued it holds one
 * rundown reference on its filter or instance. */
struct fs_work_item {
	uint64_t address;
	bool deferred; /* FLT_DEFERRED_IO_WORKITEM */
	enum fs_work_place place;
	uint64_t queue;		   /* VA of the queue object, 0 not known */
	uint64_t unread;	   /* VA of what its list leads to and could not be read, 0 none */
	struct fs_value type;	   /* _FLT_TYPE.Signature: 0xf120, 0xf121 */
	struct fs_value object;	   /* FltObject, or Instance */
	struct fs_value parameter; /* WorkItem.Parameter: the item itself */
	struct fs_value callback_data; /* of deferred ones */
	struct fs_links links;	   /* WorkItem.List */
	struct fs_code routine;	   /* the driver's own */
};

/* Work items of one filter or instance. */
struct fs_work {
	struct fs_work_item *item;
	size_t n;
	size_t queued; /* of them: listed or queued ones come first */
	enum fs_looked searched;
	const char *why; /* a sentence when not all is known of them, NULL */
};

/* A kind of thing that the Filter Verifier counts, and one that it lists. */
struct fs_verified {
	uint64_t address; /* FLT_VERIFIER_OBJECT */
	struct fs_value type, object, ref_count;
	bool is_flt_object; /* `object` is a filter, instance or volume of this dump */
};
#define FS_VERIFIER_KINDS_MAX 16

/* _FLT_VERIFIER_EXTENSION: what a verified filter has not given back. */
struct fs_verifier {
	uint64_t address;
	struct fs_value count[FS_VERIFIER_KINDS_MAX];
	size_t ncounts; /* how many kinds this build counts; 0: not known */
	struct fs_verified *object;
	size_t n;
	enum fs_looked listed; /* how far its tree was walked */
};
/* "FLT_CONTEXT" …: the kinds in the order in which !fltkd.filter prints them; NULL none. */
const char *fs_verifier_kind_name(size_t kind);

/*
 * The reference trace log of one filter: a ring of the last FS_REF_ENTRIES changes of its
 * RundownRef, which the Filter Manager of build 26100 writes when _GLOBALS.DebugFlags has
 * 0x2000. Source: public listings of fltmgr's FltReleaseContext, FltpInitInstance,
 * FltpInitVolume and FltRegisterFilter; no PDB names any of it.
 */
#define FS_REF_ENTRIES 1024
#define FS_REF_FRAMES  14
struct fs_ref_event {
	int32_t delta;	  /* +1 taken, -1 released */
	uint64_t rundown; /* RundownRef at that time */
	uint64_t at;	  /* VA of its delta */
	struct fs_code frame[FS_REF_FRAMES]; /* return addresses, innermost first */
	size_t nframes;
};
struct fs_ref_log {
	struct fs_value pointer; /* _FLT_OBJECT.ReferenceTraceLog; 0: the log is off */
	struct fs_value next;	 /* the index word as it stands; FS_NONE when there is no log */
	struct fs_ref_event *event; /* used entries, oldest first */
	size_t n;
	enum fs_looked looked; /* how far the ring was read; NOT when it is off */
};

/* What a handle of user mode leads to: the FLT_CCB of a FILE_OBJECT of FltMgr's device
 * that names a filter (FilterCreate, FilterFindFirst) or a client's port. */
struct fs_user_ref {
	uint64_t ccb;
	struct fs_value type;	   /* _FLT_TYPE.Signature: 0xf109 filter, 0xf10d port */
	struct fs_value object;	   /* Data.Filter.Filter or Data.Port.Port */
	uint64_t file;		   /* FILE_OBJECT whose FsContext2 it is; 0 none found */
	struct fs_value file_link; /* that FsContext2 */
};
#define FS_CCB_FILTER 0xf109u
#define FS_CCB_PORT   0xf10du /* in memory that the real code of 19041 left */

struct fs_filter_holders {
	struct fs_addresses opens; /* LIST_ENTRYs of ActiveOpens */
	struct fs_addresses server_list, client_list; /* every entry, fitting or not */
	struct fs_server_port *servers;
	size_t nservers;
	struct fs_client_port *clients;
	size_t nclients;
	/* Contexts of this filter, attached ones and orphans. */
	struct fs_context *contexts;
	size_t ncontexts;
	enum fs_looked attached; /* how far the lists of contexts were walked */
	enum fs_looked searched; /* how far the dump's memory was searched for orphans */
	struct fs_lost_port *lost;
	size_t nlost;
	enum fs_looked lost_searched;
	struct fs_work work;
	struct fs_user_ref *users;
	size_t nusers;
	enum fs_looked users_searched; /* how far memory was searched for them */
	struct fs_verifier *verifier; /* NULL: not verified, or not looked at */
	struct fs_ref_log *log; /* NULL: this build's layout has none, or not looked at */
};

/* One operation that waits for the instance: a completion node and its IRP_CTRL. */
struct fs_pending {
	uint64_t address;	 /* COMPLETION_NODE, 0 when only the IRP_CTRL is known */
	bool waiting;		 /* on WaitingList, else on ActiveList */
	struct fs_value irp_ctrl;
	struct fs_value type;	 /* _FLT_TYPE.Signature, 0xf104 */
	struct fs_value major, irp;
	struct fs_value pending_node; /* PendingCallbackNode */
	struct fs_value pending_instance; /* CALLBACK_NODE.Instance of it */
	struct fs_value initiating; /* InitiatingInstance: the filter's own I/O */
	struct fs_value work_type;  /* of FltWork: 0xf123 when it is queued */
	uint64_t data; /* VA of its FLT_CALLBACK_DATA (IRP_CTRL.Data), 0 not known */
};

/* EX_RUNDOWN_REF_CACHE_AWARE: one slot for each processor, summed modulo 2^64. */
#define FS_SLOTS_KEPT 64
struct fs_cache_aware {
	struct fs_value slots, number, stride; /* RunRefs, Number, RunRefSize */
	uint64_t *slot; /* what stands in the first FS_SLOTS_KEPT of them */
	size_t nslot;	/* fewer than there are: that one could not be read */
	enum fs_rundown_state state;
	uint64_t count;		    /* active: the sum of all slots, each >> 1; two's complement */
	uint64_t wait_block;	    /* waiting: VA */
	struct fs_value wait_count; /* waiting: what is still held */
};

struct fs_instance_holders {
	struct fs_cache_aware operations; /* OperationRundownRef */
	struct fs_pending *pending;
	size_t npending;
	enum fs_looked tracked;	 /* how far the tracking lists were walked */
	enum fs_looked searched; /* how far memory was searched for I/O that the filter issued */
	struct fs_work work;
};

/* One queue of FltGlobals.ThrottledWorkCtrl. */
struct fs_throttle {
	uint64_t address; /* _THROTTLE_ELEMENT */
	struct fs_value running, limit; /* RunningCount, RunningLimit */
	struct fs_addresses pending;	/* WORK_QUEUE_ITEMs that wait for their turn */
};

#endif
