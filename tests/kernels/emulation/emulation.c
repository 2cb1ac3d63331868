#include "kernels/emulation/emulation.h"

static const uint32_t linear[] =
#include "linear_coop2.inc"
    ;
static const uint32_t conv[] =
#include "conv_coop2.inc"
    ;

const struct ps_vk_stand_in coop2_emulation = {{linear, sizeof linear}, {conv, sizeof conv}};
