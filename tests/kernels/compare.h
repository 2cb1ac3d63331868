/* Comparison of a tensor's elements with what they should be. */
#ifndef TESTS_KERNELS_COMPARE_H
#define TESTS_KERNELS_COMPARE_H

#include <stdbool.h>

#include "tensor/tensor.h"

/* How far a result may be from the exact one. */
struct bed_tolerance {
    double sum;   /* of the float arithmetic, relative to the root mean square of the result */
    double round; /* of storing an element, relative to the element */
    double floor; /* of storing an element near zero, absolute */
};

/* For a result stored in `type` whose elements sum `depth` terms; `condition` multiplies the float part, `inner` is added
 * to it. */
struct bed_tolerance bed_tolerance(enum ps_type type, uint32_t depth, double condition, double inner);

/* Compares the elements of the view t, which begins at both `got` and `want` (in t's type; its frames lie
 * t.pitch apart), component by component of every `parts` consecutive channels. Prints up to a few
 * differences with coordinates after `title` unless `quiet`. True where they agree. */
bool bed_compare(struct ps_tensor t, const void *got, const void *want, uint32_t parts,
                 struct bed_tolerance tolerance, const char *title, bool quiet);

/* The same against double values in dense order. */
bool bed_compare_values(struct ps_tensor t, const void *got, const double *want,
                        struct bed_tolerance tolerance, const char *title);

/* Element `index` of memory in `type`. */
double bed_element(enum ps_type type, const void *memory, uint64_t index);

#endif
