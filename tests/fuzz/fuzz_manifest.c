/* libFuzzer target: any bytes are a manifest (JSON lines where the first byte is odd, else CSV) whose every row is whole,
 * in order and beneath its limits; or problems that each have a place and a message. Seeds: tests/fuzz/corpus/manifest. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static enum ps_column know_column(void *user, const char *name, const char **guess)
{
    (void)user;
    if (name[0] == 'x')
        *guess = "width";
    return name[0] == 'w' ? PS_COLUMN_SETTING : name[0] == 's' ? PS_COLUMN_LABEL : PS_COLUMN_UNKNOWN;
}

static bool check_value(void *user, const char *key, const char *value, char *problem, size_t size)
{
    (void)user;
    require(key[0] && value[0] && size > 1);
    if (value[0] != '!')
        return true;
    memcpy(problem, "!", 2);
    return false;
}

static void check_row(const struct ps_manifest_row *row, uint64_t before)
{
    require(row->row > before && row->photo && row->photo[0] && row->path[0] == '/' && row->fd >= 0 &&
            !row->ignored);
    require(row->cell_count <= PS_MANIFEST_COLUMNS);
    require(row->priority >= -PS_MANIFEST_PRIORITY && row->priority <= PS_MANIFEST_PRIORITY);
    for (size_t i = 0; i < row->cell_count; i++)
        require(row->cells[i].key[0] && row->cells[i].value[0] && row->cells[i].kind != PS_COLUMN_UNKNOWN);
    char *text = ps_manifest_row_text(row);
    require(text != NULL && text[0] == '{');
    free(text);
}

static void check_problems(const struct ps_manifest *manifest)
{
    for (uint64_t i = 0; i < manifest->problem_count && i < PS_MANIFEST_PROBLEMS; i++) {
        const struct ps_manifest_problem *problem = &manifest->problems[i], *before = problem - 1;
        require(problem->id[0] && problem->message[0]);
        require(!i || before->row < problem->row ||
                (before->row == problem->row && before->column <= problem->column));
    }
}

static void check_file(const char *path)
{
    static const struct ps_manifest_params params = {
        .root = "/tmp", .column = know_column, .check = check_value};
    struct ps_error error = {0};
    struct ps_manifest *manifest;
    const struct ps_manifest_row *row;
    const enum ps_status status = ps_manifest_open(&manifest, path, &params, &error);
    require((status == PS_OK) == (manifest != NULL) && status == error.status);
    if (!manifest)
        return;
    uint64_t last = 0, rows = 0;
    for (;; rows++) {
        require(ps_manifest_next(manifest, &row, &error) == PS_OK);
        if (!row)
            break;
        check_row(row, last);
        last = row->row;
    }
    require(rows == manifest->rows);
    check_problems(manifest);
    ps_manifest_close(&manifest);
}

/* A manifest has a place, to which its photos are relative: a file is written for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/packshot-fuzz-XXXXXX.jsonl";
    const bool is_json = size && data[0] % 2;
    char csv[] = "/tmp/packshot-fuzz-XXXXXX.csv";
    char *name = is_json ? path : csv;
    const int fd = mkostemps(name, is_json ? 6 : 4, O_CLOEXEC);
    require(fd >= 0);
    require(size <= 1 || write(fd, data + 1, size - 1) == (ssize_t)size - 1);
    close(fd);
    check_file(name);
    unlink(name);
    return 0;
}
