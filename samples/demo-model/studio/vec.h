/* Three-component vectors and the few scalar curves that the studio uses. */
#ifndef STUDIO_VEC_H
#define STUDIO_VEC_H

#include <math.h>

struct vec { float x, y, z; };

static inline struct vec vec(float x, float y, float z) { return (struct vec){x, y, z}; }
static inline struct vec vec_add(struct vec a, struct vec b) { return vec(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline struct vec vec_scale(struct vec a, float s) { return vec(a.x * s, a.y * s, a.z * s); }
static inline struct vec vec_along(struct vec o, struct vec d, float t) { return vec_add(o, vec_scale(d, t)); }
static inline float vec_dot(struct vec a, struct vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline struct vec vec_mul(struct vec a, struct vec b) { return vec(a.x * b.x, a.y * b.y, a.z * b.z); }

static inline struct vec vec_unit(struct vec a)
{
    return vec_scale(a, 1.0f / sqrtf(vec_dot(a, a) + 1e-12f));
}

/* Rotation about the vertical axis; c and s are the angle's cosine and sine. */
static inline struct vec vec_turn(struct vec a, float c, float s)
{
    return vec(c * a.x + s * a.z, a.y, c * a.z - s * a.x);
}

static inline float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
static inline float mix(float a, float b, float t) { return a + (b - a) * t; }

static inline float smooth(float low, float high, float x)
{
    float t = clamp((x - low) / (high - low), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

#endif
