/* An interpreter made of two: every launch runs on the reference and on the subject from the same bytes, and
 * what they leave in memory is compared. */
#ifndef TESTS_KERNELS_PAIR_H
#define TESTS_KERNELS_PAIR_H

#include "run/backend.h"

struct bed;

struct bed_pair {
    struct ps_backend base;
    struct ps_backend *ref, *subject; /* subject null: there is none */
    struct bed *bed;
    const char *seed_text; /* printed with a mismatch */
    bool offered;          /* the subject runs a variant of a kernel that was launched */
    struct ps_tensor uploading;
    struct {
        uint64_t bytes;          /* of the space; it is one segment */
        uint64_t checked;        /* bytes from its beginning that are in use, so worth comparing */
        unsigned char *image;    /* what both hold now */
        unsigned char *after[2]; /* what the reference and the subject hold after a launch */
    } spaces[PS_SPACES];
};

/* Opens the pair over a reference and a subject, with `bytes` in each space. The pair closes neither. */
bool bed_pair_open(struct bed_pair *pair, struct bed *bed, uint64_t bytes, struct ps_error *error);
void bed_pair_close(struct bed_pair *pair);

/* Fills the first `bytes` of a space with NaNs on both sides; nothing beyond has been used. */
bool bed_pair_poison(struct bed_pair *pair, enum ps_space space, uint64_t bytes, struct ps_error *error);

/* Where a tensor lies in the image of its space. */
void *bed_pair_at(struct bed_pair *pair, struct ps_tensor t);

#endif
