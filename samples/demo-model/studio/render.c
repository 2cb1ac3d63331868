/* Frames of a scene. What a pose leaves alone is kept from the frame before: geometry while camera and outline stand
 * still (a body of revolution may turn), all light but the key's while the geometry stands, finished pixels without label
 * while nothing but the label moves. */
#include <stdlib.h>
#include <string.h>

#include "light.h"
#include "scene.h"
#include "trace.h"

enum { AA = 2, SAMPLES = AA * AA, GAMMA_STEPS = 8192 };

/* A product point that a sample sees, directly or in the floor. */
struct surface {
    struct vec normal, mirrored, through; /* through: weight of the backdrop behind glass */
    struct vec fixed_gloss, fixed_matte;  /* light added, and light multiplied by the albedo, without the key */
    struct vec gloss, matte;              /* the same with the key */
    float matte_share, metal_share, gloss_share, rough;
    float u, v;
    int material;
};

struct sample {
    int direct, mirror;   /* indices into the surfaces, -1 none */
    float mirror_weight;
    float x, z;           /* floor point or wall point (x, height) */
    float wall;           /* 0 floor .. 1 wall */
    struct vec weight;    /* of the backdrop in this sample */
    float dim;            /* lens falloff and table grain */
};

struct studio {
    const struct scene *scene;
    int width, height;
    struct body body;
    struct lamp lamps[SOFTBOXES];
    int lamp_count;
    struct sample *samples;
    struct surface *surfaces;
    int surface_count, surface_room;
    struct light_map fixed_map, key_map;
    float label_turn;
    float linear_of[256];
    uint8_t srgb_of[GAMMA_STEPS + 1];
};

static void curves_init(struct studio *st)
{
    for (int i = 0; i < 256; i++) {
        float s = (float)i / 255.0f;
        st->linear_of[i] = s <= 0.04045f ? s / 12.92f : powf((s + 0.055f) / 1.055f, 2.4f);
    }
    for (int i = 0; i <= GAMMA_STEPS; i++) {
        float x = (float)i / GAMMA_STEPS, s = x <= 0.0031308f ? 12.92f * x : 1.055f * powf(x, 1.0f / 2.4f) - 0.055f;
        st->srgb_of[i] = (uint8_t)(s * 255.0f + 0.5f);
    }
}

static float hash(int x, int y)
{
    uint32_t h = (uint32_t)x * 0x8da6b343u ^ (uint32_t)y * 0xd8163841u;
    h = (h ^ (h >> 13)) * 0x9e3779b1u;
    return (float)((h ^ (h >> 16)) & 0xffffff) / 16777216.0f;
}

static float noise(float x, float y)
{
    float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    int i = (int)fx, j = (int)fy;
    u = u * u * (3.0f - 2.0f * u);
    v = v * v * (3.0f - 2.0f * v);
    return mix(mix(hash(i, j), hash(i + 1, j), u), mix(hash(i, j + 1), hash(i + 1, j + 1), u), v);
}

/* Boards with long streaks; mean 1. */
static float grain_at(const struct scene *s, float x, float z)
{
    float across = z * 14.0f + 3.0f * noise(x * 1.3f + s->grain_seed, z * 2.0f);
    float streak = noise(x * 2.0f + s->grain_seed, across * 2.5f) * 0.6f + noise(x * 5.0f, across * 7.0f + s->grain_seed) * 0.4f;
    return 1.0f + s->grain * (streak - 0.5f);
}

/* A new surface seen along d; returns its index or -1 when memory is short. */
static int surface_add(struct studio *st, struct vec p, struct vec d, const struct hit *hit)
{
    if (st->surface_count == st->surface_room) {
        int room = st->surface_room ? st->surface_room * 2 : 1 << 15;
        struct surface *grown = realloc(st->surfaces, (size_t)room * sizeof *grown);
        if (!grown)
            return -1;
        st->surfaces = grown;
        st->surface_room = room;
    }
    const struct material *m = &st->scene->material[hit->material];
    struct surface *s = &st->surfaces[st->surface_count];
    float facing = fmaxf(-vec_dot(hit->normal, d), 0.0f), grazing = 1.0f - facing;
    float schlick = grazing * grazing * grazing * grazing * grazing;
    float fresnel = m->specular + (1.0f - m->specular) * schlick * (1.0f - 0.8f * m->rough) * 0.7f;
    float open = (0.45f + 0.55f * smooth(-0.02f, 0.45f, p.y)) * (hit->normal.y < -0.2f ? 0.7f : 1.0f);
    *s = (struct surface){.normal = hit->normal, .mirrored = vec_along(d, hit->normal, 2.0f * facing),
                          .rough = m->rough, .u = hit->u, .v = hit->v, .material = hit->material};
    s->matte_share = (1.0f - m->metal) * (1.0f - fresnel) * (1.0f - m->glass) * open;
    s->metal_share = m->metal * open;
    s->gloss_share = fresnel * (m->metal > 0.5f ? 0.25f : 1.0f) * open;
    if (m->glass > 0.0f) {
        float depth = 0.4f + 2.2f * hit->chord, pass = m->glass * (1.0f - fresnel) * (0.35f + 0.65f * facing);
        s->through = vec(pass * powf(m->albedo[0], depth), pass * powf(m->albedo[1], depth), pass * powf(m->albedo[2], depth));
    }
    return st->surface_count++;
}

/* Backdrop seen along d from o: a floor that rises into the wall (sweep), or a table in front of a wall. */
static void backdrop_at(const struct scene *s, struct vec o, struct vec d, struct sample *out)
{
    const float wall_at = -3.0f, table_edge = -1.3f;
    float t = d.y < -1e-4f ? -o.y / d.y : 1e9f, z = o.z + d.z * t;
    int on_floor = t < 60.0f && (s->backdrop == BACKDROP_SWEEP ? z > wall_at : z > table_edge);
    out->dim = 1.0f;
    if (on_floor) {
        out->x = o.x + d.x * t;
        out->z = z;
        out->wall = s->backdrop == BACKDROP_SWEEP ? smooth(-0.4f, wall_at, z) : 0.0f;
        if (s->backdrop == BACKDROP_TABLE && s->grain > 0.0f)
            out->dim = grain_at(s, out->x, z);
        return;
    }
    t = d.z < -1e-3f ? fminf((wall_at - o.z) / d.z, 20.0f) : 20.0f;
    out->x = o.x + d.x * t;
    out->z = o.y + d.y * t;
    out->wall = 1.0f;
}

struct camera { struct vec eye, right, up, ahead; float tangent, aspect; };

static struct camera camera_of(const struct scene *s, const struct pose *pose, int width, int height)
{
    float yaw = s->yaw + pose->orbit, cp = cosf(s->pitch), sp = sinf(s->pitch), distance = s->distance / (1.0f + pose->push);
    struct camera c = {.ahead = vec(-sinf(yaw) * cp, -sp, -cosf(yaw) * cp), .right = vec(cosf(yaw), 0.0f, -sinf(yaw)),
                       .up = vec(-sinf(yaw) * sp, cp, -cosf(yaw) * sp),
                       .tangent = tanf(0.5f * s->field), .aspect = (float)width / (float)height};
    c.eye = vec_along(vec(0.0f, s->target, 0.0f), c.ahead, -distance);
    return c;
}

/* Follows the ray of picture position (x, y), pixels. Returns 0 when memory is short. */
static int trace_sample(struct studio *st, const struct camera *c, float x, float y, struct sample *out)
{
    const struct scene *s = st->scene;
    float sx = 2.0f * x / (float)st->width - 1.0f, sy = 1.0f - 2.0f * y / (float)st->height;
    float px = (sx - s->shift_x) * c->aspect * c->tangent, py = (sy - s->shift_y) * c->tangent;
    struct vec d = vec_unit(vec_along(vec_along(c->ahead, c->right, px), c->up, py));
    float lens = 1.0f - s->vignette * 0.5f * (sx * sx + sy * sy);
    struct hit hit;
    *out = (struct sample){.direct = -1, .mirror = -1};
    if (body_hit(&st->body, c->eye, d, &hit)) {
        struct vec p = vec_along(c->eye, d, hit.t);
        if ((out->direct = surface_add(st, p, d, &hit)) < 0)
            return 0;
        out->weight = st->surfaces[out->direct].through;
        if (out->weight.x + out->weight.y + out->weight.z > 0.0f) {
            /* A filled round bottle turns the backdrop around. */
            struct vec bent = vec_unit(vec_along(d, vec(hit.normal.x, 0.15f * hit.normal.y, hit.normal.z), -0.9f));
            backdrop_at(s, p, bent, out);
        }
        out->dim = lens;
        return 1;
    }
    backdrop_at(s, c->eye, d, out);
    out->dim *= lens;
    out->weight = vec(1.0f, 1.0f, 1.0f);
    if (s->mirror > 0.0f && out->wall < 1.0f && out->x * out->x + out->z * out->z < 4.0f) {
        struct vec p = vec(out->x, 0.0f, out->z), r = vec(d.x, -d.y, d.z);
        if (body_hit(&st->body, p, r, &hit)) {
            struct vec q = vec_along(p, r, hit.t);
            if ((out->mirror = surface_add(st, q, r, &hit)) < 0)
                return 0;
            out->mirror_weight = s->mirror * expf(-2.2f * q.y);
            out->weight = vec_scale(out->weight, 1.0f - out->mirror_weight);
        }
    }
    return 1;
}

static int trace_frame(struct studio *st, const struct pose *pose)
{
    struct camera c = camera_of(st->scene, pose, st->width, st->height);
    st->surface_count = 0;
    for (int y = 0; y < st->height; y++)
        for (int x = 0; x < st->width; x++)
            for (int j = 0; j < SAMPLES; j++) {
                float dx = ((float)(j % AA) + 0.5f) / AA, dy = ((float)(j / AA) + 0.5f) / AA;
                struct sample *out = &st->samples[(y * st->width + x) * SAMPLES + j];
                if (!trace_sample(st, &c, (float)x + dx, (float)y + dy, out))
                    return 0;
            }
    return 1;
}

static void light_surface(const struct surface *s, const struct lamp *lamp, struct vec *gloss, struct vec *matte)
{
    struct vec seen = lamp_seen(lamp, s->mirrored, s->rough), on = lamp_on(lamp, s->normal);
    *gloss = vec_along(*gloss, seen, s->gloss_share);
    *matte = vec_along(vec_along(*matte, on, s->matte_share), seen, s->metal_share);
}

static void light_fixed(struct studio *st)
{
    light_map_fill(&st->fixed_map, &st->body, st->lamps, 1, st->lamp_count, 1);
    for (int i = 0; i < st->surface_count; i++) {
        struct surface *s = &st->surfaces[i];
        struct vec around = surroundings(st->scene, s->mirrored, s->rough);
        float sky = st->scene->ambient * (0.8f + 0.2f * s->normal.y) * s->matte_share;
        s->fixed_gloss = vec_scale(around, s->gloss_share);
        s->fixed_matte = vec_along(vec(sky, sky, sky), around, s->metal_share);
        for (int k = 1; k < st->lamp_count; k++)
            light_surface(s, &st->lamps[k], &s->fixed_gloss, &s->fixed_matte);
    }
}

static void light_key(struct studio *st)
{
    light_map_fill(&st->key_map, &st->body, st->lamps, 0, 1, 0);
    for (int i = 0; i < st->surface_count; i++) {
        struct surface *s = &st->surfaces[i];
        s->gloss = s->fixed_gloss;
        s->matte = s->fixed_matte;
        light_surface(s, &st->lamps[0], &s->gloss, &s->matte);
    }
}

static struct vec label_at(const struct studio *st, float u, float v)
{
    const struct scene *s = st->scene;
    u -= floorf(u);
    float x = u * (float)s->label_width - 0.5f, y = clamp(v, 0.0f, 1.0f) * (float)(s->label_height - 1);
    int x0 = (int)floorf(x), y0 = (int)y;
    float fx = x - (float)x0, fy = y - (float)y0;
    int x1 = x0 + 1 < s->label_width ? x0 + 1 : 0, y1 = y0 + 1 < s->label_height ? y0 + 1 : y0;
    if (x0 < 0)
        x0 = s->label_width - 1;
    const uint8_t *a = s->label + 3 * (y0 * s->label_width + x0), *b = s->label + 3 * (y0 * s->label_width + x1);
    const uint8_t *c = s->label + 3 * (y1 * s->label_width + x0), *d = s->label + 3 * (y1 * s->label_width + x1);
    float k[3];
    for (int i = 0; i < 3; i++)
        k[i] = mix(mix(st->linear_of[a[i]], st->linear_of[b[i]], fx), mix(st->linear_of[c[i]], st->linear_of[d[i]], fx), fy);
    return vec(k[0], k[1], k[2]);
}

static struct vec surface_colour(const struct studio *st, const struct surface *s)
{
    const struct material *m = &st->scene->material[s->material];
    struct vec albedo = m->labelled ? label_at(st, s->u - st->label_turn, s->v) : vec(m->albedo[0], m->albedo[1], m->albedo[2]);
    return vec_add(s->gloss, vec_mul(s->matte, albedo));
}

static struct vec backdrop_colour(const struct studio *st, const struct sample *p)
{
    const struct scene *s = st->scene;
    struct vec floor = vec(s->floor[0], s->floor[1], s->floor[2]), wall = vec(s->wall[0], s->wall[1], s->wall[2]);
    float on_wall = 0.0f, on_floor = 0.0f, height = p->wall < 1.0f ? 0.0f : p->z;
    if (p->wall > 0.0f) {
        on_wall = s->ambient;
        for (int k = 0; k < st->lamp_count; k++)
            on_wall += 0.6f * lamp_on_wall(&st->lamps[k], p->x, height);
    }
    if (p->wall < 1.0f)
        on_floor = light_map_at(&st->fixed_map, p->x, p->z) + light_map_at(&st->key_map, p->x, p->z);
    return vec_add(vec_scale(floor, on_floor * (1.0f - p->wall)), vec_scale(wall, on_wall * p->wall));
}

/* Linear below 0.6, then rolls off towards 1. */
static float tone(float x)
{
    float over = (x - 0.6f) / 0.4f;
    return x < 0.6f ? fmaxf(x, 0.0f) : 0.6f + 0.4f * over / (1.0f + over);
}

static int labelled(const struct studio *st, const struct sample *p)
{
    const struct material *m = st->scene->material;
    return (p->direct >= 0 && m[st->surfaces[p->direct].material].labelled) ||
           (p->mirror >= 0 && m[st->surfaces[p->mirror].material].labelled);
}

static void resolve_pixel(const struct studio *st, const struct sample *four, uint8_t *rgb)
{
    float sum[3] = {0.0f, 0.0f, 0.0f};
    struct vec shared = vec(0.0f, 0.0f, 0.0f);
    int have_shared = 0;
    for (int j = 0; j < SAMPLES; j++) {
        const struct sample *p = &four[j];
        struct vec c = vec(0.0f, 0.0f, 0.0f);
        if (p->weight.x + p->weight.y + p->weight.z > 0.0f) {
            /* The backdrop is smooth within a pixel: evaluated once, its grain is in dim. */
            struct vec back = have_shared && p->direct < 0 ? shared : backdrop_colour(st, p);
            if (p->direct < 0) {
                shared = back;
                have_shared = 1;
            }
            c = vec_mul(back, p->weight);
        }
        if (p->direct >= 0)
            c = vec_add(c, surface_colour(st, &st->surfaces[p->direct]));
        if (p->mirror >= 0)
            c = vec_along(c, surface_colour(st, &st->surfaces[p->mirror]), p->mirror_weight);
        float gain = p->dim * st->scene->exposure;
        sum[0] += tone(c.x * gain);
        sum[1] += tone(c.y * gain);
        sum[2] += tone(c.z * gain);
    }
    for (int k = 0; k < 3; k++)
        rgb[k] = st->srgb_of[(int)(clamp(sum[k] / SAMPLES, 0.0f, 1.0f) * GAMMA_STEPS)];
}

static void resolve_frame(const struct studio *st, const uint8_t *before, uint8_t *rgb)
{
    for (int i = 0; i < st->width * st->height; i++) {
        const struct sample *four = &st->samples[i * SAMPLES];
        int moves = !before;
        for (int j = 0; j < SAMPLES && !moves; j++)
            moves = labelled(st, &four[j]);
        if (moves)
            resolve_pixel(st, four, rgb + 3 * i);
        else
            memcpy(rgb + 3 * i, before + 3 * i, 3);
    }
}

int studio_scene_size(void) { return (int)sizeof(struct scene); }

int studio_render(const struct scene *scene, int width, int height, int frames, const struct pose *pose, uint8_t *rgb)
{
    struct studio *st = calloc(1, sizeof *st);
    size_t picture = (size_t)width * (size_t)height * 3;
    int status = -1;
    if (!st)
        return -1;
    st->scene = scene;
    st->width = width;
    st->height = height;
    st->samples = malloc((size_t)width * (size_t)height * SAMPLES * sizeof *st->samples);
    if (!st->samples)
        goto out;
    curves_init(st);
    for (int f = 0; f < frames; f++) {
        const struct pose *now = &pose[f], *last = f ? &pose[f - 1] : NULL;
        int moved = !last || now->orbit != last->orbit || now->push != last->push ||
                    (scene->shape == SHAPE_BOX && now->turn != last->turn);
        int lit = moved || now->swing != last->swing;
        if (lit)
            st->lamp_count = lamps_of(scene, now->swing, st->lamps);
        if (moved) {
            st->body = body_of(scene, scene->turn + now->turn);
            if (!trace_frame(st, now))
                goto out;
            light_fixed(st);
        }
        if (lit)
            light_key(st);
        st->label_turn = scene->shape == SHAPE_REVOLUTION ? (scene->turn + now->turn) * 0.15915494f : 0.0f;
        resolve_frame(st, lit ? NULL : rgb + picture * (size_t)(f - 1), rgb + picture * (size_t)f);
    }
    status = 0;
out:
    free(st->surfaces);
    free(st->samples);
    free(st);
    return status;
}
