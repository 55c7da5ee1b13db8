/* SPDX-License-Identifier: BSD-2-Clause */
/* The case of the public article (facts: transcripts 00), as a model, without neighbours. */
#ifndef SUPPORT_ARTICLE_H
#define SUPPORT_ARTICLE_H

#include "support/model_maker.h"

/* frames: 0 is Frame 1, 1 is Frame 0; filters: 0 SomeDrv, 1 MyDrv; drivers: 0 MyDrv. */
void article_make(struct model_maker *k);

#endif
