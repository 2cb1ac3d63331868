#include "light.h"

#define LIGHT_MAP_REACH 2.4f

int lamps_of(const struct scene *scene, float swing, struct lamp lamps[SOFTBOXES])
{
    for (int i = 0; i < scene->softboxes; i++) {
        const struct softbox *s = &scene->softbox[i];
        float c = i ? 1.0f : cosf(swing), n = i ? 0.0f : sinf(swing);
        lamps[i] = (struct lamp){
            .direction = vec_turn(vec(s->direction[0], s->direction[1], s->direction[2]), c, n),
            .across = vec_turn(vec(s->across[0], s->across[1], s->across[2]), c, n),
            .up = vec_turn(vec(s->up[0], s->up[1], s->up[2]), c, n),
            .tint = vec(s->tint[0], s->tint[1], s->tint[2]),
            .half_across = s->half_across, .half_up = s->half_up, .power = s->power,
        };
    }
    return scene->softboxes;
}

static float edge(float x, float half, float blur)
{
    return 1.0f - smooth(half - blur, half + blur, fabsf(x));
}

struct vec lamp_seen(const struct lamp *lamp, struct vec r, float rough)
{
    float facing = vec_dot(r, lamp->direction);
    if (facing < 0.05f)
        return vec(0.0f, 0.0f, 0.0f);
    float u = vec_dot(r, lamp->across) / facing, v = vec_dot(r, lamp->up) / facing, blur = 0.04f + 0.9f * rough;
    float k = edge(u, lamp->half_across, blur) * edge(v, lamp->half_up, blur);
    /* Blur spreads the same light over a larger area. */
    k *= lamp->half_across * lamp->half_up / ((lamp->half_across + 0.5f * blur) * (lamp->half_up + 0.5f * blur));
    return vec_scale(lamp->tint, k * lamp->power);
}

struct vec lamp_on(const struct lamp *lamp, struct vec n)
{
    /* An area light reaches beyond the terminator. */
    float k = fmaxf((vec_dot(n, lamp->direction) + 0.2f) / 1.2f, 0.0f);
    return vec_scale(lamp->tint, k * k * lamp->power * lamp->half_across * lamp->half_up * 1.1f);
}

struct vec surroundings(const struct scene *scene, struct vec r, float rough)
{
    float up = smooth(-0.25f - rough, 0.3f + rough, r.y), down = 0.7f * (1.0f - up);
    float wall = 0.5f * up * (1.0f - 0.5f * smooth(0.3f, 1.0f, r.y));
    return vec(scene->floor[0] * down + scene->wall[0] * wall, scene->floor[1] * down + scene->wall[1] * wall,
               scene->floor[2] * down + scene->wall[2] * wall);
}

/* Share of a lamp that the product hides from the floor point (x, z): the penumbra widens with the distance. */
static float hidden(const struct body *body, const struct lamp *lamp, float x, float z)
{
    enum { LEVELS = 10 };
    struct vec l = lamp->direction;
    if (l.y < 0.05f)
        return 0.0f;
    float size = 0.5f * (lamp->half_across + lamp->half_up), worst = 0.0f;
    for (int i = 0; i < LEVELS; i++) {
        float height = body->top * ((float)i + 0.5f) / LEVELS, t = height / l.y;
        float gap = body_outline(body, x + l.x * t, z + l.z * t, height);
        float penumbra = 0.04f + size * t * 0.7f;
        worst = fmaxf(worst, (1.0f - smooth(-penumbra, penumbra, gap)) / (1.0f + 0.35f * t));
    }
    return worst;
}

void light_map_fill(struct light_map *map, const struct body *body, const struct lamp *lamps, int first, int last, int rest)
{
    const struct scene *s = body->scene;
    for (int j = 0; j < LIGHT_MAP; j++)
        for (int i = 0; i < LIGHT_MAP; i++) {
            float x = LIGHT_MAP_REACH * (2.0f * (float)i / (LIGHT_MAP - 1) - 1.0f);
            float z = LIGHT_MAP_REACH * (2.0f * (float)j / (LIGHT_MAP - 1) - 1.0f);
            float sum = 0.0f;
            for (int k = first; k < last; k++) {
                const struct lamp *lamp = &lamps[k];
                /* The pool of light lies a little towards the lamp. */
                float dx = x - 0.9f * lamp->direction.x, dz = z - 0.9f * lamp->direction.z;
                float pool = 0.25f + 0.75f / (1.0f + 0.7f * (dx * dx + dz * dz));
                float strength = lamp->power * lamp->half_across * lamp->half_up * fmaxf(lamp->direction.y, 0.0f) * pool;
                sum += strength * (1.0f - s->shadow * hidden(body, lamp, x, z));
            }
            if (rest) {
                float gap = fmaxf(body_outline(body, x, z, 0.04f), 0.0f);
                float contact = 0.65f * expf(-gap * 11.0f) + 0.3f * expf(-gap * 2.5f);
                sum += s->ambient * (1.0f - s->shadow * contact);
            }
            map->value[j][i] = sum;
        }
}

float light_map_at(const struct light_map *map, float x, float z)
{
    float fx = clamp((x / LIGHT_MAP_REACH + 1.0f) * 0.5f * (LIGHT_MAP - 1), 0.0f, LIGHT_MAP - 1.001f);
    float fz = clamp((z / LIGHT_MAP_REACH + 1.0f) * 0.5f * (LIGHT_MAP - 1), 0.0f, LIGHT_MAP - 1.001f);
    int i = (int)fx, j = (int)fz;
    fx -= (float)i;
    fz -= (float)j;
    return mix(mix(map->value[j][i], map->value[j][i + 1], fx), mix(map->value[j + 1][i], map->value[j + 1][i + 1], fx), fz);
}

float lamp_on_wall(const struct lamp *lamp, float x, float y)
{
    float front = 0.35f + 0.65f * smooth(-0.6f, 0.8f, lamp->direction.z);
    float dx = x + 1.5f * lamp->direction.x, dy = y - 0.9f;
    return lamp->power * lamp->half_across * lamp->half_up * front * (0.15f + 0.85f / (1.0f + 0.8f * (dx * dx + dy * dy)));
}
