#include "weights/support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[PATH_BYTES];

int make_folder(void **state)
{
    (void)state;
    assert_non_null(getcwd(folder, sizeof folder - 32));
    strcat(folder, "/weights-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *format, ...)
{
    static char paths[8][PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 8];
    const int length = snprintf(path, PATH_BYTES, "%s/", folder);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, PATH_BYTES - (size_t)length, format, arguments);
    va_end(arguments);
    return path;
}

void make_subfolder(const char *name)
{
    assert_true(!mkdir(in_folder("%s", name), 0777) || errno == EEXIST);
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (size)
        assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

void assert_fault(const struct ps_error *error, enum ps_status status, const char *id, const char *text)
{
    if (error->status != status || strcmp(error->id, id) || (text && !strstr(error->message, text)))
        print_error("expected %d %s \"%s\", found %d %s \"%s\"\n", status, id, text ? text : "",
                    error->status, error->id, error->message);
    assert_int_equal(error->status, status);
    assert_string_equal(error->id, id);
    if (text)
        assert_non_null(strstr(error->message, text));
}

/* ---- lists
 * ------------------------------------------------------------------------------------------------------- */

static void read_shape(struct listed *tensor, const char *text)
{
    while (*text && *text != '-') {
        char *end;
        assert_true(tensor->rank < MAX_RANK);
        tensor->shape[tensor->rank++] = strtoull(text, &end, 10);
        assert_true(end != text);
        text = end + (*end == ',');
    }
}

struct listed *read_list(const char *name, uint32_t *count)
{
    char path[PATH_BYTES], line[512], part[64] = "", shape[64];
    snprintf(path, sizeof path, "%s/tests/weights/data/%s", PACKSHOT_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const uint32_t capacity = 4096;
    struct listed *list = calloc(capacity, sizeof *list);
    assert_non_null(list);
    *count = 0;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "[%63[^]]", part) == 1)
            continue;
        assert_true(*count < capacity);
        struct listed *tensor = &list[(*count)++];
        memcpy(tensor->part, part, sizeof part);
        assert_int_equal(sscanf(line, "%159s %63s", tensor->name, shape), 2);
        read_shape(tensor, shape);
    }
    fclose(file);
    return list;
}

uint64_t listed_elements(const struct listed *tensor)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        elements *= tensor->shape[i];
    return elements;
}

/* ---- files
 * ------------------------------------------------------------------------------------------------------- */

static void append(struct maker *maker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(struct maker *maker, const char *format, ...)
{
    if (maker->capacity - maker->used < 1024) {
        maker->capacity = 2 * maker->capacity + 4096;
        maker->header = realloc(maker->header, maker->capacity);
        assert_non_null(maker->header);
    }
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(maker->header + maker->used, 1024, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && length < 1024);
    maker->used += (size_t)length;
}

void maker_begin(struct maker *maker)
{
    *maker = (struct maker){0};
    append(maker, "{\"__metadata__\":{\"format\":\"pt\"}");
}

static uint64_t dtype_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } types[] = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"U8", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].name, dtype))
            return types[i].bytes;
    }
    fail_msg("dtype %s", dtype);
    return 0;
}

void maker_add(struct maker *maker, const char *name, const char *dtype, uint32_t rank, const uint64_t *shape,
               const void *data)
{
    uint64_t bytes = dtype_bytes(dtype);
    append(maker, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", name, dtype);
    for (uint32_t i = 0; i < rank; i++) {
        append(maker, "%s%" PRIu64, i ? "," : "", shape[i]);
        bytes *= shape[i];
    }
    append(maker, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", maker->data_bytes,
           maker->data_bytes + bytes);
    if (data && bytes) {
        maker->data = realloc(maker->data, maker->data_bytes + bytes);
        assert_non_null(maker->data);
        memcpy(maker->data + maker->data_bytes, data, bytes);
    }
    maker->data_bytes += bytes;
}

void maker_add_floats(struct maker *maker, const char *name, uint32_t rank, const uint64_t *shape,
                      const float *values)
{
    maker_add(maker, name, "F32", rank, shape, values);
}

void maker_write(struct maker *maker, const char *path)
{
    append(maker, "}");
    while (maker->used % 8)
        append(maker, " ");
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(file >= 0);
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)maker->used >> 8 * i);
    assert_int_equal(write(file, length, 8), 8);
    assert_int_equal(write(file, maker->header, maker->used), maker->used);
    if (maker->data)
        assert_int_equal(write(file, maker->data, maker->data_bytes), maker->data_bytes);
    else
        assert_int_equal(ftruncate(file, (off_t)(8 + maker->used + maker->data_bytes)), 0);
    assert_int_equal(close(file), 0);
    free(maker->header);
    free(maker->data);
    *maker = (struct maker){0};
}

/* ---- toys
 * -------------------------------------------------------------------------------------------------------- */

void write_recipe(const char *recipe, const char *path, const char *dtype,
                  bool (*keep)(void *user, char name[256]), void *user)
{
    char line[1024], shape[64], input[PATH_BYTES];
    snprintf(input, sizeof input, "%s/tests/golden/%s", PACKSHOT_SOURCE_DIR, recipe);
    FILE *file = fopen(input, "r");
    assert_non_null(file);
    struct maker maker;
    maker_begin(&maker);
    while (fgets(line, sizeof line, file)) {
        struct listed tensor = {0};
        char name[256];
        if (!strncmp(line, "prefix ", 7) || !strncmp(line, "dtype ", 6))
            continue;
        assert_int_equal(sscanf(line, "%255s %63s", name, shape), 2);
        read_shape(&tensor, shape);
        if (!keep || keep(user, name))
            maker_add(&maker, name, dtype, tensor.rank, tensor.shape, NULL);
    }
    fclose(file);
    maker_write(&maker, path);
}

static void copy_config(const char *pipeline, const char *name, const char *to)
{
    char from[PATH_BYTES];
    snprintf(from, sizeof from, "%s/tests/golden/pipelines/%s/%s", PACKSHOT_SOURCE_DIR, pipeline, name);
    json_t *root = json_load_file(from, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_dump_file(root, to, JSON_INDENT(1)), 0);
    json_decref(root);
}

void write_pipeline(const char *name, const char *pipeline)
{
    static const char *const parts[][3] = {
        {"unet", "diffusion_pytorch_model", "config.json"},
        {"vae", "diffusion_pytorch_model", "config.json"},
        {"image_encoder", "model", "config.json"},
        {"scheduler", NULL, "scheduler_config.json"},
        {"feature_extractor", NULL, "preprocessor_config.json"},
    };
    char path[256];
    make_subfolder(name);
    copy_config(pipeline, "model_index.json", in_folder("%s/model_index.json", name));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = parts[i][0];
        snprintf(path, sizeof path, "%s/%s", name, part);
        make_subfolder(path);
        snprintf(path, sizeof path, "%s/%s", part, parts[i][2]);
        copy_config(pipeline, path, in_folder("%s/%s", name, path));
        if (!parts[i][1])
            continue;
        snprintf(path, sizeof path, "pipelines/%s/%s/%s.recipe", pipeline, part, parts[i][1]);
        write_recipe(path, in_folder("%s/%s/%s.safetensors", name, part, parts[i][1]), "F16", NULL, NULL);
    }
}

void edit_json(const char *path, const char *key, const char *value)
{
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    if (value) {
        json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(parsed);
        json_object_set_new(root, key, parsed);
    } else {
        json_object_del(root, key);
    }
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}
