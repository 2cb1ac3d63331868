#include "quality/scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CAN_W = 60, CAN_H = 90, CAN_X = 128, CAN_Y = 76 };

static uint8_t level(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The print on a product at (u, v), -1 to 1 within it; false outside. */
static bool product_at(double u, double v, bool other, int colour[3])
{
    if (fabs(u) > 1 || fabs(v) > 1)
        return false;
    const bool print = other ? fmod(v + 9, 0.5) < 0.14 : hypot(u * 1.3, v) < 0.45 || fabs(v) > 0.85;
    const int can[3] = {170, 30, 40}, label[3] = {240, 230, 210};
    const double shade = 1 - 0.5 * u * u;
    for (int c = 0; c < 3; c++)
        colour[c] = (int)((print ? label[c] : can[c]) * shade);
    return true;
}

/* Diffuse light that falls off to both sides of the lamp, and its white reflection. */
static void shine(int colour[3], double distance)
{
    const double diffuse = 0.55 + 0.75 * exp(-distance * distance / 0.4),
                 gloss = 120 * exp(-distance * distance / 0.02);
    for (int c = 0; c < 3; c++)
        colour[c] = (int)(colour[c] * diffuse + gloss);
}

/* What happens to the product alone; `u` is across it, -1 to 1. */
static void alter(int colour[3], const struct scene *scene, double u)
{
    const int luma = (54 * colour[0] + 183 * colour[1] + 19 * colour[2]) / 256;
    for (int c = 0; c < 3; c++) {
        colour[c] = (int)((scene->grey ? luma : colour[c]) * (scene->gain > 0 ? scene->gain : 1));
        colour[c] += (int)scene->tint[c];
    }
    if (scene->lit)
        shine(colour, u - scene->lamp);
}

void scene_draw(uint8_t *rgb, const struct scene *scene)
{
    const double size = scene->size > 0 ? scene->size : 1;
    uint32_t bits = 2463534242u + scene->seed * 7919;
    for (int y = 0; y < SCENE_H; y++)
        for (int x = 0; x < SCENE_W; x++, rgb += 3) {
            int colour[3] = {150 + y / 3, 155 + y / 3, 165 + y / 3};
            const double u = (x - CAN_X - scene->x) / (size * CAN_W / 2);
            if (product_at(u, (y - CAN_Y - scene->y) / (size * CAN_H / 2), scene->other, colour))
                alter(colour, scene, u);
            for (int c = 0; c < 3; c++) {
                bits ^= bits << 13;
                bits ^= bits >> 17;
                bits ^= bits << 5;
                const int noise = (int)(bits % (2 * scene->grain + 1)) - (int)scene->grain;
                rgb[c] = level(colour[c] + scene->light + noise);
            }
        }
}

struct ps_clip *scene_clip(struct scene (*at)(uint32_t frame))
{
    const struct scene rest = {0};
    struct ps_clip *clip = NULL;
    uint8_t *photo = malloc(SCENE_W * SCENE_H * 3);
    assert_int_equal(ps_clip_new(&clip, SCENE_W, SCENE_H, SCENE_FRAMES, 7, NULL), PS_OK);
    for (uint32_t f = 0; f < SCENE_FRAMES; f++) {
        const struct scene scene = at(f);
        scene_draw(ps_clip_frame_pixels(clip, f), &scene);
    }
    scene_draw(photo, &rest);
    ps_clip_take_photo(clip, photo, NULL);
    return clip;
}
