/* SPDX-License-Identifier: BSD-2-Clause */
/* One path's state. Private to src/code: follow.c walks paths, follow_state.c holds values. */
#ifndef CODE_FOLLOW_IMPL_H
#define CODE_FOLLOW_IMPL_H

#include "base/vec.h"
#include "code/follow.h"

struct slot {
	int64_t off;   /* from the stack pointer at entry */
	unsigned size; /* bytes; 0: free */
	struct follow_value value;
};

enum flags_kind { FLAGS_NONE, FLAGS_COMPARE, FLAGS_TEST };

struct flags {
	enum flags_kind kind;
	unsigned size;
	struct follow_value a, b;
	/* the path is one on which this condition was found to hold, or not */
	bool decided, holds;
	enum insn_cond cond;
};

struct fact {
	unsigned origin; /* 0: free */
	bool negative;
};

struct state {
	uint64_t va;
	struct follow_value reg[INSN_REGS];
	struct slot slot[FOLLOW_SLOTS];
	struct flags flags;
	struct fact fact[FOLLOW_FACTS];
	uint64_t touched[FOLLOW_ORIGINS / 64]; /* origins that were used as an address: not null */
	unsigned mark[FOLLOW_MARKS];
	bool framed; /* the stack pointer has moved */
};

struct follow {
	const struct code_source *source;
	struct insn_decoder *decoder;
	enum insn_machine machine;
	unsigned sp; /* register */
	follow_observer observe;
	void *ctx;
	struct follow_result *result;
	VEC(struct state) pending;
	VEC(uint64_t) seen; /* hashes of states that were followed, sorted */
	unsigned steps, paths;
	uint64_t entry;
};

void state_init(const struct follow *f, struct state *s);
uint64_t state_hash(const struct state *s);

/* An origin for a load or a result; FOLLOW_UNKNOWN when a bound is reached. */
unsigned origin_load(struct follow *f, unsigned parent, int64_t off, uint64_t va);
unsigned origin_result(struct follow *f, uint64_t va);

struct follow_value value_const(uint64_t v, uint64_t at);
bool value_is_const(struct follow_value v, unsigned size, uint64_t *ret);

struct follow_value register_read(const struct follow *f, const struct state *s, unsigned reg,
				  unsigned size);
void register_write(const struct follow *f, struct state *s, unsigned reg, unsigned size,
		    struct follow_value v);
struct follow_value slot_read(const struct state *s, int64_t off, unsigned size);
void slot_write(struct state *s, int64_t off, unsigned size, struct follow_value v);
/* Whatever lies in [off, off + size) is lost. */
void slot_forget(struct state *s, int64_t off, uint64_t size);

void state_touch(struct state *s, unsigned origin);

/* What the flags say: decided, or a question about the sign of one origin, or open. */
enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_SIGN, VERDICT_NOT_SIGN, VERDICT_OPEN };
enum verdict flags_ask(const struct state *s, const struct flags *flags, enum insn_cond cond);
void fact_add(struct state *s, unsigned origin, bool negative);
void fact_forget(struct state *s, unsigned origin);

/* follow.c: a path for later, from va on. */
void follow_later(struct follow *f, const struct state *s, uint64_t va);
void follow_incomplete(struct follow *f, enum fs_status status, uint64_t va, const char *what);
bool follow_in_image(const struct follow *f, uint64_t va);

/* follow_fork.c: instructions after which there are several paths: all are put back. False
 * when this one is none of them. */
bool fork_insn(struct follow *f, struct state *s, const struct insn *in);

/* follow_step.c: the effect of one instruction that is no branch. False ends the path. */
bool step_insn(struct follow *f, struct state *s, const struct insn *in);
/* A call, to the next instruction (or, `tail`, out of the function). */
bool step_call(struct follow *f, struct state *s, const struct insn *in, bool tail);
bool step_return(struct follow *f, struct state *s, const struct insn *in);
struct follow_value step_operand(struct follow *f, struct state *s, const struct insn *in,
				 const struct insn_operand *o, bool *alive);
bool step_put(struct follow *f, struct state *s, const struct insn *in,
	      const struct insn_operand *o, struct follow_value v);
bool step_tell(struct follow *f, struct state *s, struct follow_event *e);

#endif
