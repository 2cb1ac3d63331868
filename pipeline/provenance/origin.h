/* Where a clip comes from: what its label and its sidecar are written from, and what a sidecar is read into. */
#ifndef PS_PROVENANCE_ORIGIN_H
#define PS_PROVENANCE_ORIGIN_H

#include "base/error.h"
#include "provenance/sha256.h"

#define PS_ORIGIN_NAME 256
#define PS_ORIGIN_FILES 4096

/* A file by its content. */
struct ps_fingerprint {
    char name[PS_ORIGIN_NAME]; /* without the folders above it; printable */
    uint64_t bytes;
    char sha256[PS_SHA256_TEXT]; /* empty where it was not asked for */
};

struct ps_origin {
    struct ps_fingerprint photo; /* name and hash empty for a photo that came as pixels */
    uint32_t photo_width, photo_height;
    char model[PS_ORIGIN_NAME]; /* last component of the checkpoint's path */
    char layout[64], family[160], licence[160];
    uint32_t file_count; /* weight files, in the order in which they were opened */
    struct ps_fingerprint *files;
    struct ps_render_params params; /* resolved; `sigmas` is owned, other pointers are null, memory is 0 */
    struct ps_fingerprint noise;    /* the file of --taps-in; name empty for none */
    char device[128], driver[128];
};

/* Zeroed, with room for `file_count` files. Null when out of memory. */
struct ps_origin *ps_origin_new(uint32_t file_count, struct ps_error *error);
void ps_origin_free(struct ps_origin **origin);

/* Copies `count` noise levels into params. */
enum ps_status ps_origin_set_sigmas(struct ps_origin *origin, const float *sigmas, uint32_t count,
                                    struct ps_error *error);

/* The last `components` components of a path, printable. */
void ps_origin_name(char name[PS_ORIGIN_NAME], const char *path, unsigned components);

/* Name, size and hash of a file that was read from `path`. */
enum ps_status ps_fingerprint_bytes(struct ps_fingerprint *file, const char *path, const void *bytes,
                                    size_t size, struct ps_error *error);

/* Size and hash of all visible files of a folder, see folder.c. Returns 0 or an errno; EINVAL where one is no regular
 * file. */
int ps_fingerprint_folder(struct ps_fingerprint *fingerprint, int folder);

/* The shortest decimal number, always with a point or none, that reads back as the float. Returns text. */
#define PS_REAL_TEXT 32
char *ps_real_text(char text[PS_REAL_TEXT], float value);

/* Words of packshot.h's enums as the command line has them; each list ends with null. ps_focus_words ends before
 * PS_FOCUS_POINT, ps_dtype_words begins with PS_DTYPE_F32. */
extern const char *const ps_fit_words[],
    *const ps_focus_words[], *const ps_schedule_words[], *const ps_rng_words[], *const ps_dtype_words[],
                                                                                    *const ps_weights_words[];

#endif
