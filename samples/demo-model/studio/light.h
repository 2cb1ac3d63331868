/* Light of the studio: softboxes as seen in reflections, as they fall on matte surfaces, and on floor and wall. */
#ifndef STUDIO_LIGHT_H
#define STUDIO_LIGHT_H

#include "scene.h"
#include "trace.h"
#include "vec.h"

enum { LIGHT_MAP = 96 };

/* Irradiance of the floor around the product from a group of lights, without albedo; covers +-LIGHT_MAP_REACH. */
struct light_map { float value[LIGHT_MAP][LIGHT_MAP]; };

/* A softbox that has been turned about the vertical axis, in vector form. */
struct lamp {
    struct vec direction, across, up, tint;
    float half_across, half_up, power;
};

/* Lamps of the scene; the key light (index 0) is swung by the given angle. Returns their number. */
int lamps_of(const struct scene *scene, float swing, struct lamp lamps[SOFTBOXES]);

/* Light that comes from direction r, blurred by a surface's roughness. */
struct vec lamp_seen(const struct lamp *lamp, struct vec r, float rough);

/* Light that falls on a matte surface with normal n. */
struct vec lamp_on(const struct lamp *lamp, struct vec n);

/* Surroundings without the lamps: floor below, wall above. */
struct vec surroundings(const struct scene *scene, struct vec r, float rough);

/* Floor irradiance from lamps [first, last) and, if `rest` is set, from the ambient light with its contact shadow. */
void light_map_fill(struct light_map *map, const struct body *body, const struct lamp *lamps, int first, int last, int rest);

float light_map_at(const struct light_map *map, float x, float z);

/* Share of a lamp's light that reaches the wall at the picture-plane position x, y (world units). */
float lamp_on_wall(const struct lamp *lamp, float x, float y);

#endif
