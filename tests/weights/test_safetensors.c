/* The reader of safetensors files against every rule of the format and every wrong file that people have. */
#include "weights/support.h"

#include "weights/safetensors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Length, header text, then `data` zero bytes. The bytes are allocated exactly, so that a sanitizer sees
 * over-reads. */
static uint8_t *assemble(uint64_t length, const char *header, size_t header_bytes, size_t data, size_t *size)
{
    *size = 8 + header_bytes + data;
    uint8_t *bytes = calloc(1, *size);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + 8, header, header_bytes);
    return bytes;
}

static void expect(const uint8_t *bytes, size_t size, const char *id, const char *text)
{
    struct ps_safetensors *file = NULL;
    struct ps_error error = {0};
    const enum ps_status status = ps_safetensors_parse(&file, "model.safetensors", bytes, size, &error);
    if (!id) {
        if (status)
            fail_msg("%s: %s", error.id, error.message);
        ps_safetensors_close(&file);
        assert_null(file);
        return;
    }
    assert_int_equal(status, PS_ERR_CHECKPOINT);
    assert_null(file);
    assert_checkpoint_fault(&error, id, text);
    assert_non_null(strstr(error.message, "model.safetensors"));
}

static void expect_header(const char *header, size_t data, const char *id, const char *text)
{
    size_t size;
    uint8_t *bytes = assemble(strlen(header), header, strlen(header), data, &size);
    expect(bytes, size, id, text);
    free(bytes);
}

static void expect_bytes(const char *bytes, size_t size, const char *id, const char *text)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    expect(copy, size, id, text);
    free(copy);
}

#define F32(name, shape, begin, end)                                                                         \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void test_valid(void **state)
{
    (void)state;
    expect_header("{}", 0, NULL, NULL);
    expect_header("{\"__metadata__\":{}}      ", 0, NULL, NULL);
    expect_header("{" F32("a", "[2,3]", 0, 24) "," F32("b", "[]", 24, 28) "}", 28, NULL, NULL);
    /* Empty tensors take no room and may share a place. */
    expect_header("{" F32("a", "[2]", 0, 8) "," F32("b", "[0]", 8, 8) "," F32("c", "[0,5]", 8, 8) "}", 8,
                  NULL, NULL);
    expect_header("{" F32("a", "[0]", 0, 0) "," F32("b", "[2]", 0, 8) "}", 8, NULL, NULL);
    expect_header("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]},"
                  "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[3,11]},"
                  "\"c\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[11,13]}}",
                  13, NULL, NULL);
}

static void test_contents(void **state)
{
    (void)state;
    const char *header = "{" F32("b", "[1,2]", 0, 8) "," F32("a", "[]", 8, 12) "}";
    size_t size;
    uint8_t *bytes = assemble(strlen(header), header, strlen(header), 12, &size);
    const float values[3] = {1.5f, -2.0f, 7.0f};
    memcpy(bytes + size - 12, values, sizeof values);
    struct ps_safetensors *file;
    struct ps_error error = {0};
    assert_int_equal(ps_safetensors_parse(&file, "x", bytes, size, &error), PS_OK);
    assert_int_equal(file->count, 2);
    const struct ps_file_tensor *a = ps_safetensors_find(file, "a"), *b = ps_safetensors_find(file, "b");
    assert_non_null(a);
    assert_non_null(b);
    assert_null(ps_safetensors_find(file, "ab"));
    assert_int_equal(a->rank, 0);
    assert_int_equal(a->elements, 1);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->shape[1], 2);
    float got[2];
    assert_int_equal(ps_safetensors_read(file, b->offset, b->bytes, got, &error), PS_OK);
    assert_memory_equal(got, values, sizeof got);
    assert_int_equal(ps_safetensors_read(file, size - 3, 4, got, &error), PS_ERR_INTERNAL);
    ps_safetensors_close(&file);
    ps_safetensors_close(&file);
    free(bytes);
}

/* C1 */
static void test_header_length(void **state)
{
    (void)state;
    const uint64_t lengths[] = {
        0, 1, 3, 64, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX, UINT64_C(101) << 20};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t size;
        uint8_t *bytes = assemble(lengths[i], "{}", 2, 0, &size);
        expect(bytes, size, "checkpoint.header-length", "header length");
        free(bytes);
    }
    expect_bytes("\2\0\0\0\0\0\0", 7, "checkpoint.header-length", "header length");
    expect_bytes("", 0, "checkpoint.empty", "empty");
}

/* C2 */
static void test_not_json(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"a\":}",
        "{\"a\xff\":1}",
        "{\"a\xc0\xaf\":1}",
        "{\"a\\u0000b\":1}",
        "{} x",
        "{}{}",
        "{NaN:1}",
        "{\"a\":NaN}",
        "{\"a\":18446744073709551616}",
        "{ ",
        "{\"a\":1,}",
        "{'a':1}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        expect_header(headers[i], 0, "checkpoint.header-json", "at byte ");
    expect_header("[]", 0, "checkpoint.header-json", "at byte 8");
    expect_header("  {}", 0, "checkpoint.header-json", "at byte 8");
    expect_header("{\"a\":1}", 0, "checkpoint.header-json", "tensor a");
    expect_header("{\"__metadata__\":{\"a\":1}}", 0, "checkpoint.header-json", "__metadata__");
    expect_header("{\"__metadata__\":[]}", 0, "checkpoint.header-json", "__metadata__");
    char *deep = malloc(200007);
    assert_non_null(deep);
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', 200000);
    deep[200005] = '\0';
    expect_header(deep, 0, "checkpoint.header-json", "at byte ");
    free(deep);
}

/* C3 */
static void test_duplicate(void **state)
{
    (void)state;
    expect_header("{" F32("a", "[1]", 0, 4) "," F32("a", "[1]", 4, 8) "}", 8, "checkpoint.duplicate",
                  "\"a\"");
    expect_header("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                  "checkpoint.duplicate", "dtype");
}

/* C4 */
static void test_ranges(void **state)
{
    (void)state;
    expect_header("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 4, 12) "}", 12, "checkpoint.overlap",
                  "a and b");
    expect_header("{" F32("a", "[2]", 0, 8) "," F32("b", "[0]", 4, 4) "}", 8, "checkpoint.overlap",
                  "a and b");
    expect_header("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 12, 20) "}", 20, "checkpoint.hole",
                  "between a and tensor b");
    expect_header("{" F32("a", "[2]", 4, 12) "}", 12, "checkpoint.hole", "the header");
    expect_header("{" F32("a", "[2]", 0, 8) "}", 9, "checkpoint.tail", "1 bytes after");
    expect_header("{}", 1, "checkpoint.tail", NULL);
    expect_header("{" F32("a", "[2]", 8, 0) "}", 8, "checkpoint.offsets", "tensor a");
    expect_header("{" F32("a", "[2]", -8, 0) "}", 8, "checkpoint.offsets", "tensor a");
    expect_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "checkpoint.offsets",
                  "tensor a");
    expect_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0.0,8.0]}}", 8,
                  "checkpoint.offsets", NULL);
    expect_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":\"0,8\"}}", 8,
                  "checkpoint.offsets", NULL);
    expect_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "checkpoint.offsets", NULL);
    expect_header("{" F32("a", "[2305843009213693951]", 0, 9223372036854775804) "}", 8, "checkpoint.overflow",
                  NULL);
}

/* C5, C6 */
static void test_sizes(void **state)
{
    (void)state;
    /* 2^32 * 2^32 wraps to 0, (2^62 + 1) * 4 to 4. */
    expect_header("{" F32("a", "[4294967296,4294967296]", 0, 0) "}", 0, "checkpoint.overflow", "overflow");
    expect_header("{" F32("a", "[4611686018427387905]", 0, 4) "}", 4, "checkpoint.overflow", "overflow");
    expect_header("{" F32("a", "[4294967296,4294967296,0]", 0, 0) "}", 0, "checkpoint.overflow", "overflow");
    expect_header("{" F32("a", "[2,3]", 0, 20) "}", 20, "checkpoint.size",
                  "[2, 3] of F32 needs 24 bytes, data_offsets hold 20");
    expect_header("{" F32("a", "[]", 0, 0) "}", 0, "checkpoint.size", NULL);
    expect_header("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, "checkpoint.size",
                  NULL);
}

/* C7 */
static void test_shapes(void **state)
{
    (void)state;
    expect_header("{" F32("a", "[-1]", 0, 4) "}", 4, "checkpoint.shape", "dimension 0");
    expect_header("{" F32("a", "[1,1.0]", 0, 4) "}", 4, "checkpoint.shape", "dimension 1");
    expect_header("{" F32("a", "[9223372036854775808]", 0, 4) "}", 4, "checkpoint.header-json", "at byte");
    expect_header("{" F32("a", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, "checkpoint.shape", "at most 8");
    expect_header("{" F32("a", "4", 0, 4) "}", 4, "checkpoint.shape", NULL);
    expect_header("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "checkpoint.dtype",
                  "F31");
    expect_header("{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "checkpoint.dtype", NULL);
    expect_header("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "checkpoint.dtype", NULL);
}

/* C8 */
static void test_many(void **state)
{
    (void)state;
    const size_t each = 80, most = 65537;
    char *header = malloc(each * most + 64);
    assert_non_null(header);
    for (size_t count = most - 1; count <= most; count++) {
        size_t used = 1;
        header[0] = '{';
        for (size_t i = 0; i < count; i++)
            used += (size_t)sprintf(header + used,
                                    "%s\"t%zu\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                                    i ? "," : "", i);
        header[used++] = '}';
        size_t size;
        uint8_t *bytes = assemble(used, header, used, 0, &size);
        expect(bytes, size, count == most ? "checkpoint.too-many-tensors" : NULL, "65537");
        free(bytes);
    }
    free(header);
    /* A header of 17 MiB is refused by its length alone. */
    const size_t large = (size_t)17 << 20;
    uint8_t *bytes = calloc(1, large + 8);
    assert_non_null(bytes);
    bytes[2] = 0x10;
    bytes[3] = 0x01;
    expect(bytes, large + 8, "checkpoint.header-length", NULL);
    free(bytes);
}

/* C9 */
static void test_short(void **state)
{
    (void)state;
    expect_header("{" F32("a", "[2]", 0, 8) "," F32("b", "[2]", 8, 16) "}", 9, "checkpoint.truncated",
                  "7 bytes are missing");
    /* 9.56 GB that stopped at 3.1. */
    const char *header = "{" F32("a", "[2389819785]", 0, 9559279140) "}";
    size_t size;
    uint8_t *bytes = assemble(strlen(header), header, strlen(header), 0, &size);
    const char *path = in_folder("half.safetensors");
    write_file(path, bytes, size);
    free(bytes);
    assert_int_equal(truncate(path, 3100000000), 0);
    struct ps_safetensors *file;
    struct ps_error error = {0};
    assert_int_equal(ps_safetensors_open(&file, path, &error), PS_ERR_CHECKPOINT);
    assert_checkpoint_fault(&error, "checkpoint.truncated", "needs 9.56 GB, has 3.10 GB");
    assert_true(error.hint[0]);
}

/* C10 */
static void test_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *id, *text;
    } kinds[] = {
#define KIND(bytes, id, text) {bytes, sizeof bytes - 1, "checkpoint." id, text}
        KIND("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 9559625980\n",
             "lfs-pointer", "Git-LFS pointer"),
        KIND("<!DOCTYPE html>\n<html><head>", "html", "web page"),
        KIND("\n <HTML lang=en>", "html", "web page"),
        KIND("\xef\xbb\xbf<?xml version='1.0'?><Error>", "html", "web page"),
        KIND("GGUF\3\0\0\0\1\0\0\0\0\0\0\0", "gguf", "GGUF"),
        KIND("PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0", "pickle", "zip"),
        KIND("\x80\2\x8a\x0al\xfc\x9c"
             "F\xf9 j\xa8P\x19.",
             "pickle", "pickled"),
        KIND("\x80\4\x95\0\0\0\0\0\0\0\0}", "pickle", "pickled"),
        KIND("\x89HDF\r\n\x1a\n\0\0\0\0", "hdf5", "HDF5"),
        KIND("\x1f\x8b\10\0\0\0\0\0\0\3", "gzip", "gzip"),
        KIND("Invalid username or password.", "text", "Invalid username"),
        KIND("{\"_class_name\": \"UNet\"}", "text", "text file"),
#undef KIND
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        expect_bytes(kinds[i].bytes, kinds[i].size, kinds[i].id, kinds[i].text);
        struct ps_safetensors *file = NULL;
        struct ps_error error = {0};
        ps_safetensors_parse(&file, "x", kinds[i].bytes, kinds[i].size, &error);
        assert_true(error.hint[0]);
    }
    /* A header of 640 bytes begins with the bytes of a pickle, and is none. */
    char header[641];
    memset(header, ' ', 640);
    memcpy(header, "{}", 2);
    header[640] = '\0';
    expect_header(header, 0, NULL, NULL);
}

/* C16 */
static void test_names(void **state)
{
    (void)state;
    expect_header("{" F32("../../x", "[1]", 0, 4) "}", 4, NULL, NULL);
    struct ps_safetensors *file = NULL;
    struct ps_error error = {0};
    const char *header = "{" F32("\\u001b[31mred\\u0007", "[1]", 0, 8) "}";
    size_t size;
    uint8_t *bytes = assemble(strlen(header), header, strlen(header), 8, &size);
    assert_int_equal(ps_safetensors_parse(&file, "x", bytes, size, &error), PS_ERR_CHECKPOINT);
    free(bytes);
    assert_checkpoint_fault(&error, "checkpoint.size", "\\x1b[31mred\\x07");
    for (const char *c = error.message; *c; c++)
        assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
    /* A name of 4000 bytes leaves room for what is wrong with it. */
    char *name = malloc(4100);
    assert_non_null(name);
    strcpy(name, "{\"");
    memset(name + 2, 'n', 4000);
    strcpy(name + 4002, "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}");
    expect_header(name, 4, "checkpoint.size", "data_offsets hold 4");
    free(name);
}

static void expect_path(const char *path, const char *id, const char *text)
{
    struct ps_safetensors *file = NULL;
    struct ps_error error = {0};
    assert_int_equal(ps_safetensors_open(&file, path, &error), id ? PS_ERR_CHECKPOINT : PS_OK);
    if (id)
        assert_checkpoint_fault(&error, id, text);
    ps_safetensors_close(&file);
}

static void test_paths(void **state)
{
    (void)state;
    const char *real = in_folder("real.safetensors"), *link_path = in_folder("link.safetensors");
    const char *fifo = in_folder("fifo.safetensors"), *loop = in_folder("loop.safetensors");
    write_file(real, "\2\0\0\0\0\0\0\0{}", 10);
    assert_int_equal(symlink(real, link_path), 0);
    assert_int_equal(symlink(loop, loop), 0);
    assert_int_equal(mkfifo(fifo, 0666), 0);
    expect_path(real, NULL, NULL);
    expect_path(link_path, NULL, NULL);
    expect_path(in_folder("none.safetensors"), "checkpoint.not-found", "No such file");
    expect_path(loop, "checkpoint.open", NULL);
    expect_path(fifo, "checkpoint.not-a-file", NULL);
    expect_path(folder, "checkpoint.not-a-file", NULL);
    expect_path("/dev/null", "checkpoint.not-a-file", NULL);
    /* The end of a long path is what tells files apart. */
    char path[1200];
    memset(path, 'd', 1000);
    strcpy(path + 1000, "/end.safetensors");
    expect_path(path, "checkpoint.open", "/end.safetensors: File name too long");
}

/* C14: the file is cut while it is open. */
static void test_cut_in_use(void **state)
{
    (void)state;
    const char *path = in_folder("cut.safetensors");
    const char *header = "{" F32("a", "[1000]", 0, 4000) "}";
    size_t size;
    uint8_t *bytes = assemble(strlen(header), header, strlen(header), 4000, &size);
    write_file(path, bytes, size);
    free(bytes);
    struct ps_safetensors *file;
    struct ps_error error = {0};
    assert_int_equal(ps_safetensors_open(&file, path, &error), PS_OK);
    assert_int_equal(truncate(path, 1000), 0);
    float values[1000];
    assert_int_equal(ps_safetensors_read(file, file->tensors[0].offset, 4000, values, &error),
                     PS_ERR_CHECKPOINT);
    assert_checkpoint_fault(&error, "checkpoint.changed", "shorter");
    ps_safetensors_close(&file);
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = malloc(1 << 16);
    assert_non_null(bytes);
    const size_t size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    /* Every prefix too: the end of a shorter allocation is where an over-read shows. */
    for (size_t cut = 0; cut <= size; cut += 1 + cut / 16) {
        uint8_t *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        LLVMFuzzerTestOneInput(copy, cut);
        free(copy);
    }
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

static void test_corpus(void **state)
{
    (void)state;
    const char *corpus = PACKSHOT_SOURCE_DIR "/tests/fuzz/corpus/safetensors";
    DIR *entries = opendir(corpus);
    assert_non_null(entries);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", corpus, entry->d_name);
        replay(path);
        count++;
    }
    closedir(entries);
    assert_true(count >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),         cmocka_unit_test(test_contents),
        cmocka_unit_test(test_header_length), cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_duplicate),     cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_many),          cmocka_unit_test(test_short),
        cmocka_unit_test(test_foreign),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_cut_in_use),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
