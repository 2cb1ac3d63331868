/* Named tensors written to a file and read back. */
#include "weights/support.h"

#include "weights/tensor_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_round_trip(void **state)
{
    (void)state;
    const char *path = in_folder("taps.safetensors");
    struct ps_tensor_writer *writer;
    struct ps_error error = {0};
    float scalar = -0.0f, *large = malloc(200000 * sizeof *large);
    assert_non_null(large);
    for (size_t i = 0; i < 200000; i++)
        large[i] = ldexpf((float)i - 1e5f, (int)(i % 60) - 40);
    assert_int_equal(ps_tensor_writer_open(&writer, path, false, 4, &error), PS_OK);
    assert_int_equal(
        ps_tensor_writer_add(writer, "unet.v.0", 5, (const uint64_t[]){1, 5, 4, 100, 100}, large, &error),
        PS_OK);
    assert_int_equal(ps_tensor_writer_add(writer, "s", 0, NULL, &scalar, &error), PS_OK);
    assert_int_equal(
        ps_tensor_writer_add(writer, "odd \"name\"\n", 2, (const uint64_t[]){1, 3}, large + 7, &error),
        PS_OK);
    /* The file has no name before it is finished. */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(ps_tensor_writer_finish(writer, &error), PS_OK);
    ps_tensor_writer_close(&writer);
    ps_tensor_writer_close(&writer);

    struct ps_safetensors *file;
    float *values = malloc(200000 * sizeof *values);
    assert_non_null(values);
    assert_int_equal(ps_tensor_file_open(&file, path, &error), PS_OK);
    assert_int_equal(file->count, 3);
    const struct ps_file_tensor *tensor = ps_safetensors_find(file, "unet.v.0");
    assert_non_null(tensor);
    assert_int_equal(tensor->rank, 5);
    assert_int_equal(tensor->shape[1], 5);
    assert_int_equal(tensor->elements, 200000);
    assert_int_equal(ps_tensor_file_read(file, tensor, values, &error), PS_OK);
    assert_memory_equal(values, large, 200000 * sizeof *values);
    tensor = ps_safetensors_find(file, "s");
    assert_int_equal(ps_tensor_file_read(file, tensor, values, &error), PS_OK);
    assert_true(signbit(values[0]) && values[0] == 0.0f);
    tensor = ps_safetensors_find(file, "odd \"name\"\n");
    assert_non_null(tensor);
    ps_safetensors_close(&file);
    free(values);
    free(large);
}

static void test_most_tensors(void **state)
{
    (void)state;
    struct ps_tensor_writer *writer;
    struct ps_error error = {0};
    const float value = 1.0f;
    const uint64_t shape[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    char name[64];
    const char *path = in_folder("most.safetensors");
    assert_int_equal(ps_tensor_writer_open(&writer, path, false, 2005, &error), PS_OK);
    for (int i = 0; i < 2005; i++) {
        snprintf(name, sizeof name, "a.name.of.sixty.three.bytes.that.is.as.long.as.can.be.....%05d", i);
        assert_int_equal(ps_tensor_writer_add(writer, name, 8, shape, &value, &error), PS_OK);
    }
    assert_int_equal(ps_tensor_writer_add(writer, "more", 1, shape, &value, &error), PS_ERR_INTERNAL);
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_writer_finish(writer, &error), PS_OK);
    ps_tensor_writer_close(&writer);
    struct ps_safetensors *file;
    assert_int_equal(ps_tensor_file_open(&file, path, &error), PS_OK);
    assert_int_equal(file->count, 2005);
    ps_safetensors_close(&file);
}

static void test_overwrite(void **state)
{
    (void)state;
    const char *path = in_folder("there.safetensors");
    struct ps_tensor_writer *writer;
    struct ps_error error = {0};
    write_text(path, "mine");
    assert_int_equal(ps_tensor_writer_open(&writer, path, false, 1, &error), PS_ERR_OUTPUT);
    assert_null(writer);
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_writer_open(&writer, path, true, 1, &error), PS_OK);
    ps_tensor_writer_close(&writer);
    char text[8] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "mine");
    assert_int_equal(ps_tensor_writer_open(&writer, path, true, 1, &error), PS_OK);
    assert_int_equal(ps_tensor_writer_finish(writer, &error), PS_OK);
    ps_tensor_writer_close(&writer);
    struct ps_safetensors *tensors;
    assert_int_equal(ps_tensor_file_open(&tensors, path, &error), PS_OK);
    assert_int_equal(tensors->count, 0);
    ps_safetensors_close(&tensors);
}

static void test_misuse(void **state)
{
    (void)state;
    struct ps_tensor_writer *writer;
    struct ps_error error = {0};
    const float value = 1.0f;
    assert_int_equal(ps_tensor_writer_open(&writer, in_folder("x"), false, 0, &error), PS_ERR_INTERNAL);
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_writer_open(&writer, in_folder("x"), false, 9, &error), PS_OK);
    const uint64_t one = 1, none = 0;
    const uint64_t huge[2] = {UINT64_C(1) << 40, UINT64_C(1) << 40};
    assert_int_equal(ps_tensor_writer_add(writer, "a", 1, &one, &value, &error), PS_OK);
    assert_int_equal(ps_tensor_writer_add(writer, "a", 1, &one, &value, &error), PS_ERR_INTERNAL);
    assert_int_equal(ps_tensor_writer_add(writer, "b", 1, &none, &value, &error), PS_ERR_INTERNAL);
    assert_int_equal(ps_tensor_writer_add(writer, "c", 2, huge, &value, &error), PS_ERR_INTERNAL);
    ps_tensor_writer_close(&writer);
    assert_int_equal(access(in_folder("x"), F_OK), -1);
}

static void test_reading(void **state)
{
    (void)state;
    struct ps_safetensors *file;
    struct ps_error error = {0};
    float values[4];
    assert_int_equal(ps_tensor_file_open(&file, in_folder("none"), &error), PS_ERR_INPUT);
    assert_fault(&error, PS_ERR_INPUT, "tensors.not-found", "none");
    error = (struct ps_error){0};
    write_text(in_folder("html"), "<!DOCTYPE html><html>");
    assert_int_equal(ps_tensor_file_open(&file, in_folder("html"), &error), PS_ERR_INPUT);
    assert_fault(&error, PS_ERR_INPUT, "tensors.html", "web page");
    assert_true(error.hint[0]);

    const uint16_t half[2] = {0x3c00, 0xc000}, bfloat[2] = {0x3f80, 0xc000};
    const float bad[2] = {1.0f, NAN};
    const uint64_t two = 2;
    struct maker maker;
    maker_begin(&maker);
    maker_add(&maker, "half", "F16", 1, &two, half);
    maker_add(&maker, "bfloat", "BF16", 1, &two, bfloat);
    maker_add(&maker, "bad", "F32", 1, &two, bad);
    maker_add(&maker, "wide", "F64", 1, (const uint64_t[]){1}, bad);
    maker_write(&maker, in_folder("mixed"));
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_file_open(&file, in_folder("mixed"), &error), PS_OK);
    assert_int_equal(ps_tensor_file_read(file, ps_safetensors_find(file, "half"), values, &error), PS_OK);
    assert_true(values[0] == 1.0f && values[1] == -2.0f);
    assert_int_equal(ps_tensor_file_read(file, ps_safetensors_find(file, "bfloat"), values, &error), PS_OK);
    assert_true(values[0] == 1.0f && values[1] == -2.0f);
    assert_int_equal(ps_tensor_file_read(file, ps_safetensors_find(file, "bad"), values, &error),
                     PS_ERR_INPUT);
    assert_fault(&error, PS_ERR_INPUT, "tensors.not-finite", "bad");
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_file_read(file, ps_safetensors_find(file, "wide"), values, &error),
                     PS_ERR_INPUT);
    assert_fault(&error, PS_ERR_INPUT, "tensors.dtype", "F64");
    ps_safetensors_close(&file);
}

static void test_notes(void **state)
{
    (void)state;
    const char *path = in_folder("noted.safetensors");
    struct ps_tensor_writer *writer;
    struct ps_safetensors *file;
    struct ps_error error = {0};
    float value = 1.0f;
    char begin[8 + 40], escaped[300];
    memset(escaped, '\1', sizeof escaped - 1);
    escaped[sizeof escaped - 1] = '\0';
    assert_int_equal(ps_tensor_writer_open(&writer, path, false, 1, &error), PS_OK);
    assert_int_equal(ps_tensor_writer_note(writer, "first", "a \"text\"", &error), PS_OK);
    assert_int_equal(ps_tensor_writer_note(writer, "second", escaped, &error), PS_OK);
    assert_int_equal(ps_tensor_writer_add(writer, "s", 0, NULL, &value, &error), PS_OK);
    assert_int_equal(ps_tensor_writer_note(writer, "late", "", &error), PS_ERR_INTERNAL);
    error = (struct ps_error){0};
    assert_int_equal(ps_tensor_writer_finish(writer, &error), PS_OK);
    ps_tensor_writer_close(&writer);

    assert_int_equal(ps_tensor_file_open(&file, path, &error), PS_OK);
    assert_string_equal(ps_safetensors_metadata(file, "first"), "a \"text\"");
    assert_string_equal(ps_safetensors_metadata(file, "second"), escaped);
    assert_null(ps_safetensors_metadata(file, "late"));
    value = 0;
    assert_int_equal(ps_tensor_file_read(file, ps_safetensors_find(file, "s"), &value, &error), PS_OK);
    assert_true(value == 1.0f);
    /* Where a reader that looks for a kind of file finds it. */
    assert_int_equal(ps_safetensors_read(file, 0, sizeof begin, begin, &error), PS_OK);
    assert_memory_equal(begin + 8, "{\"__metadata__\":{\"first\":", 25);
    ps_safetensors_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_most_tensors),
        cmocka_unit_test(test_overwrite),  cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
