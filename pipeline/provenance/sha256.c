#include "provenance/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A library context of its own: the default one is the host program's, with its providers and properties.
 * libcrypto reads openssl.cnf at the first digest all the same. */
struct digest {
    OSSL_LIB_CTX *library;
    EVP_MD *type;
    EVP_MD_CTX *state;
};

static void close_digest(struct digest *digest)
{
    EVP_MD_CTX_free(digest->state);
    EVP_MD_free(digest->type);
    OSSL_LIB_CTX_free(digest->library);
}

static bool open_digest(struct digest *digest)
{
    *digest = (struct digest){.library = OSSL_LIB_CTX_new()};
    if (digest->library)
        digest->type = EVP_MD_fetch(digest->library, "SHA2-256", NULL);
    if (digest->type)
        digest->state = EVP_MD_CTX_new();
    if (digest->state && EVP_DigestInit_ex2(digest->state, digest->type, NULL))
        return true;
    close_digest(digest);
    return false;
}

static bool finish_digest(struct digest *digest, char text[PS_SHA256_TEXT])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const bool done = EVP_DigestFinal_ex(digest->state, bytes, &size) && size * 2 + 1 == PS_SHA256_TEXT;
    for (unsigned i = 0; done && i < size; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
    return done;
}

int ps_sha256(char text[PS_SHA256_TEXT], const void *bytes, size_t size)
{
    struct digest digest;
    text[0] = '\0';
    if (!open_digest(&digest))
        return ENOMEM;
    const bool done = EVP_DigestUpdate(digest.state, bytes, size) && finish_digest(&digest, text);
    close_digest(&digest);
    return done ? 0 : ENOMEM;
}

/* Large enough that the calls cost nothing, small enough to stay in the cache. */
enum { PIECE = 1 << 18 };

static int add_file(struct digest *digest, int fd, uint8_t *piece)
{
    for (off_t at = 0;;) {
        const ssize_t got = pread(fd, piece, PIECE, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (!got)
            return 0;
        if (!EVP_DigestUpdate(digest->state, piece, (size_t)got))
            return ENOMEM;
        at += got;
    }
}

static bool is_same(const struct stat *before, const struct stat *after)
{
    return before->st_size == after->st_size && before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
           before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

int ps_sha256_fd(char text[PS_SHA256_TEXT], int fd)
{
    struct digest digest;
    struct stat before, after;
    text[0] = '\0';
    if (fstat(fd, &before))
        return errno;
    uint8_t *piece = malloc(PIECE);
    if (!piece)
        return ENOMEM;
    int code = ENOMEM;
    if (open_digest(&digest)) {
        code = add_file(&digest, fd, piece);
        if (!code && fstat(fd, &after))
            code = errno;
        if (!code && !is_same(&before, &after))
            code = EBUSY;
        if (!code && !finish_digest(&digest, text))
            code = ENOMEM;
        close_digest(&digest);
    }
    free(piece);
    return code;
}

bool ps_sha256_is(const char *text)
{
    return strspn(text, "0123456789abcdef") == PS_SHA256_TEXT - 1 && strlen(text) == PS_SHA256_TEXT - 1;
}

enum ps_status ps_file_hash(char text[PS_SHA256_TEXT], const char *path, struct ps_error *error)
{
    struct stat about;
    text[0] = '\0';
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int code = fd < 0 || fstat(fd, &about) ? errno : S_ISREG(about.st_mode) ? 0 : EINVAL;
    if (!code)
        code = ps_sha256_fd(text, fd);
    if (fd >= 0)
        close(fd);
    return code ? ps_fail(error, PS_ERR_INPUT, "file.unreadable", "%.300s: cannot be read: %s", path,
                          code == EINVAL  ? "not a regular file"
                          : code == EBUSY ? "changed while it was read"
                                          : strerror(code))
                : PS_OK;
}
