# SPDX-License-Identifier: BSD-2-Clause
# make          optimised build/fltscope and build/libfltscope.a
# make demo     installs what is missing, builds, writes the seed case's dump, prints the verdict
# make check    installs what is missing, builds with ASan and UBSan, runs every test and lint
# V=1 shows the commands; CC, CFLAGS, LDFLAGS are yours to set.

BUILD ?= build
CC ?= cc
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

PKGS_LIB  := libaddrxlat zlib lzo2 libzstd
PKGS_CLI  := jansson
PKGS_TEST := cmocka snappy
# Loaded when they are needed, not linked: their headers alone are used. So are those of
# libcurl, libmspack, libsnappy and libarchive, which stand where every compiler looks.
PKGS_LOADED := capstone libxml-2.0

# The warnings that the good trees of this field use (kmod, elfutils, systemd),
# each only where the compiler has it.
WARN_WANTED := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wcast-align -Wundef \
	-Wformat=2 -Wvla -Wnull-dereference -Wduplicated-cond -Wduplicated-branches \
	-Wlogical-op -Wimplicit-fallthrough -Wdate-time -Wnested-externs -Wredundant-decls \
	-Wfloat-equal -Wmissing-include-dirs -Wunreachable-code -Wstack-usage=24576 -Wconversion
warn_ok = $(shell $(CC) -Werror $(1) -x c -fsyntax-only /dev/null >/dev/null 2>&1 && echo $(1))
ifeq ($(origin WARN),undefined)
WARN := $(foreach w,$(WARN_WANTED),$(call warn_ok,$(w)))
export WARN
endif

STD      := -std=c11 -D_GNU_SOURCE -Isrc -Iinclude
DEPFLAGS  = -MMD -MP
OPT      ?= -O2 -g
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# One by one: pkg-config says nothing at all when one of them (cmocka) is not there.
PKG_CFLAGS := $(foreach p,$(PKGS_LIB) $(PKGS_CLI) $(PKGS_LOADED) $(PKGS_TEST),$(shell pkg-config --cflags $(p) 2>/dev/null))
pkglibs   = $(shell pkg-config --libs $(1) 2>/dev/null)
LIBS_LIB  = $(call pkglibs,$(PKGS_LIB)) -ldl
LIBS_CLI  = $(call pkglibs,$(PKGS_CLI))
LIBS_TEST = $(call pkglibs,$(PKGS_TEST))

LIB_DIRS := base dump vm layout pdb code unwind read module nt fltmgr model check
CLI_DIRS := emit view cli
LAYOUTS  := $(sort $(wildcard pdb-layouts/nt/*.layout pdb-layouts/fltmgr/*.layout))
LIB_SRC  := $(sort $(foreach d,$(LIB_DIRS),$(wildcard src/$(d)/*.c)) $(wildcard src/session*.c))
CLI_SRC  := $(sort $(foreach d,$(CLI_DIRS),$(wildcard src/$(d)/*.c)))

# One tree of objects per flavour: rel (what users get) and san (what tests run).
LIB_OBJ  = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(LIB_SRC)) $(BUILD)/$(1)/gen/layouts.o $(BUILD)/$(1)/gen/layouts-data.o
CLI_OBJ  = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(CLI_SRC))

.PHONY: all
all: $(BUILD)/fltscope $(BUILD)/libfltscope.a

define flavour
$(BUILD)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(Q)$$(if $$(filter 1,$$(V)),,echo "  CC    $$<" &&) $$(CC) $$(STD) $$(if $$(filter tests/%,$$<),-Itests/unit) $$(WARN) $(2) $$(CFLAGS) $$(PKG_CFLAGS) $$(DEPFLAGS) -c -o $$@ $$< || { sh tests/tools/deps.sh build names; exit 1; }
$(BUILD)/$(1)/gen/layouts.o: $(BUILD)/gen/layouts.c
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(STD) $$(WARN) $(2) $$(CFLAGS) $$(DEPFLAGS) -c -o $$@ $$<
$(BUILD)/$(1)/gen/layouts-data.o: $(BUILD)/gen/layouts-data.S $$(LAYOUTS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -c -o $$@ $$<
-include $$(patsubst %.o,%.d,$$(filter-out %layouts-data.o,$$(call LIB_OBJ,$(1)) $$(call CLI_OBJ,$(1))))
endef
$(eval $(call flavour,rel,$(OPT)))
$(eval $(call flavour,san,-O1 -g $(SAN)))

# The shipped layouts go into the binary as read-only data.
$(BUILD)/gen/layouts.c $(BUILD)/gen/layouts-data.S &: $(LAYOUTS) tests/tools/embed-layouts.sh
	@mkdir -p $(BUILD)/gen
	$(Q)sh tests/tools/embed-layouts.sh $(BUILD)/gen $(LAYOUTS)

$(BUILD)/fltscope: $(call LIB_OBJ,rel) $(call CLI_OBJ,rel)
	$(Q)$(CC) $(OPT) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)
	@echo "  LINK  $@"
$(BUILD)/san/fltscope: $(call LIB_OBJ,san) $(call CLI_OBJ,san)
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)

# Only the public names leave the library.
$(BUILD)/libfltscope.a: $(call LIB_OBJ,rel)
	$(Q)$(LD) -r -o $(BUILD)/rel/libfltscope.o $^
	$(Q)objcopy --wildcard --keep-global-symbol='fltscope_*' --keep-global-symbol='fs_*' $(BUILD)/rel/libfltscope.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(BUILD)/rel/libfltscope.o
	@echo "  AR    $@"
$(BUILD)/san/libfltscope-test.a: $(call LIB_OBJ,san) $(filter-out %/cli/main.o,$(call CLI_OBJ,san))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# tests/unit/<layer>/test_<what>.c is one cmocka program each.
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/san/unit/%,$(UNIT_SRC))
UNIT_LIB := $(sort $(wildcard tests/unit/support/*.c))
UNIT_LIB_OBJ := $(patsubst %.c,$(BUILD)/san/%.o,$(UNIT_LIB))
$(BUILD)/san/unit/%: tests/unit/%.c $(BUILD)/san/libfltscope-test.a $(UNIT_LIB_OBJ)
	@mkdir -p $(@D)
	$(Q)$(if $(filter 1,$(V)),,echo "  TEST  $<" &&) $(CC) $(STD) -Itests/unit $(filter-out -Wconversion -Wstack-usage%,$(WARN)) -O1 -g $(SAN) $(CFLAGS) $(PKG_CFLAGS) $(DEPFLAGS) -o $@ $< $(UNIT_LIB_OBJ) $(BUILD)/san/libfltscope-test.a $(LIBS_LIB) $(LIBS_CLI) $(LIBS_TEST)
-include $(addsuffix .d,$(UNIT_BIN)) $(UNIT_LIB_OBJ:.o=.d)
.SECONDARY:

# Run single programs with `make unit ONLY=test_cursor`.
ONLY ?=
.PHONY: unit clean
unit: $(if $(ONLY),$(filter %/$(ONLY),$(UNIT_BIN)),$(UNIT_BIN))
	@for t in $^; do echo "== $$t"; $$t || exit 1; done

# --- what the README names ----------------------------------------------------
# A sub-make asks pkg-config and the compiler again once they are installed.
# As many jobs as there are processors, unless -j says otherwise.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
SUBMAKE = env -u WARN $(MAKE) --no-print-directory $(JOBS)

.PHONY: demo demo-run check check-run lint golden check-real
demo:
	@sh tests/tools/deps.sh build
	+@$(SUBMAKE) demo-run
demo-run: $(BUILD)/fltscope $(BUILD)/mkworld
	@mkdir -p $(BUILD)/demo
	@$(BUILD)/mkworld fixtures/worlds/seed004.world -o $(BUILD)/demo/MEMORY.DMP --format kernel
	@echo; echo "$$ $(BUILD)/fltscope $(BUILD)/demo/MEMORY.DMP"; echo
	@$(BUILD)/fltscope $(BUILD)/demo/MEMORY.DMP

check:
	@sh tests/tools/deps.sh test
	+@$(SUBMAKE) check-run

lint: $(call LIB_OBJ,rel)
	@sh tests/lint/lint.sh $(BUILD)/rel && echo "ok - lint"

# Real dumps are never part of this repository: the target says so when they are not there.
REAL_DUMPS ?= ../shared/real-dumps
export REAL_DUMPS
# Python leaves nothing beside the sources.
export PYTHONDONTWRITEBYTECODE := 1

GOLDEN = python3 tests/golden/golden.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/worlds
golden: $(BUILD)/san/fltscope $(BUILD)/mkworld
	@$(GOLDEN) $(ONLY)

# The world builder (fixtures/README.md) shares the layouts and their parser with the tool, no more.
MKWORLD_OBJ := $(patsubst %.c,$(BUILD)/rel/%.o,$(sort $(wildcard tests/tools/mkworld*.c)))
$(BUILD)/mkworld: $(MKWORLD_OBJ) $(foreach d,base layout gen,$(foreach o,$(call LIB_OBJ,rel),$(if $(findstring /$(d)/,$(o)),$(o))))
	$(Q)$(CC) $(OPT) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkglibs,zlib)
	@echo "  LINK  $@"
-include $(MKWORLD_OBJ:.o=.d)

.PHONY: check-worlds
check-worlds: $(BUILD)/mkworld
	$(Q)python3 tests/tools/check-worlds.py $(BUILD)/mkworld $(BUILD)/worlds

# Every shipped layout: whole by fields.def, no overlaps, nothing outside its type.
.PHONY: check-layouts
$(BUILD)/san/check-layouts: $(BUILD)/san/tests/tools/check_layouts.o $(BUILD)/san/tests/unit/support/layout_lint.o $(foreach d,base layout gen,$(foreach o,$(call LIB_OBJ,san),$(if $(findstring /$(d)/,$(o)),$(o))))
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^
check-layouts: $(BUILD)/san/check-layouts
	@$<

# Damage of every kind, held against the whole dump's verdicts.
$(BUILD)/san/sweep: $(BUILD)/san/tests/tools/sweep.o $(BUILD)/san/libfltscope-test.a
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)
-include $(BUILD)/san/tests/tools/sweep.d
# The same without ASan, for as many worlds as there are causes.
$(BUILD)/rel/sweep: $(BUILD)/rel/tests/tools/sweep.o $(call LIB_OBJ,rel)
	$(Q)$(CC) $(OPT) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB)
-include $(BUILD)/rel/tests/tools/sweep.d

# Damaged headers of the other containers.
$(BUILD)/san/fuzz_container: $(BUILD)/san/tests/tools/fuzz_container.o $(BUILD)/san/libfltscope-test.a
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)
-include $(BUILD)/san/tests/tools/fuzz_container.d
CONTAINERS := elf elf-paging kdump kdump-flat vmss rdmp triage
# of 32 bits
NARROW := full bitmap summary triage
FUZZED := $(foreach f,$(CONTAINERS),$(BUILD)/worlds/fuzz.$f) $(foreach f,$(NARROW),$(BUILD)/worlds/fuzz.x86-$f)
$(BUILD)/worlds/fuzz.x86-%: $(BUILD)/mkworld $(wildcard fixtures/worlds/*.world)
	@mkdir -p $(@D)
	@$(BUILD)/mkworld fixtures/worlds/x86-filters.world -o $@ --format $*
$(BUILD)/worlds/fuzz.%: $(BUILD)/mkworld $(wildcard fixtures/worlds/*.world)
	@mkdir -p $(@D)
	@$(BUILD)/mkworld fixtures/worlds/seed004.world -o $@ --format $* --guest-header

# Offsets out of compiled code; by hand on any driver file.
$(BUILD)/san/recover_file: $(BUILD)/san/tests/tools/recover_file.o $(BUILD)/san/libfltscope-test.a
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)
-include $(BUILD)/san/tests/tools/recover_file.d

# The unwinder on code that is really run, and what it reads of an image's tables.
UNWIND_TOOLS := unwind_run unwind_dump unwind_trace
$(foreach t,$(UNWIND_TOOLS),$(BUILD)/san/$(t)): $(BUILD)/san/%: $(BUILD)/san/tests/tools/%.o $(BUILD)/san/tests/tools/unwind_image.o $(BUILD)/san/libfltscope-test.a
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB) $(LIBS_CLI)
-include $(foreach t,$(UNWIND_TOOLS) unwind_image,$(BUILD)/san/tests/tools/$(t).d)

SWEEP = $(BUILD)/san/sweep
TEST_DEPS := $(UNIT_BIN) $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/san/check-layouts $(BUILD)/san/sweep $(BUILD)/rel/sweep \
	$(BUILD)/san/fuzz_container $(BUILD)/san/recover_file $(foreach t,$(UNWIND_TOOLS),$(BUILD)/san/$(t)) $(BUILD)/rel/pdbprobe $(BUILD)/san/pdbprobe $(BUILD)/san/symsrv_driver \
	$(BUILD)/fltscope $(BUILD)/libfltscope.a
check-run: $(TEST_DEPS) $(FUZZED)
	@mkdir -p $(BUILD)/worlds
	@$(BUILD)/mkworld fixtures/worlds/seed004.world -o $(BUILD)/worlds/sweep.dmp --format bitmap
	@# the long ones first, so that no processor is idle while the last one runs; looking for
	@# leaks is half the time of a short process, and the goldens look for them in the same code
	@sh tests/run.sh $(BUILD)/logs \
		"python3 tests/tools/bad_input.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/bad" \
		"$(GOLDEN)" \
		"ASAN_OPTIONS=detect_leaks=0 python3 tests/tools/check_waits.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/waits" \
		"$(SWEEP) bytes $(BUILD)/worlds/sweep.dmp $(BUILD)/worlds/sweep-bytes.bin 3" \
		"python3 tests/tools/check_qemu.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/qemu" \
		"ASAN_OPTIONS=detect_leaks=0 python3 tests/tools/check_causes.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/causes" \
		"python3 tests/tools/check_waits.py --tool $(BUILD)/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/waits-sweep --sweep $(BUILD)/rel/sweep" \
		$(foreach t,$(UNIT_BIN),"$(t)") \
		"sh tests/lint/lint.sh $(BUILD)/rel && echo ok - lint" \
		"$(BUILD)/san/check-layouts" \
		"python3 tests/tools/check-worlds.py $(BUILD)/mkworld $(BUILD)/worlds" \
		"python3 tests/tools/check_readme.py $(BUILD)" \
		"python3 tests/tools/same_world.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/worlds" \
		"python3 tests/tools/check_symbols.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/symbols" \
		"python3 tests/tools/check_mutations.py $(BUILD)/fltscope $(BUILD)/mkworld $(BUILD)/mutations --every 9" \
		"python3 tests/tools/check_unknown.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/unknown" \
		"python3 tests/tools/check_ci.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/ci" \
		"python3 tests/tools/check_packed.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/packed" \
		"python3 tests/tools/check_missing.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/missing" \
		"python3 tests/tools/check_code.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/code" \
		"python3 tests/tools/check_from_code.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/fromcode" \
		"python3 tests/tools/check_debug.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/debug" \
		"python3 tests/tools/check_kernel.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/kernel" \
		"python3 tests/tools/check_containers.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/containers" \
		"ASAN_OPTIONS=detect_leaks=0 python3 tests/tools/check_kernel32.py --tool $(BUILD)/san/fltscope --fast $(BUILD)/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/kernel32" \
		"$(SWEEP) pages $(BUILD)/worlds/sweep.dmp $(BUILD)/worlds/sweep-pages.bin" \
		"$(SWEEP) noise $(BUILD)/worlds/sweep.dmp $(BUILD)/worlds/sweep-noise.bin 300" \
		$(foreach f,$(FUZZED),"$(BUILD)/san/fuzz_container $f 1000") \
		"python3 tests/tools/check_pdb.py $(BUILD)" \
		"python3 tests/tools/check_symsrv.py --driver $(BUILD)/san/symsrv_driver" \
		"python3 tests/tools/check_recover.py $(BUILD)/san/recover_file $(BUILD)/recover" \
		"python3 tests/tools/check_unwind.py $(BUILD)/san $(BUILD)/unwind" \
		"ASAN_OPTIONS=detect_leaks=0 python3 tests/tools/check_inside.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/inside" \
		"python3 tests/tools/check_hang.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/hang" \
		"python3 tests/tools/check_emulated.py $(BUILD)/san/fltscope $(REAL_DUMPS)/emulated" \
		"python3 tests/tools/check_real.py $(BUILD)/san/fltscope $(REAL_DUMPS)"

check-real: $(BUILD)/fltscope
	@python3 tests/tools/check_emulated.py $(BUILD)/fltscope $(REAL_DUMPS)/emulated
	@python3 tests/tools/check_real.py $(BUILD)/fltscope $(REAL_DUMPS)

# Long runs: every byte, and a great deal of noise.
FUZZ_ROUNDS ?= 25000
FUZZ_SEED ?= 1
.PHONY: fuzz bench
fuzz: $(BUILD)/san/sweep $(BUILD)/san/fuzz_container $(BUILD)/mkworld $(FUZZED)
	@mkdir -p $(BUILD)/worlds
	@for w in seed004 zombie crosslink stage; do \
		$(BUILD)/mkworld fixtures/worlds/$$w.world -o $(BUILD)/worlds/fuzz-$$w.dmp --format bitmap || exit 1; \
		$(SWEEP) bytes $(BUILD)/worlds/fuzz-$$w.dmp $(BUILD)/worlds/fuzz.bin 1 || exit 1; \
		$(SWEEP) noise $(BUILD)/worlds/fuzz-$$w.dmp $(BUILD)/worlds/fuzz.bin 20000 || exit 1; \
	done
	@for f in $(FUZZED); do $(BUILD)/san/fuzz_container $$f $(FUZZ_ROUNDS) $(FUZZ_SEED) || exit 1; done

$(BUILD)/bench: $(BUILD)/rel/tests/bench/bench.o $(BUILD)/libfltscope.a
	$(Q)$(CC) $(OPT) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_LIB)
-include $(BUILD)/rel/tests/bench/bench.d
# Containers to measure: what mkworld calls them. Raw memory has no header: its page tables are named.
# VMware's has a hole below 4 GiB, so that 4 GiB end at 5. Then those where nothing says where the
# kernel is, not even registers: it is searched for, with page tables at the bottom of RAM and at its top.
BENCH := bitmap full rdmp rdmp-complete elf kdump kdump-flat raw vmem
BENCH_SEARCH := elf raw kdump
BENCH_RAM := 256M 4G 64G
bench: $(BUILD)/bench $(BUILD)/mkworld
	@mkdir -p $(BUILD)/worlds
	@for f in $(BENCH); do for ram in $(BENCH_RAM); do \
		d=$(BUILD)/worlds/bench-$$f-$$ram.dmp; how=; more=; \
		case $$f.$$ram in elf.* | kdump*) more=--guest-header ;; \
			vmem.4G) more="--ram 5G --high" ;; vmem.64G) more=--high ;; esac; \
		[ $$f != vmem ] || d=$${d%.dmp}.vmem; \
		$(BUILD)/mkworld fixtures/worlds/seed004.world -o $$d --format $$f --ram $$ram $$more || exit 1; \
		if [ $$f = raw ]; then \
			$(BUILD)/mkworld fixtures/worlds/seed004.world -o $$d.full --format full --ram $$ram || exit 1; \
			how="--raw --dtb $$(od -A n -t x8 -j 16 -N 8 $$d.full)"; rm -f $$d.full; fi; \
		$(BUILD)/bench $$how "$$f $$ram" $$d || exit 1; done; done
	@for f in $(BENCH_SEARCH); do for ram in $(BENCH_RAM); do for at in low high; do \
		d=$(BUILD)/worlds/bench-search.dmp; how=; more=; \
		[ $$f != raw ] || how=--raw; [ $$at = low ] || more=--high; \
		$(BUILD)/mkworld fixtures/worlds/seed004-machine.world -o $$d --format $$f --ram $$ram --no-notes $$more && \
		$(BUILD)/bench $$how "search $$f $$ram $$at" $$d || exit 1; done; done; done
	@for ram in 256M 4G; do d=$(BUILD)/worlds/bench-search.dmp; \
		$(BUILD)/mkworld fixtures/worlds/x86-machine.world -o $$d --format raw --ram $$ram --high && \
		$(BUILD)/bench --raw "search raw x86 $$ram" $$d || exit 1; done; rm -f $(BUILD)/worlds/bench-search.dmp

# Stacks of code that really runs.
.PHONY: check-unwind
check-unwind: $(foreach t,$(UNWIND_TOOLS),$(BUILD)/san/$(t))
	$(Q)python3 tests/tools/check_unwind.py $(BUILD)/san $(BUILD)/unwind

# Needs clang, lld-link and llvm-pdbutil: the PDBs are made on the spot.
.PHONY: check-pdb
$(BUILD)/rel/pdbprobe $(BUILD)/san/pdbprobe: $(BUILD)/%/pdbprobe: $(BUILD)/%/tests/tools/pdbprobe.o $(BUILD)/%/libpdb.a
	$(Q)$(CC) $(if $(findstring /san/,$@),$(SAN),$(OPT)) $(CFLAGS) $(LDFLAGS) -o $@ $^
$(BUILD)/rel/libpdb.a $(BUILD)/san/libpdb.a: $(BUILD)/%/libpdb.a: $(foreach s,$(filter src/base/% src/pdb/%,$(LIB_SRC)),$(BUILD)/%/$(s:.c=.o))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
check-pdb: $(BUILD)/rel/pdbprobe $(BUILD)/san/pdbprobe
	$(Q)python3 tests/tools/check_pdb.py $(BUILD)
.PHONY: check-debug
check-debug: $(BUILD)/san/fltscope $(BUILD)/mkworld
	$(Q)python3 tests/tools/check_debug.py $(BUILD)/san/fltscope $(BUILD)/mkworld $(BUILD)/debug
# A symbol server on loopback that behaves badly in every way we could think of.
SYMSRV_OBJ := $(BUILD)/san/tests/tools/symsrv_driver.o
.PHONY: check-symsrv
$(BUILD)/san/symsrv_driver: $(SYMSRV_OBJ) $(foreach d,base pdb,$(foreach o,$(call LIB_OBJ,san),$(if $(findstring /$(d)/,$(o)),$(o))))
	$(Q)$(CC) $(SAN) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ldl
check-symsrv: $(BUILD)/san/symsrv_driver
	$(Q)python3 tests/tools/check_symsrv.py --driver $<
-include $(SYMSRV_OBJ:.o=.d)

# Worlds read with PDBs and images that clang and lld make.
# Dumps that QEMU writes of a guest of our own (tests/guest); part of make check, too.
.PHONY: check-qemu
check-qemu: $(BUILD)/san/fltscope $(BUILD)/mkworld
	$(Q)python3 tests/tools/check_qemu.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/qemu

.PHONY: check-symbols
check-symbols: $(BUILD)/san/fltscope $(BUILD)/mkworld
	$(Q)python3 tests/tools/check_symbols.py --tool $(BUILD)/san/fltscope --mkworld $(BUILD)/mkworld --work $(BUILD)/symbols

clean:
	rm -rf $(BUILD)
