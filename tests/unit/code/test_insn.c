/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/test.h"

#include "code/insn.h"
#include "support/article_code.h"

static struct insn_decoder *decoder(enum insn_machine m)
{
	struct insn_decoder *d = NULL;
	struct fs_error err = {0};

	if (insn_decoder_create(m, &d, &err) != FS_OK)
		fail_msg("%s", err.text);
	return d;
}

static size_t from_hex(const char *s, uint8_t *dst)
{
	size_t n = 0;
	unsigned v;

	for (; s[0] && s[1]; s += 2) {
		assert_int_equal(sscanf(s, "%2x", &v), 1);
		dst[n++] = (uint8_t)v;
	}
	return n;
}

/* "mnemonic operands" with the name that the article's text has before "(address)". */
static void line_of(const struct insn *in, const char *wanted, char *dst, size_t size)
{
	const char *end = strstr(wanted, " ("), *start = end;
	char name[128] = "", operands[200];

	while (start && start > wanted && start[-1] != ' ' && start[-1] != '[' && start[-1] != ',')
		start--;
	if (start)
		snprintf(name, sizeof(name), "%.*s", (int)(end - start), start);
	insn_operand_text(in, start ? name : NULL, operands, sizeof(operands));
	snprintf(dst, size, "%s%s%s", in->mnemonic, *operands ? " " : "", operands);
}

static void expect_line(struct insn_decoder *d, uint64_t va, const char *hex, const char *wanted)
{
	uint8_t bytes[32];
	char text[256], back[64];
	struct insn in;
	size_t n = from_hex(hex, bytes);

	/* what follows must not matter */
	bytes[n] = 0x90;
	assert_true(insn_decode(d, bytes, n + 1, va, &in));
	line_of(&in, wanted, text, sizeof(text));
	assert_string_equal(text, wanted);
	assert_int_equal(in.size, n);
	assert_int_equal(insn_bytes_text(&in, back, sizeof(back)), 2 * n);
	assert_string_equal(back, hex);
}

static void article_lines(void **state)
{
	struct insn_decoder *d = decoder(INSN_X64);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(article_unload) / sizeof(article_unload[0]); i++)
		expect_line(d, article_unload[i].va, article_unload[i].bytes,
			    article_unload[i].text);
	for (i = 0; i < sizeof(article_others) / sizeof(article_others[0]); i++)
		expect_line(d, article_others[i].va, article_others[i].bytes,
			    article_others[i].text);
	insn_decoder_destroy(d);
}

/* Encodings from the Intel SDM; spelling as WinDbg's in public listings of nt. */
static void x64_spelling(void **state)
{
	static const struct {
		const char *bytes, *text;
	} lines[] = {
		{"65488b042588010000", "mov rax,qword ptr gs:[188h]"},
		{"cc", "int 3"},
		{"cd29", "int 29h"},
		{"0f1f440000", "nop dword ptr [rax+rax]"},
		{"0f0d4908", "prefetchw [rcx+8]"},
		{"f0480fb1514c", "lock cmpxchg qword ptr [rcx+4Ch],rdx"},
		{"f00fc14138", "lock xadd dword ptr [rcx+38h],eax"},
		{"f348ab", "rep stos qword ptr [rdi],rax"},
		{"a4", "movs byte ptr [rdi],byte ptr [rsi]"},
		{"4883e4f0", "and rsp,0FFFFFFFFFFFFFFF0h"},
		{"83c8ff", "or eax,0FFFFFFFFh"},
		{"3c80", "cmp al,80h"},
		{"b80d0000c0", "mov eax,0C000000Dh"},
		{"48b80102030405060708", "mov rax,807060504030201h"},
		{"4c892cc6", "mov qword ptr [rsi+rax*8],r13"},
		{"48634c2420", "movsxd rcx,dword ptr [rsp+20h]"},
		{"0f114520", "movups xmmword ptr [rbp+20h],xmm0"},
		{"f20f104930", "movsd xmm1,mmword ptr [rcx+30h]"},
		{"d1e8", "shr eax,1"},
		{"41ffe3", "jmp r11"},
		{"c3", "ret"},
		{"420fb60402", "movzx eax,byte ptr [rdx+r8]"},
	};
	struct insn_decoder *d = decoder(INSN_X64);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(d, 0x1000, lines[i].bytes, lines[i].text);
	insn_decoder_destroy(d);
}

/* Without a name the address stands alone, as WinDbg prints it without symbols. */
static void address_without_name(void **state)
{
	static const uint8_t je[] = {0x74, 0x4e},
			     lea[] = {0x48, 0x8d, 0x0d, 0x7f, 0xb2, 0xfe, 0xff};
	struct insn_decoder *d = decoder(INSN_X64);
	struct insn in;
	char text[64], small[8];
	uint64_t va;

	(void)state;
	assert_true(insn_decode(d, je, sizeof(je), 0xfffff88001345017, &in));
	assert_true(insn_names_address(&in, &va) && va == 0xfffff88001345067);
	insn_operand_text(&in, NULL, text, sizeof(text));
	assert_string_equal(text, "fffff880`01345067");
	assert_true(insn_decode(d, lea, sizeof(lea), 0xfffff88001344fd2, &in));
	assert_true(in.has_ref && in.ref == 0xfffff88001330258 && !in.has_target);
	assert_int_equal(insn_operand_text(&in, NULL, small, sizeof(small)),
			 strlen("rcx,[fffff880`01330258]"));
	assert_string_equal(small, "rcx,[ff");
	insn_decoder_destroy(d);
}

/* An address in the middle: what follows it comes after the name. */
static void operand_after_address(void **state)
{
	/* cmp qword ptr [rip+10h],0; mov dword ptr [rip-6],12345678h */
	static const uint8_t cmp[] = {0x48, 0x83, 0x3d, 0x10, 0, 0, 0, 0};
	static const uint8_t mov[] = {0xc7, 0x05, 0xfa, 0xff, 0xff, 0xff, 0x78, 0x56, 0x34, 0x12};
	struct insn_decoder *d = decoder(INSN_X64);
	struct insn in;
	char text[96];

	(void)state;
	assert_true(insn_decode(d, cmp, sizeof(cmp), 0x1000, &in));
	insn_operand_text(&in, "a!b", text, sizeof(text));
	assert_string_equal(text, "qword ptr [a!b (00000000`00001018)],0");
	assert_true(insn_decode(d, mov, sizeof(mov), 0x1000, &in));
	insn_operand_text(&in, "a!b", text, sizeof(text));
	assert_string_equal(text, "dword ptr [a!b (00000000`00001004)],12345678h");
	insn_decoder_destroy(d);
}

/* Every prefix of every instruction: itself, or one byte that is not an instruction. */
static void cut_short(void **state)
{
	struct insn_decoder *d = decoder(INSN_X64);
	uint8_t bytes[32], *exact;
	struct insn in;
	size_t i, n, k;

	(void)state;
	for (i = 0; i < sizeof(article_unload) / sizeof(article_unload[0]); i++) {
		n = from_hex(article_unload[i].bytes, bytes);
		assert_false(insn_decode(d, bytes, 0, 0x1000, &in));
		for (k = 1; k < n; k++) {
			exact = malloc(k); /* so that a read past the end is seen */
			assert_non_null(exact);
			memcpy(exact, bytes, k);
			assert_true(insn_decode(d, exact, k, 0x1000, &in));
			assert_true(in.size >= 1 && in.size <= k);
			free(exact);
		}
	}
	bytes[0] = 0x06; /* push es: no instruction in 64-bit mode */
	assert_true(insn_decode(d, bytes, 5, 0x1000, &in));
	assert_int_equal(in.op, INSN_DATA);
	assert_int_equal(in.size, 1);
	assert_string_equal(in.mnemonic, "???");
	insn_decoder_destroy(d);
}

/* Encodings: Arm ARM, assembled by llvm-mc; fp, lr and no blanks as WinDbg writes them. */
static void arm64_lines(void **state)
{
	static const struct {
		uint32_t word;
		const char *text;
	} lines[] = {
		{0xa9be7bfd, "stp fp,lr,[sp,#-0x20]!"},
		{0xa8c27bfd, "ldp fp,lr,[sp],#0x20"},
		{0xf9402820, "ldr x0,[x1,#0x50]"},
		{0x910003fd, "mov fp,sp"},
		{0xb40000a0, "cbz x0,a!b (fffff800`00001014)"},
		{0x94000004, "bl a!b (fffff800`00001010)"},
		{0x90000008, "adrp x8,a!b (fffff800`00001000)"},
		{0xd65f03c0, "ret"},
	};
	struct insn_decoder *d = decoder(INSN_ARM64);
	char text[128], hex[20], word[20];
	uint8_t b[4];
	struct insn in;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (k = 0; k < 4; k++)
			b[k] = (uint8_t)(lines[i].word >> 8 * k);
		assert_true(insn_decode(d, b, 4, 0xfffff80000001000, &in));
		line_of(&in, lines[i].text, text, sizeof(text));
		assert_string_equal(text, lines[i].text);
		insn_bytes_text(&in, hex, sizeof(hex));
		snprintf(word, sizeof(word), "%08x", lines[i].word);
		assert_string_equal(hex, word);
		assert_true(insn_decode(d, b, 3, 0xfffff80000001000, &in));
		assert_int_equal(in.op, INSN_DATA);
		assert_int_equal(in.size, 3);
	}
	/* ldadd w8,w9,[x0] (LSE): unknown to capstone 4.0.2, and one word long all the same */
	memcpy(b, "\x09\x00\x28\xb8", 4);
	assert_true(insn_decode(d, b, 4, 0x1000, &in));
	assert_int_equal(in.size, 4);
	insn_decoder_destroy(d);
}

static void operands_as_data(void **state)
{
	/* cmp qword ptr [rsi+50h],rbp; mov rax,qword ptr [r11]; sub rsp,20h; dec eax */
	static const uint8_t cmp[] = {0x48, 0x39, 0x6e, 0x50}, mov[] = {0x49, 0x8b, 0x03};
	static const uint8_t sub[] = {0x48, 0x83, 0xec, 0x20}, dec[] = {0xff, 0xc8};
	struct insn_decoder *d = decoder(INSN_X64);
	struct insn in;

	(void)state;
	assert_true(insn_decode(d, cmp, sizeof(cmp), 0, &in));
	assert_int_equal(in.op, INSN_COMPARE);
	assert_int_equal(in.operand[0].kind, INSN_O_MEM);
	assert_int_equal(in.operand[0].base, 6);
	assert_int_equal(in.operand[0].disp, 0x50);
	assert_int_equal(in.operand[0].size, 8);
	assert_int_equal(in.operand[1].reg, 5);
	assert_true(insn_decode(d, mov, sizeof(mov), 0, &in));
	assert_int_equal(in.op, INSN_MOVE);
	assert_int_equal(in.operand[1].base, 11);
	assert_int_equal(in.writes, 1);
	assert_true(insn_decode(d, sub, sizeof(sub), 0, &in));
	assert_int_equal(in.op, INSN_SUB);
	assert_int_equal(in.operand[0].reg, insn_stack_register(INSN_X64));
	assert_int_equal(in.operand[2].imm, 0x20);
	assert_true(insn_decode(d, dec, sizeof(dec), 0, &in));
	assert_int_equal(in.op, INSN_SUB);
	assert_int_equal(in.operand[2].imm, 1);
	insn_decoder_destroy(d);
}

/* What the follower of values relies on. */
static void meanings(void **state)
{
	static const struct {
		const char *bytes;
		enum insn_op op;
		enum insn_cond cond;
	} lines[] = {
		{"490f49f4", INSN_SELECT, INSN_NO_SIGN}, /* cmovns rsi,r12 */
		{"410f94c4", INSN_SET, INSN_EQ},	 /* sete r12b */
		{"78b4", INSN_JUMP_IF, INSN_SIGN},	 /* js */
		{"0f8e00000000", INSN_JUMP_IF, INSN_LE}, /* jle */
		{"e300", INSN_JUMP_IF, INSN_COND_OTHER}, /* jrcxz */
		{"c1e81e", INSN_SHIFT, 0},		 /* shr eax,1Eh */
		{"c1f81f", INSN_SHIFT, 0},		 /* sar eax,1Fh */
		{"c3", INSN_RETURN, 0},
		{"cc", INSN_TRAP, 0},
		{"cd29", INSN_TRAP, 0},
		{"0f0b", INSN_TRAP, 0},
		{"cd2e", INSN_OTHER, 0}, /* int 2Eh comes back */
		{"ffe0", INSN_JUMP, 0},
		{"ff25", INSN_DATA, 0},
	};
	struct insn_decoder *d = decoder(INSN_X64);
	uint8_t bytes[32];
	struct insn in;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		n = from_hex(lines[i].bytes, bytes);
		assert_true(insn_decode(d, bytes, n, 0x1000, &in));
		assert_int_equal(in.op, lines[i].op);
		if (in.op == INSN_SELECT || in.op == INSN_SET || in.op == INSN_JUMP_IF)
			assert_int_equal(in.cond, lines[i].cond);
		assert_int_equal(in.keeps_sign, i == 6);
	}
	insn_decoder_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(article_lines),
		cmocka_unit_test(x64_spelling),
		cmocka_unit_test(address_without_name),
		cmocka_unit_test(operand_after_address),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(arm64_lines),
		cmocka_unit_test(operands_as_data),
		cmocka_unit_test(meanings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
