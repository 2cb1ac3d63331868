/* Stored elements to the types that kernels read. */
#ifndef PS_WEIGHTS_CONVERT_H
#define PS_WEIGHTS_CONVERT_H

#include "tensor/tensor.h"
#include "weights/safetensors.h"

/* What was wrong with some of the elements. */
struct ps_convert_faults {
    bool not_finite; /* NaN or infinite as stored */
    bool too_large;  /* finite, but beyond the range of the 16-bit type asked for */
};

/* Converts `count` elements, rounding to nearest even; the values of faulty ones are unspecified. `from` and
 * `to` are aligned to their elements and do not overlap. `from` is F32, F16 or BF16. */
struct ps_convert_faults ps_convert(enum ps_stored from_type, const void *from, enum ps_type to_type,
                                    void *to, size_t count);

/* Whether ps_convert would copy: the elements can be used as they are, if ps_convert_check has no objection.
 */
static inline bool ps_convert_is_copy(enum ps_stored from_type, enum ps_type to_type)
{
    static const enum ps_stored same[PS_TYPES] = {
        [PS_F32] = PS_STORED_F32, [PS_F16] = PS_STORED_F16, [PS_BF16] = PS_STORED_BF16};
    return from_type == same[to_type];
}
struct ps_convert_faults ps_convert_check(enum ps_stored type, const void *from, size_t count);

/* The stored element `index` as a number. */
double ps_stored_value(enum ps_stored type, const void *from, size_t index);

#endif
