/* Drawn clips whose faults are known. */
#ifndef PS_TESTS_QUALITY_SCENE_H
#define PS_TESTS_QUALITY_SCENE_H

#include "base/suite.h"

#include "media/clip.h"

enum { SCENE_W = 256, SCENE_H = 144, SCENE_FRAMES = 12 };

/* What one frame shows. */
struct scene {
    int x, y;         /* pixels that the product has moved */
    double size;      /* of the product; 0 means 1 */
    int light;        /* levels added everywhere */
    bool other;       /* another product */
    uint32_t tint[3]; /* levels added to the product's red, green and blue */
    bool lit;         /* a lamp shines on the product: */
    double lamp;      /* where, across it, -1 to 1 */
    bool grey;        /* the product has lost its colours */
    double gain;      /* the product's levels are multiplied by it; 0 means 1 */
    uint32_t grain;   /* levels of noise, up and down */
    uint32_t seed;    /* of the noise */
};

/* Draws [SCENE_H, SCENE_W, 3]: a printed can before a graded wall. */
void scene_draw(uint8_t *rgb, const struct scene *scene);

/* A clip with its photo, which is the scene at rest; frame f is made by `at`. */
struct ps_clip *scene_clip(struct scene (*at)(uint32_t frame));

#endif
