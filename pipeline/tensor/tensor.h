/* The tensor: a typed view [n, h, w, c] of a place in device memory. A value; it owns nothing.
 *
 * n frames, h rows, w columns, c channels; channels are fastest. Rows, columns and channels are dense; frames
 * lie `pitch` elements apart (h * w * c unless the view is a slab of rows of a larger tensor). The same bytes
 * are the matrix [n*h*w, c], so a linear layer needs no reshape and frames [i, i+k) are an offset. */
#ifndef PS_TENSOR_TENSOR_H
#define PS_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How elements are stored; arithmetic on them is always float. Activations have one of the first PS_TYPES. PS_Q8 is for
 * packed matrices of run/weight.h alone. */
enum ps_type { PS_F32, PS_F16, PS_BF16, PS_TYPES, PS_Q8 = PS_TYPES };

/* Which memory a tensor lies in. A space is a row of segments, each one device allocation; an offset is
 * segment << PS_SEGMENT_SHIFT | bytes into the segment. A tensor lies in one segment, or it is split: a
 * device's largest allocation holds only some of its frames, so that each of several segments in a row holds
 * `split` of them, all from the same byte on. A launch takes no split tensor; ops work it off piece by piece.
 */
enum ps_space { PS_SCRATCH, PS_WEIGHTS, PS_SPACES };

#define PS_SEGMENT_SHIFT 40

struct ps_tensor {
    enum ps_type type;
    enum ps_space space;
    bool packed; /* a packed matrix of run/weight.h, which an interpreter may keep in an order of its own */
    uint32_t n, h, w, c; /* all at least 1; n is 0 in the null tensor */
    uint64_t pitch;      /* elements from one frame to the next */
    uint64_t offset;
    uint32_t split; /* frames that a segment holds; 0 where all lie in one */
    uint32_t skip;  /* frames of the first segment that are before this view; 0 unless split */
};

static inline bool ps_is_null(struct ps_tensor t)
{
    return t.n == 0;
}

static inline uint64_t ps_type_bytes(enum ps_type type)
{
    return type == PS_F32 ? 4 : type == PS_Q8 ? 1 : 2;
}

/* Elements of one frame, and rows of the matrix [rows, c] that the tensor is. */
static inline uint64_t ps_frame_elements(struct ps_tensor t)
{
    return (uint64_t)t.h * t.w * t.c;
}

static inline uint64_t ps_rows(struct ps_tensor t)
{
    return (uint64_t)t.n * t.h * t.w;
}

static inline uint64_t ps_elements(struct ps_tensor t)
{
    return ps_rows(t) * t.c;
}

/* Whether frames follow each other without a gap, but for the segments of a split tensor. */
static inline bool ps_is_dense(struct ps_tensor t)
{
    return t.n <= 1 || t.pitch == ps_frame_elements(t);
}

/* Bytes of the scales that lie before the elements of a PS_Q8 matrix: a float32 for each of its columns. */
static inline uint64_t ps_scale_bytes(struct ps_tensor t)
{
    return t.type == PS_Q8 ? (uint64_t)t.w * 4 : 0;
}

/* Bytes from the first to the last element, scales and gaps between frames included. Of a tensor that is not split. */
static inline uint64_t ps_span_bytes(struct ps_tensor t)
{
    return ps_is_null(t)
               ? 0
               : ((t.n - 1) * t.pitch + ps_frame_elements(t)) * ps_type_bytes(t.type) + ps_scale_bytes(t);
}

/* Frames [first, first + count) of t; not split where one segment holds them. */
struct ps_tensor ps_frames(struct ps_tensor t, uint32_t first, uint32_t count);

/* How many frames of t from `first` on lie in one segment. */
uint32_t ps_frames_together(struct ps_tensor t, uint32_t first);

/* Rows [first, first + count) of every frame of t: a slab, dense only if t has one frame. */
struct ps_tensor ps_slab(struct ps_tensor t, uint32_t first, uint32_t count);

/* A tensor of as many frames as `room`, no larger than its, in the room's memory: the smaller its frames, the further to
 * the end. Frame f of the larger of two such tensors may be written once frames up to f of the other have been read. Null
 * of a null room. */
struct ps_tensor ps_in_room(struct ps_tensor room, uint32_t h, uint32_t w, uint32_t c);

/* The same dense elements, not split, under another shape of as many elements. */
struct ps_tensor ps_reshape(struct ps_tensor t, uint32_t n, uint32_t h, uint32_t w, uint32_t c);

/* "f32", "f16", "bf16" or "q8". */
const char *ps_type_name(enum ps_type type);

/* Writes "[n, h, w, c] f16" to text and returns text. */
#define PS_SHAPE_TEXT 64
const char *ps_shape_text(struct ps_tensor t, char text[PS_SHAPE_TEXT]);

#endif
