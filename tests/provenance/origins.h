/* Origins for the tests of provenance. */
#ifndef PS_TESTS_PROVENANCE_ORIGINS_H
#define PS_TESTS_PROVENANCE_ORIGINS_H

#include "media/support.h"
#include "provenance/origin.h"

/* An origin in which no two values are equal, with `sigma_count` noise levels (0 for none) and 2 weight files. */
struct ps_origin *origin_new(uint32_t sigma_count);

#endif
