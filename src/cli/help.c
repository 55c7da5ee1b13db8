/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands, and what --help says of them. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
#define COMMAND(name_, args_, needs_, help_) {#name_, args_, help_, needs_, cmd_##name_},
#include "cli/commands.def"
};

const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char usage_head[] =
	"Usage: fltscope [OPTION...] COMMAND DUMP [ARGUMENT]\n"
	"       fltscope DUMP\n"
	"\n"
	"Says what the Windows Filter Manager was doing in a kernel dump, and why a driver\n"
	"would not unload.\n"
	"\n"
	"Commands:\n";

static const char usage_tail[] =
	"\n"
	"Options:\n"
	"  PROCESS                image name, address or PID; THREAD: address, TID or Cid\n"
	"                         (1584.1588); IDs are hexadecimal as everywhere, 0n4712 is\n"
	"                         decimal\n"
	"  --json                 the answer as JSON (export always is)\n"
	"  -r[N], -b              dt: nested types N levels deep; arrays and blocks whole\n"
	"  -p PROCESS             us, hang: threads of this process\n"
	"  -cpu                   us: threads that run\n"
	"  --through MODULE       us: threads with this module on the stack\n"
	"  --cxr ADDRESS          k: from the CONTEXT at this address\n"
	"  --processor N          k: of where this processor stood\n"
	"  -t                     process: its threads too\n"
	"  --driver NAME          diagnose, check: only this filter, service, driver object or image\n"
	"  --dot                  diagnose: who waits for whom, for Graphviz's dot\n"
	"  --ledger               filter, instance, export: search for contexts and work items that\n"
	"                         hold references of live filters too (a volume's are always all listed)\n"
	"  --fail-on LEVEL        check: error (default), warning or note\n"
	"  --format FORMAT        check: text, json, ndjson, junit or sarif\n"
	"  --rule ID              check: only this rule; may be repeated\n"
	"  --ignore FILE          check: lines 'RULE [SUBJECT] # REASON'\n"
	"  -y PATH                symbol path, as Windows has it: folders, srv*DIR*URL, "
	"cache*DIR;\n"
	"                         else _NT_ALT_SYMBOL_PATH and _NT_SYMBOL_PATH\n"
	"  -i PATH                image path: folders of drivers, for code a small dump left out\n"
	"  --offline              no network, whatever the symbol path says\n"
	"  --store DIR            symbols fetch: the store to fill\n"
	"  --build N              pdb layout: the build to write into the layout\n"
	"  --dtb PA               page tables to use (CR3), where the dump's are wrong or "
	"unknown\n"
	"  --raw                  a file of no known format is physical memory as it is\n"
	"  --raw-hole START-END   the same without these physical addresses (below 4 GiB)\n"
	"  --layout FILE          use this layout file for its module; may be repeated\n"
	"  --color=WHEN           auto (on a terminal, unless NO_COLOR is set), always, never\n"
	"  --help, --version\n"
	"\n"
	"Where an object is asked for, give its address (0x..., bare hex, fffffa80`039e5010)\n"
	"or its name. A name wins: 'fade' is the filter of that name if there is one, and\n"
	"the address 0xfade else. Driver names may have \\Driver\\ in front and .sys behind.\n"
	"\n"
	"In text, '?' marks and names values read through an offset that nothing in the\n"
	"dump confirms; '(not-in-dump at 0x...)' stands where a value could not be read.\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 the file cannot be read as a dump, 4 no Filter\n"
	"Manager state in this dump or what was asked for is not in it. check: 0 clean and\n"
	"all that was asked was decided, 1 findings at or above --fail-on, 4 not decided;\n"
	"of many dumps 3 wins, then 1, then 4.\n";

void options_help(FILE *out, const struct command *command)
{
	size_t i;

	if (command) {
		(void)fprintf(out, "Usage: fltscope %s %s\n%s\n", command->name, command->args,
			      command->help);
		return;
	}
	(void)fputs(usage_head, out);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int n = fprintf(out, "  %s %s", commands[i].name, commands[i].args);

		if (n > 24)
			(void)fprintf(out, "\n%*s", 25, "");
		else
			(void)fprintf(out, "%*s", 25 - (n > 0 ? n : 0), "");
		(void)fprintf(out, "%s\n", commands[i].help);
	}
	(void)fputs(usage_tail, out);
}
