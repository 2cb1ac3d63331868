/* The test bed of the kernels. A test calls ops on bed->run as model code does; every launch they make is
 * played on the reference interpreter and on the subject (Vulkan), from the same bytes, and after each launch
 * the bed checks that
 *  - every element written is finite and as near to the reference as tolerance_of() in bed.c derives, by norm
 * and for the worst element;
 *  - every other byte of both spaces, inputs, weights, padding and gaps between tensors, is what it was.
 * Memory that nobody has written holds NaNs, so reading it where it matters shows. Without a subject the
 * reference alone runs, against the tests' own formulas, and the program ends as skipped.
 *
 *     static void shapes(void **state)
 *     {
 *         struct bed *bed = *state;
 *         bed_begin(bed, PS_F16);
 *         struct ps_tensor x = bed_tensor(bed, bed->type, BED_NORMAL, 2, 3, 5, 8);
 *         struct ps_tensor y = ps_widen(&bed->run, x, 2, (struct ps_tensor){0});
 *         bed_end(bed);
 *     }
 *     int main(int argc, char **argv)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(shapes)};
 *         return bed_main(argc, argv, tests, sizeof tests / sizeof *tests);
 *     }
 */
#ifndef TESTS_KERNELS_BED_H
#define TESTS_KERNELS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/ops.h"

/* Normal: mean 0, deviation 1. Huge: up to a quarter of what the type holds, at most 1e4. One hot: a
 * single 1. Offset: mean 30, deviation 1. All are rounded to the storage type first. */
enum bed_fill { BED_NORMAL, BED_ZERO, BED_HUGE, BED_ONE_HOT, BED_CONSTANT, BED_OFFSET, BED_FILLS };

/* Faults that a test can ask for, to see the bed notice them. */
enum bed_fault { BED_SOUND, BED_WRONG_ELEMENT, BED_NOT_A_NUMBER, BED_STRAY_WRITE, BED_CHANGED_INPUT };

struct bed {
    struct ps_run run;
    enum ps_type type;
    bool has_subject;

    /* Multiplies the tolerance of float arithmetic: the condition number of an ill-conditioned case, 1 after
     * bed_begin. */
    double condition;
    /* Relative error that the last launch's intermediate results may have besides float arithmetic: see pair.c. */
    double inner;
    /* What the next launch is spoilt by, and how many mismatches the bed has found since bed_begin. */
    enum bed_fault fault;
    uint32_t mismatches;

    struct bed_parts *parts;
};

/* Runs the tests with the bed as their state, and returns main's result: 77 where there is no subject.
 * Arguments:
 * --validate (under the validation layer, whose messages are failures), --bf16 (float16 cases run in bfloat16),
 * --seed N, --device NAME, --variant NAME (of the kernel on Vulkan; 77 where the device cannot run it, and a
 * failure where no launch was by it), --tile N (of the variant's, counted from 1). */
int bed_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count);

/* A case begins with empty memory and no weights; bed->run stores in `type`, and after bed->run.quantised = true large
 * matrices in whole numbers. It ends with assertions that the
 * run has no error and nothing mismatched. */
void bed_begin(struct bed *bed, enum ps_type type);
void bed_end(struct bed *bed);

/* Ends a case instead of bed_end: the run must have failed with this id. */
void bed_end_failed(struct bed *bed, const char *id);

/* A number from the bed's generator: uniform in [0, 1), or normal. */
double bed_uniform(struct bed *bed);
double bed_normal(struct bed *bed);

/* A dense tensor with such content. */
struct ps_tensor bed_tensor(struct bed *bed, enum ps_type type, enum bed_fill fill, uint32_t n, uint32_t h,
                            uint32_t w, uint32_t c);
/* A tensor whose content nobody has set yet: NaNs. */
struct ps_tensor bed_blank(struct bed *bed, enum ps_type type, uint32_t n, uint32_t h, uint32_t w,
                           uint32_t c);

/* A weight of the packed form in the run's type, resident on the device. Values have deviation 1 / sqrt(taps
 * rows) for a matrix, 1 for a vector. Valid until the next bed_begin. */
const struct ps_weight *bed_vector(struct bed *bed, enum bed_fill fill, uint32_t columns, bool interleave);
const struct ps_weight *bed_matrix(struct bed *bed, enum bed_fill fill, uint32_t taps, uint32_t rows,
                                   uint32_t columns, bool interleave);

/* The values of a weight, rounded to its type, as the checkpoint has them: a vector's [columns], a matrix's
 * [columns, rows, taps]; with interleave all values, then all gates. Owned by the bed. */
const float *bed_weight(struct bed *bed, const struct ps_weight *weight);

/* The elements of a dense tensor as the subject (else the reference) has them. Valid until the next
 * bed_begin. */
const float *bed_floats(struct bed *bed, struct ps_tensor t);

/* Asserts that the dense tensor t agrees with `want`, one value an element, computed over `depth` terms by
 * the test. */
void bed_expect(struct bed *bed, struct ps_tensor t, const double *want, uint32_t depth);

/* Asserts that two dense tensors have the same bits. */
void bed_identical(struct bed *bed, struct ps_tensor a, struct ps_tensor b);

/* Memory for a test's own numbers, zeroed; freed by the next bed_begin. */
void *bed_memory(struct bed *bed, size_t count, size_t size);

#endif
