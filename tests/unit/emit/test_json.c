/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/test.h"

#include <errno.h>
#include <jansson.h>

#include "emit/emit.h"
#include "support/capture.h"

static struct capture cap;

static struct emit *begin(void)
{
	capture_begin(&cap);
	return emit_json_create(cap.f);
}

/* The document, read back strictly. */
static json_t *end(struct emit *e)
{
	json_error_t err;
	json_t *doc;

	assert_true(capture_end(&cap, e));
	doc = json_loads(cap.text, JSON_REJECT_DUPLICATES, &err);
	if (!doc)
		(void)fprintf(stderr, "%s\n%s\n", err.text, cap.text);
	assert_non_null(doc);
	return doc;
}

static void layout_of_the_document(void **state)
{
	struct emit *e = begin();

	(void)state;
	assert_false(emit_is_text(e));
	emit_object_begin(e, NULL);
	emit_string(e, "z", "first");
	emit_address(e, "a", UINT64_C(0xfffffa8006dcc960));
	emit_array_begin(e, "list");
	emit_uint(e, NULL, 7);
	emit_object_begin(e, NULL);
	emit_bool(e, "yes", true);
	emit_null(e, "nothing");
	emit_string(e, "none", NULL);
	emit_object_end(e);
	emit_array_end(e);
	emit_array_begin(e, "empty");
	emit_array_end(e);
	emit_object_begin(e, "hollow");
	emit_object_end(e);
	emit_line(e, "not %s", "here");
	emit_row(e, "nor", "here");
	emit_styled(e, EMIT_BAD, "nor here");
	emit_paragraph(e, "nor here");
	emit_blank(e);
	emit_indent(e, 3);
	emit_object_end(e);
	json_decref(end(e));
	assert_string_equal(cap.text, "{\n"
				      "  \"z\": \"first\",\n"
				      "  \"a\": \"0xfffffa8006dcc960\",\n"
				      "  \"list\": [\n"
				      "    7,\n"
				      "    {\n"
				      "      \"yes\": true,\n"
				      "      \"nothing\": null,\n"
				      "      \"none\": null\n"
				      "    }\n"
				      "  ],\n"
				      "  \"empty\": [],\n"
				      "  \"hollow\": {}\n"
				      "}\n");
	capture_free(&cap);
}

/* RFC 8259, section 6: integers are interoperable up to 2^53 - 1. */
static void no_number_loses_bits(void **state)
{
	struct emit *e = begin();
	json_t *doc, *v;

	(void)state;
	emit_array_begin(e, NULL);
	emit_uint(e, NULL, 0);
	emit_uint(e, NULL, UINT64_C(9007199254740991));
	emit_uint(e, NULL, UINT64_C(9007199254740992));
	emit_uint(e, NULL, UINT64_C(0x8000000000000000));
	emit_uint(e, NULL, UINT64_MAX);
	emit_array_end(e);
	doc = end(e);
	assert_int_equal(json_integer_value(json_array_get(doc, 0)), 0);
	v = json_array_get(doc, 1);
	assert_true(json_is_integer(v) && json_integer_value(v) == 9007199254740991);
	assert_string_equal(json_string_value(json_array_get(doc, 2)), "0x20000000000000");
	assert_string_equal(json_string_value(json_array_get(doc, 3)), "0x8000000000000000");
	assert_string_equal(json_string_value(json_array_get(doc, 4)), "0xffffffffffffffff");
	json_decref(doc);
	capture_free(&cap);
}

static void any_bytes_make_a_string(void **state)
{
	struct emit *e = begin();
	json_t *doc;

	(void)state;
	emit_object_begin(e, NULL);
	emit_string(e, "quotes", "a\"b\\c\n\x1b");
	emit_string(e, "delete",
		    "\x7f"
		    "D\x7f\x7f");
	emit_string(e, "invalid", "x\xff\xc0\x80y");
	emit_string(e, "surrogate", "\xed\xa0\x80");
	emit_string(e, "bidi", "\xe2\x80\xae");
	emit_string(e, "key\"\xff", "k");
	emit_object_end(e);
	doc = end(e);
	assert_string_equal(json_string_value(json_object_get(doc, "quotes")), "a\"b\\c\n\x1b");
	assert_string_equal(json_string_value(json_object_get(doc, "invalid")),
			    "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy");
	assert_non_null(json_string_value(json_object_get(doc, "surrogate")));
	/* machines get the character itself */
	assert_string_equal(json_string_value(json_object_get(doc, "bidi")), "\xe2\x80\xae");
	assert_non_null(json_object_get(doc, "key\"\xef\xbf\xbd"));
	/* no control character stands raw in the document */
	assert_null(strchr(cap.text, 0x1b));
	assert_null(strchr(cap.text, 0x7f));
	assert_string_equal(json_string_value(json_object_get(doc, "delete")), "\x7f"
									       "D\x7f\x7f");
	json_decref(doc);
	capture_free(&cap);
}

static void refused(struct emit *e)
{
	errno = 0;
	assert_false(capture_end(&cap, e));
	assert_int_not_equal(errno, 0);
	capture_free(&cap);
}

/* A view with a defect gives no document instead of a wrong one. */
static void misuse_is_refused(void **state)
{
	struct emit *e = begin();
	int i;

	(void)state;
	emit_object_begin(e, NULL);
	emit_uint(e, NULL, 1); /* no key in an object */
	emit_object_end(e);
	refused(e);

	e = begin();
	emit_array_begin(e, NULL);
	emit_uint(e, "key", 1); /* a key in an array */
	emit_array_end(e);
	refused(e);

	e = begin();
	emit_object_begin(e, NULL);
	emit_array_end(e); /* the wrong end */
	refused(e);

	e = begin();
	emit_object_begin(e, NULL); /* never closed */
	refused(e);

	e = begin();
	emit_object_begin(e, NULL);
	emit_object_end(e);
	emit_object_begin(e, NULL); /* a second root */
	emit_object_end(e);
	refused(e);

	e = begin();
	for (i = 0; i < 1000; i++)
		emit_array_begin(e, NULL);
	refused(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_of_the_document),
		cmocka_unit_test(no_number_loses_bits),
		cmocka_unit_test(any_bytes_make_a_string),
		cmocka_unit_test(misuse_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
