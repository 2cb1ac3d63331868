/* How a model part declares its weights: by diffusers' names and by the shapes that its configuration asks
 * for.
 *
 *   ps_binder_begin(&binder, part, error);
 *   ps_bind_enter(&binder, "down_blocks.%u.resnets.%u", i, j);
 *   block->norm1 = ps_bind_norm(&binder, in, "norm1");
 *   block->conv1 = ps_bind_conv(&binder, out, in, 3, 3, true, "conv1");
 *   ps_bind_leave(&binder);
 *   status = ps_binder_finish(&binder, &set, error);
 *
 * Nothing fails in between: what is missing or has another shape is collected, its pointer in the struct
 * ps_layer is null, and ps_binder_finish reports it all at once. The other pointers live as long as the set
 * that it makes. ps_inspect reads the counts and drops the binder instead. */
#ifndef PS_WEIGHTS_BIND_H
#define PS_WEIGHTS_BIND_H

#include "run/weight.h"
#include "weights/part.h"

#define PS_BIND_PROBLEMS 16
#define PS_BIND_PROBLEM_TEXT 192
#define PS_BIND_SCOPES 12

struct ps_binder {
    struct ps_part *part;
    struct ps_error fault; /* the first failure that is not a missing or misshapen tensor */
    struct ps_weight *items;
    uint32_t count, capacity;
    uint32_t missing, misshapen;
    uint32_t problem_count; /* lines in problems */
    char problems[PS_BIND_PROBLEMS][PS_BIND_PROBLEM_TEXT];
    uint32_t depth;
    uint32_t lengths[PS_BIND_SCOPES]; /* of `scope` before each enter */
    char scope[PS_NAME_BYTES];        /* "down_blocks.0.resnets.1." */
};

/* Begins to bind weights of `part` for one phase. Several binders may take from one part, one after the
 * other. Ends with ps_binder_finish or ps_binder_drop, also after a failure, that of memory. */
enum ps_status ps_binder_begin(struct ps_binder *binder, struct ps_part *part, struct ps_error *error);

/* Hands the weights over to *set, to be freed with ps_weight_set_free; the pointers given out stay valid.
 * Fails with PS_ERR_CHECKPOINT, the first five differences in the message, if anything was missing or
 * misshapen. Either way the binder is empty afterwards. */
enum ps_status ps_binder_finish(struct ps_binder *binder, struct ps_weight_set *set, struct ps_error *error);
void ps_binder_drop(struct ps_binder *binder);
void ps_weight_set_free(struct ps_weight_set *set);

/* Begins and ends a scope: its name and a dot come before every name bound in it. */
void ps_bind_enter(struct ps_binder *binder, const char *format, ...) PS_PRINTF(2, 3);
void ps_bind_leave(struct ps_binder *binder);

/* NAME.weight [out, in] and NAME.bias [out]. */
struct ps_layer ps_bind_linear(struct ps_binder *binder, uint32_t out, uint32_t in, bool bias,
                               const char *format, ...) PS_PRINTF(5, 6);

/* NAME.weight [2 half, in] and NAME.bias [2 half], values before gates in the file, interleaved when packed.
 */
struct ps_layer ps_bind_geglu(struct ps_binder *binder, uint32_t half, uint32_t in, const char *format, ...)
    PS_PRINTF(4, 5);

/* Three layers [out, in] of one input as one of 3 out columns: NAME.FIRST, NAME.SECOND and NAME.THIRD. */
struct ps_layer ps_bind_qkv(struct ps_binder *binder, uint32_t out, uint32_t in, bool bias,
                            const char *const parts[3], const char *format, ...) PS_PRINTF(6, 7);

/* NAME.weight [out, in, kernel_h, kernel_w] and NAME.bias [out]. */
struct ps_layer ps_bind_conv(struct ps_binder *binder, uint32_t out, uint32_t in, uint32_t kernel_h,
                             uint32_t kernel_w, bool bias, const char *format, ...) PS_PRINTF(7, 8);

/* The 3x3 convolution NAME.weight [out, in, 3, 3] and NAME.bias [out] of a picture enlarged twice, for ps_conv_twice. */
struct ps_layer ps_bind_conv_twice(struct ps_binder *binder, uint32_t out, uint32_t in, const char *format,
                                   ...) PS_PRINTF(4, 5);

/* The same for a picture enlarged to any size, *any, and enlarged twice, *twice, of which a clip asks for one: two weights of
 * the same tensor, and the one bias. */
void ps_bind_conv_either(struct ps_binder *binder, uint32_t out, uint32_t in, struct ps_layer *any,
                         struct ps_layer *twice, const char *format, ...) PS_PRINTF(6, 7);

/* The 1x1 convolution NAME.weight [out, in[0] + in[1], 1, 1] and NAME.bias [out] as two layers whose results are
 * to be added: of the first in[0] input channels, with the bias, and of the others. */
void ps_bind_conv_halves(struct ps_binder *binder, uint32_t out, const uint32_t in[2],
                         struct ps_layer halves[2], const char *format, ...) PS_PRINTF(5, 6);

/* A convolution over frames: NAME.weight [out, in, taps, 1, 1] and NAME.bias [out]. */
struct ps_layer ps_bind_conv_frames(struct ps_binder *binder, uint32_t out, uint32_t in, uint32_t taps,
                                    const char *format, ...) PS_PRINTF(5, 6);

/* The first `rows` output channels of the 1x1 convolution NAME.weight [out, in, 1, 1] and NAME.bias [out]. */
struct ps_layer ps_bind_rows(struct ps_binder *binder, uint32_t rows, uint32_t out, uint32_t in,
                             const char *format, ...) PS_PRINTF(5, 6);

/* NAME.weight and NAME.bias, both [channels]: gain and bias of a norm. */
struct ps_layer ps_bind_norm(struct ps_binder *binder, uint32_t channels, const char *format, ...)
    PS_PRINTF(3, 4);

/* The tensor NAME, [columns] where rows is 1, else [rows, columns]; nothing is appended to NAME. */
const struct ps_weight *ps_bind_vector(struct ps_binder *binder, uint32_t rows, uint32_t columns,
                                       const char *format, ...) PS_PRINTF(4, 5);

/* The one value of the tensor NAME, read now; nothing is appended to NAME. 0 where it is missing. */
float ps_bind_scalar(struct ps_binder *binder, const char *format, ...) PS_PRINTF(2, 3);

/* Tensors that are not needed: NAME itself and all whose names begin with NAME and a dot. They are never
 * loaded, do not count as surplus, and need not be there. */
void ps_bind_unused(struct ps_binder *binder, const char *format, ...) PS_PRINTF(2, 3);

#endif
