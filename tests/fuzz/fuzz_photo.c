/* libFuzzer target: any bytes are a photo or one clear error. Seeds: tests/media/data. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "media/photo.h"
#include "media/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Large pictures are valid and slow; a small file that states more than this is left to the unit tests. */
#define PIXELS (UINT64_C(1) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_file file = {.name = "fuzz", .bytes = (uint8_t *)(uintptr_t)data, .size = size};
    struct ps_image_facts facts;
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    const struct ps_photo_params params = {.background = 0x102030};
    if (!ps_scan_image(&facts, &file, &error) && (uint64_t)facts.width * facts.height > PIXELS)
        return 0;
    error = (struct ps_error){0};
    const enum ps_status status = ps_photo_decode(&photo, &file, &params, &error);
    if ((status == PS_OK) != (photo != NULL) || status != error.status || (status && !error.message[0]))
        abort();
    if (photo) {
        const struct ps_view view = ps_photo_fit(photo, PS_FIT_CROP, 16, 9);
        uint8_t sum = 0;
        for (uint32_t y = 0; y < view.height; y++)
            for (uint32_t x = 0; x < view.width * 3; x++)
                sum = (uint8_t)(sum + view.rgb[y * view.stride + x]);
        *(volatile uint8_t *)&sum = sum;
    }
    ps_photo_free(&photo);
    return 0;
}
