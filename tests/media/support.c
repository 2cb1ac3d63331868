#include "media/support.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void assert_error(const struct ps_error *error, enum ps_status status, const char *id)
{
    if (error->status != status || strcmp(error->id, id) != 0)
        fail_msg("expected %d %s, found %d %s: %s", status, id, error->status, error->id, error->message);
    assert_true(error->message[0]);
}

char *folder_new(void)
{
    char pattern[] = "/tmp/packshot-test-XXXXXX";
    assert_non_null(mkdtemp(pattern));
    return strdup(pattern);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

void folder_remove(char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

int folder_count(const char *folder)
{
    int count = -2;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

const char *join(char to[512], const char *folder, const char *name)
{
    snprintf(to, 512, "%s/%s", folder, name);
    return to;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(!size || fwrite(bytes, size, 1, file) == 1);
    assert_int_equal(fclose(file), 0);
}

struct ps_file read_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("cannot open %s", path);
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    struct ps_file file = {.name = path, .size = (size_t)ftell(in)};
    rewind(in);
    file.bytes = malloc(file.size ? file.size : 1);
    assert_non_null(file.bytes);
    assert_true(!file.size || fread(file.bytes, file.size, 1, in) == 1);
    fclose(in);
    return file;
}

static int saved_stderr = -1;
static FILE *caught;

int silence_begin(void **state)
{
    (void)state;
    fflush(stderr);
    caught = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    return caught && saved_stderr >= 0 && dup2(fileno(caught), STDERR_FILENO) >= 0 ? 0 : -1;
}

static size_t end_silence(char *text, size_t size)
{
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    rewind(caught);
    const size_t caught_size = fread(text, 1, size, caught);
    fclose(caught);
    return caught_size;
}

void silence_drop(void)
{
    char text[1];
    end_silence(text, sizeof text);
}

int silence_end(void **state)
{
    (void)state;
    char text[1024] = "";
    const size_t size = end_silence(text, sizeof text - 1);
    if (size)
        print_error("written to standard error: %s\n", text);
    return size ? -1 : 0;
}

uint8_t *formula_photo(uint32_t width, uint32_t height)
{
    enum { NOISE = 64 };
    uint8_t *photo = malloc((size_t)width * height * 3);
    assert_non_null(photo);
    uint8_t *to = photo;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                const uint32_t ramp = (x * (3 + c) * 256 / width + y * (5 - c) * 256 / height) % 512;
                const uint32_t wave = ramp < 256 ? ramp : 511 - ramp;
                const bool inverted = (x * 8 / width + y * 6 / height) % 2;
                uint32_t hash = (x + 8192 * y) * 3 + c;
                hash = (hash ^ hash >> 16) * 0x7feb352du;
                hash = (hash ^ hash >> 15) * 0x846ca68bu;
                hash = hash ^ hash >> 16;
                const int value =
                    (int)(inverted ? 255 - wave : wave) + (int)((hash >> 8) % NOISE) - NOISE / 2;
                *to++ = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
    return photo;
}

double mean_difference(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += abs(a[i] - b[i]);
    return sum / (double)count;
}

int largest_difference(const uint8_t *a, const uint8_t *b, size_t count)
{
    int largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = abs(a[i] - b[i]) > largest ? abs(a[i] - b[i]) : largest;
    return largest;
}
