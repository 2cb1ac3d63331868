/* What the studio can photograph. Python fills these structs through ctypes: plain data, four-byte fields, one pointer.
 *
 * World: y is up, the product stands on the floor y = 0 with its axis on the y axis; it is about one unit high.
 * Colours are linear RGB, angles are radians. */
#ifndef STUDIO_SCENE_H
#define STUDIO_SCENE_H

#include <stdint.h>

enum { PROFILE_POINTS = 64, MATERIALS = 8, SOFTBOXES = 6 };
enum shape { SHAPE_REVOLUTION = 0, SHAPE_BOX = 1 };
enum backdrop { BACKDROP_SWEEP = 0, BACKDROP_TABLE = 1 };

struct material {
    float albedo[3];
    float metal;    /* 0 dielectric .. 1 metal */
    float rough;    /* width of the highlight, 0 .. 1 */
    float specular; /* reflectance at normal incidence */
    float glass;    /* share of the light that passes through, 0 opaque .. 1 */
    int32_t labelled; /* albedo comes from the label */
};

/* A rectangular light at infinity: unit direction towards it, its two unit edges, half sizes as tangents. */
struct softbox {
    float direction[3], across[3], up[3];
    float half_across, half_up;
    float power;
    float tint[3];
};

struct scene {
    int32_t shape;

    /* SHAPE_REVOLUTION: profile from the foot to the centre of the lid; segment i joins points i and i + 1. */
    int32_t points;
    float radius[PROFILE_POINTS], height[PROFILE_POINTS];
    int32_t material_of[PROFILE_POINTS];

    /* SHAPE_BOX: half width, full height, half depth and edge radius; sides use material 0, top and foot material 1. */
    float box_half_x, box_height, box_half_z, box_round;

    struct material material[MATERIALS];

    /* The label wraps once around the product; rows run from label_high down to label_low; 8-bit sRGB triples. */
    float label_low, label_high;
    int32_t label_width, label_height;
    const uint8_t *label;

    /* The camera looks at (0, target, 0); the shifts move the picture in units of half its size. */
    float target, distance, pitch, yaw, field, shift_x, shift_y;

    /* Softbox 0 is the key light, the one that a light sweep moves. */
    int32_t softboxes;
    struct softbox softbox[SOFTBOXES];
    float ambient;

    int32_t backdrop;
    float floor[3], wall[3];
    float grain;     /* contrast of the table top's grain, 0 plain */
    float grain_seed;
    float mirror;    /* how much the floor reflects */
    float shadow;    /* depth of shadows, 0 .. 1 */
    float vignette;
    float exposure;
    float turn;      /* of the product about its axis, at rest */
};

/* What one frame changes against the scene at rest. */
struct pose {
    float turn;  /* added to the product's turn */
    float orbit; /* added to the camera's yaw */
    float push;  /* the camera's distance is divided by 1 + push */
    float swing; /* the key light turns about the vertical axis */
};

/* Sizes as compiled, for the caller to compare with its own. */
int studio_scene_size(void);

/* Renders `frames` pictures of height x width x 3 bytes, sRGB, 2x2 samples a pixel, into rgb.
 * Returns 0, or -1 when memory is short. Thread-safe. */
int studio_render(const struct scene *scene, int width, int height, int frames, const struct pose *pose, uint8_t *rgb);

#endif
