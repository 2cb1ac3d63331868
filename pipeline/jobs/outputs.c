#include "jobs/outputs.h"

#include <errno.h>
#include <locale.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wctype.h>

#include "base/printable.h"

struct output {
    const struct ps_outputs *set;
    uint64_t row;
    char path[];
};

struct photo {
    dev_t device;
    ino_t inode;
    uint64_t row;
};

struct ps_outputs {
    void *outputs, *photos; /* trees of <search.h> */
    locale_t locale; /* with Unicode's letters; 0 where this machine lacks it, and then only ASCII counts */
};

struct ps_outputs *ps_outputs_new(void)
{
    struct ps_outputs *outputs = calloc(1, sizeof *outputs);
    if (outputs)
        outputs->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return outputs;
}

/* The next letter in lower case, and *at behind it; a byte that is no letter's counts as itself, above all letters. */
static uint32_t next_letter(const struct ps_outputs *set, const char **at)
{
    const unsigned char *byte = (const unsigned char *)*at;
    const size_t size = ps_character(*at, true);
    *at += size ? size : 1;
    if (!size)
        return *byte < 0x80 ? *byte : 0x110000u + *byte;
    uint32_t code = size == 1 ? *byte : *byte & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (byte[i] & 0x3fu);
    if (set->locale)
        return (uint32_t)towlower_l((wint_t)code, set->locale);
    return code >= 'A' && code <= 'Z' ? code + 'a' - 'A' : code;
}

static int compare_outputs(const void *left, const void *right)
{
    const struct output *a = left, *b = right;
    const char *x = a->path, *y = b->path;
    while (*x && *y) {
        const uint32_t m = next_letter(a->set, &x), n = next_letter(b->set, &y);
        if (m != n)
            return m < n ? -1 : 1;
    }
    return (*x != '\0') - (*y != '\0');
}

static int compare_photos(const void *left, const void *right)
{
    const struct photo *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

static enum ps_status fail_memory(struct ps_error *error)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the outputs of a batch");
}

enum ps_status ps_outputs_add(struct ps_outputs *outputs, const char *path, uint64_t row, uint64_t *other,
                              struct ps_error *error)
{
    const size_t size = strlen(path) + 1;
    struct output *output = malloc(sizeof *output + size);
    *other = 0;
    if (!output)
        return fail_memory(error);
    output->set = outputs;
    output->row = row;
    memcpy(output->path, path, size);
    struct output **found = tsearch(output, &outputs->outputs, compare_outputs);
    if (!found || *found != output)
        free(output);
    if (!found)
        return fail_memory(error);
    if (*found != output)
        *other = (*found)->row;
    return PS_OK;
}

enum ps_status ps_outputs_add_photo(struct ps_outputs *outputs, int fd, uint64_t row, struct ps_error *error)
{
    struct stat info;
    if (fstat(fd, &info))
        return ps_fail(error, PS_ERR_INPUT, "photo.unreadable", "the photo cannot be looked at: %s",
                       strerror(errno));
    struct photo *photo = malloc(sizeof *photo);
    if (!photo)
        return fail_memory(error);
    *photo = (struct photo){.device = info.st_dev, .inode = info.st_ino, .row = row};
    struct photo **found = tsearch(photo, &outputs->photos, compare_photos);
    if (!found || *found != photo)
        free(photo);
    return found ? PS_OK : fail_memory(error);
}

struct search {
    void (*clash)(void *user, uint64_t row, uint64_t photo_row, const char *path);
    void *user;
};

static void look_at(const void *node, VISIT visit, void *closure)
{
    const struct output *output = *(struct output *const *)node;
    const struct search *search = closure;
    struct stat info;
    if ((visit != postorder && visit != leaf) || stat(output->path, &info))
        return;
    const struct photo wanted = {.device = info.st_dev, .inode = info.st_ino};
    struct photo *const *found = tfind(&wanted, &output->set->photos, compare_photos);
    if (found)
        search->clash(search->user, output->row, (*found)->row, output->path);
}

void ps_outputs_find_clashes(const struct ps_outputs *outputs,
                             void (*clash)(void *user, uint64_t row, uint64_t photo_row, const char *path),
                             void *user)
{
    struct search search = {clash, user};
    twalk_r(outputs->outputs, look_at, &search);
}

void ps_outputs_free(struct ps_outputs **outputs)
{
    struct ps_outputs *old = *outputs;
    *outputs = NULL;
    if (!old)
        return;
    tdestroy(old->outputs, free);
    tdestroy(old->photos, free);
    if (old->locale)
        freelocale(old->locale);
    free(old);
}
