/* libFuzzer target: any bytes have an orientation from 1 to 8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "media/orientation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned orientation = ps_exif_orientation(data, size, NULL);
    if (orientation < 1 || orientation > 8)
        abort();
    return 0;
}
