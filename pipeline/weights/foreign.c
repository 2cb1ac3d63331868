#include "weights/foreign.h"

#include <string.h>
#include <strings.h>

/* A kind of file, by the bytes it begins with. */
struct kind {
    const char *magic;
    size_t length;
    const char *id, *what, *hint;
};

#define PICKLE_HINT                                                                                          \
    "pickled files can run code and are never opened; download the .safetensors version or convert it "      \
    "offline"

static const struct kind kinds[] = {
    {"version https://git-lfs", 23, "checkpoint.lfs-pointer", "a Git-LFS pointer, not the weights themselves",
     "run \"git lfs pull\" in the model's folder, or download the file itself"},
    {"GGUF", 4, "checkpoint.gguf", "a GGUF file",
     "packshot reads safetensors; download the original checkpoint"},
    {"PK\3\4", 4, "checkpoint.pickle",
     "a zip archive, probably a pickled PyTorch checkpoint (.ckpt, .bin, .pt)", PICKLE_HINT},
    {"\x80\2", 2, "checkpoint.pickle", "a pickled PyTorch checkpoint (.ckpt, .bin, .pt)", PICKLE_HINT},
    {"\x80\3", 2, "checkpoint.pickle", "a pickled PyTorch checkpoint (.ckpt, .bin, .pt)", PICKLE_HINT},
    {"\x80\4", 2, "checkpoint.pickle", "a pickled PyTorch checkpoint (.ckpt, .bin, .pt)", PICKLE_HINT},
    {"\x80\5", 2, "checkpoint.pickle", "a pickled PyTorch checkpoint (.ckpt, .bin, .pt)", PICKLE_HINT},
    {"\x89HDF", 4, "checkpoint.hdf5", "an HDF5 file", "packshot reads safetensors; download that version"},
    {"\x1f\x8b", 2, "checkpoint.gzip", "a gzip archive", "unpack it and give the .safetensors file in it"},
    {"\x7f"
     "ELF",
     4, "checkpoint.program", "a program, not a checkpoint", ""},
};

static bool begins_with(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

static bool is_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte >= 0x7f)
            return false;
    }
    return true;
}

/* What servers and editors leave under a checkpoint's name: a page, a message, a configuration. */
static enum ps_status text_file(const char *label, const uint8_t *bytes, size_t size, struct ps_error *error)
{
    char text[PS_FOREIGN_BYTES + 1];
    memcpy(text, bytes, size);
    text[size] = '\0';
    const char *start = text;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        start += 3;
    start += strspn(start, " \t\r\n");
    if (begins_with(start, "<!doctype") || begins_with(start, "<html") || begins_with(start, "<?xml")) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.html", "%s: this is a web page, not a checkpoint",
                label);
        ps_hint(error, "probably a login or error page was saved under the file's name; download it again");
    } else if (is_text(text, size)) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.text",
                "%s: this is a text file, not a checkpoint; it begins with \"%.40s\"", label, start);
        ps_hint(error, "give the .safetensors file, or the model's folder");
    } else {
        return PS_OK;
    }
    return PS_ERR_CHECKPOINT;
}

enum ps_status ps_foreign_file(const char *label, const uint8_t *bytes, size_t size, struct ps_error *error)
{
    if (size > PS_FOREIGN_BYTES)
        size = PS_FOREIGN_BYTES;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *kind = &kinds[i];
        if (size >= kind->length && !memcmp(bytes, kind->magic, kind->length)) {
            ps_fail(error, PS_ERR_CHECKPOINT, kind->id, "%s: this is %s", label, kind->what);
            ps_hint(error, "%s", kind->hint);
            return PS_ERR_CHECKPOINT;
        }
    }
    return size >= 8 ? text_file(label, bytes, size, error) : PS_OK;
}
