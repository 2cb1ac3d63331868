/* Where a ray meets the product. */
#ifndef STUDIO_TRACE_H
#define STUDIO_TRACE_H

#include "scene.h"
#include "vec.h"

struct hit {
    float t;            /* along the ray, in units of its direction */
    struct vec normal;  /* unit, towards the ray's origin */
    int material;
    float u, v;         /* label coordinates: u in turns, v from 0 at the top to 1 */
    float chord;        /* length of the path inside a body of revolution */
};

/* Shape constants of a scene that every ray needs. */
struct body {
    const struct scene *scene;
    float top;        /* height of the product */
    float reach;      /* radius of the upright cylinder around it */
    float cosine, sine; /* of the product's turn; used by boxes */
};

struct body body_of(const struct scene *scene, float turn);

/* 1 and *hit when the ray o + t d, t > 0, meets the product; else 0. d has unit length. */
int body_hit(const struct body *body, struct vec o, struct vec d, struct hit *hit);

/* Distance on the level `height` from (x, z) to the product's outline; negative inside. */
float body_outline(const struct body *body, float x, float z, float height);

#endif
