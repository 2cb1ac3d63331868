/* What one run leaves for the next on the same device and driver. Whatever is wrong with a file, it is as if there were
 * none: all of it can be made again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/place.h"
#include "vk/state.h"

enum { PATH_BYTES = 4096 };
#define MOST_BYTES (64u << 20)

static const char magic[8] = {'p', 's', 'v', 'k', 'e', 'p', 't', '1'};

struct head {
    char magic[8];
    uint64_t key;   /* of device, driver and shaders */
    uint64_t bytes; /* that follow */
    uint64_t hash;  /* of them */
};

uint64_t ps_vk_hash(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return hash;
}

static bool write_path(char path[PATH_BYTES], const struct ps_vk *vk, const char *name)
{
    const int length = vk->cache ? snprintf(path, PATH_BYTES, "%s/vulkan-%016llx-%s", vk->cache,
                                            (unsigned long long)vk->key, name)
                                 : 0;
    return length > 0 && length < PATH_BYTES;
}

static bool read_all(int fd, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = read(fd, (char *)to + done, bytes - done);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

void *ps_vk_kept_read(const struct ps_vk *vk, const char *name, size_t *bytes)
{
    char path[PATH_BYTES];
    struct head head;
    struct stat about;
    *bytes = 0;
    if (!write_path(path, vk, name))
        return NULL;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *content = NULL;
    if (!fstat(fd, &about) && S_ISREG(about.st_mode) && read_all(fd, &head, sizeof head) &&
        !memcmp(head.magic, magic, sizeof magic) && head.key == vk->key && head.bytes <= MOST_BYTES &&
        (uint64_t)about.st_size == sizeof head + head.bytes)
        content = malloc(head.bytes ? head.bytes : 1);
    if (content && (!read_all(fd, content, head.bytes) ||
                    ps_vk_hash(PS_VK_HASH_BEGIN, content, head.bytes) != head.hash)) {
        free(content);
        content = NULL;
    }
    close(fd);
    if (content)
        *bytes = head.bytes;
    return content;
}

void ps_vk_kept_write(const struct ps_vk *vk, const char *name, const void *content, size_t bytes)
{
    char path[PATH_BYTES];
    struct ps_error error = {0};
    struct ps_output *output = NULL;
    struct head head = {.key = vk->key, .bytes = bytes, .hash = ps_vk_hash(PS_VK_HASH_BEGIN, content, bytes)};
    memcpy(head.magic, magic, sizeof magic);
    if (bytes > MOST_BYTES || !write_path(path, vk, name))
        return;
    ps_place_make_cache(vk->cache);
    if (!ps_output_open(&output, path, true, &error) &&
        !ps_output_write(output, &head, sizeof head, 0, &error) &&
        !ps_output_write(output, content, bytes, sizeof head, &error))
        ps_output_commit(output, NULL, NULL, &error);
    ps_output_close(&output);
    if (error.status)
        ps_log(&vk->log, PS_LOG_WARNING, "what was found about the device is not kept: %s", error.message);
}
