/* What lets one header be read by C and by GLSL: push constants are four-byte scalars, so both lay them out alike. */
#ifndef PS_SHARED_H
#define PS_SHARED_H

#ifdef VULKAN
#define ps_uint uint
#define ps_float float
#else
#include <stdint.h>
typedef uint32_t ps_uint;
typedef float ps_float;
#endif

/* Activations of an epilogue, as a specialisation constant. */
#define PS_ACT_NONE 0
#define PS_ACT_SILU 1
#define PS_ACT_GELU 2       /* x/2 (1 + erf(x / sqrt 2)) */
#define PS_ACT_QUICK_GELU 3 /* x sigmoid(1.702 x) */
#define PS_ACT_GEGLU 4      /* columns 2j, 2j + 1 become value j times gelu(gate j); halves the width */

#endif
