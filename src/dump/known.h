/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that people take for a dump, and that are none. Private to src/dump. */
#ifndef DUMP_KNOWN_H
#define DUMP_KNOWN_H

#include "dump/format.h"

/* What a file is that no format reads, and what to do about it, as a clause; NULL: not known. */
const char *dump_known_other(const uint8_t *data, size_t n);

#endif
