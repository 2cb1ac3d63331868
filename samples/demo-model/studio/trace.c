#include "trace.h"

struct body body_of(const struct scene *scene, float turn)
{
    struct body body = {.scene = scene, .cosine = cosf(turn), .sine = sinf(turn)};
    if (scene->shape == SHAPE_BOX) {
        body.top = scene->box_height;
        body.reach = sqrtf(scene->box_half_x * scene->box_half_x + scene->box_half_z * scene->box_half_z);
        return body;
    }
    for (int i = 0; i < scene->points; i++) {
        body.reach = fmaxf(body.reach, scene->radius[i]);
        body.top = fmaxf(body.top, scene->height[i]);
    }
    return body;
}

/* Interval of t in which the ray is inside the upright cylinder around the body, or 0. */
static int cylinder_span(const struct body *body, struct vec o, struct vec d, float *enter, float *leave)
{
    float a = d.x * d.x + d.z * d.z, b = o.x * d.x + o.z * d.z;
    float c = o.x * o.x + o.z * o.z - body->reach * body->reach;
    float discriminant = b * b - a * c;
    if (discriminant < 0.0f || a < 1e-9f)
        return 0;
    float root = sqrtf(discriminant);
    *enter = (-b - root) / a;
    *leave = (-b + root) / a;
    float y0 = o.y + d.y * *enter, y1 = o.y + d.y * *leave;
    return *leave > 0.0f && fmaxf(y0, y1) >= 0.0f && fminf(y0, y1) <= body->top;
}

/* Unit normal (radial, vertical) of the profile's segment i; outwards, as the profile runs from the foot up. */
static void segment_normal(const struct scene *s, int i, float *radial, float *vertical)
{
    float dr = s->radius[i + 1] - s->radius[i], dy = s->height[i + 1] - s->height[i];
    float length = 1.0f / sqrtf(dr * dr + dy * dy + 1e-12f);
    *radial = dy * length;
    *vertical = -dr * length;
}

/* Normals are interpolated along a segment towards neighbours that continue it; a kink above 40 degrees stays sharp. */
static struct vec profile_normal(const struct scene *s, int i, float along, struct vec p)
{
    const float kink = 0.77f;
    float r, y, r0, y0, r1, y1;
    segment_normal(s, i, &r, &y);
    r0 = r1 = r;
    y0 = y1 = y;
    if (i > 0) {
        float nr, ny;
        segment_normal(s, i - 1, &nr, &ny);
        if (nr * r + ny * y > kink) { r0 = r + nr; y0 = y + ny; }
    }
    if (i + 2 < s->points) {
        float nr, ny;
        segment_normal(s, i + 1, &nr, &ny);
        if (nr * r + ny * y > kink) { r1 = r + nr; y1 = y + ny; }
    }
    float w0 = (1.0f - along) / sqrtf(r0 * r0 + y0 * y0), w1 = along / sqrtf(r1 * r1 + y1 * y1);
    float radial = r0 * w0 + r1 * w1, vertical = y0 * w0 + y1 * w1;
    float axis = 1.0f / (sqrtf(p.x * p.x + p.z * p.z) + 1e-6f);
    return vec_unit(vec(p.x * axis * radial, vertical, p.z * axis * radial));
}

static int revolution_hit(const struct body *body, struct vec o, struct vec d, struct hit *hit)
{
    const struct scene *s = body->scene;
    float enter, leave;
    if (!cylinder_span(body, o, d, &enter, &leave))
        return 0;
    float y0 = o.y + d.y * enter, y1 = o.y + d.y * leave;
    float low = fminf(y0, y1) - 1e-3f, high = fmaxf(y0, y1) + 1e-3f;
    float a = d.x * d.x + d.z * d.z, b = o.x * d.x + o.z * d.z, c = o.x * o.x + o.z * o.z;
    float nearest = 1e9f, furthest = 0.0f;
    int found = -1;
    for (int i = 0; i + 1 < s->points; i++) {
        float ya = s->height[i], yb = s->height[i + 1], ra = s->radius[i], rb = s->radius[i + 1];
        float bottom = fminf(ya, yb), top = fmaxf(ya, yb);
        if (top < low || bottom > high)
            continue;
        if (top - bottom < 1e-4f) {
            float t = (ya - o.y) / d.y, x = o.x + d.x * t, z = o.z + d.z * t, rr = x * x + z * z;
            float inner = fminf(ra, rb), outer = fmaxf(ra, rb);
            if (t > 1e-3f && rr >= inner * inner && rr <= outer * outer) {
                furthest = fmaxf(furthest, t);
                if (t < nearest) { nearest = t; found = i; }
            }
            continue;
        }
        /* Cone: the radius is m + k y' along the ray, y' = d.y t. */
        float k = (rb - ra) / (yb - ya), m = ra + k * (o.y - ya);
        float qa = a - k * k * d.y * d.y, qb = b - m * k * d.y, qc = c - m * m;
        float discriminant = qb * qb - qa * qc;
        if (discriminant < 0.0f || fabsf(qa) < 1e-9f)
            continue;
        float root = sqrtf(discriminant);
        for (int side = -1; side <= 1; side += 2) {
            float t = (-qb + (float)side * root) / qa, y = o.y + d.y * t;
            if (t > 1e-3f && y >= bottom - 1e-5f && y <= top + 1e-5f && m + k * d.y * t >= 0.0f) {
                furthest = fmaxf(furthest, t);
                if (t < nearest) { nearest = t; found = i; }
            }
        }
    }
    if (found < 0)
        return 0;
    struct vec p = vec_along(o, d, nearest);
    float rise = s->height[found + 1] - s->height[found];
    hit->t = nearest;
    hit->chord = furthest - nearest;
    hit->material = s->material_of[found];
    if (fabsf(rise) < 1e-4f)
        hit->normal = vec(0.0f, d.y < 0.0f ? 1.0f : -1.0f, 0.0f);
    else
        hit->normal = profile_normal(s, found, clamp((p.y - s->height[found]) / rise, 0.0f, 1.0f), p);
    if (vec_dot(hit->normal, d) > 0.0f)
        hit->normal = vec_scale(hit->normal, -1.0f);
    hit->u = atan2f(p.x, p.z) * 0.15915494f;
    hit->v = (s->label_high - p.y) / (s->label_high - s->label_low);
    return 1;
}

/* Distance to the rounded box, p in the box's frame with its centre at the origin; *g points away from it. */
static float box_distance(const struct scene *s, struct vec p, struct vec *g)
{
    float r = s->box_round;
    float qx = fabsf(p.x) - s->box_half_x + r, qy = fabsf(p.y) - s->box_height * 0.5f + r;
    float qz = fabsf(p.z) - s->box_half_z + r;
    float ox = fmaxf(qx, 0.0f), oy = fmaxf(qy, 0.0f), oz = fmaxf(qz, 0.0f);
    float outside = sqrtf(ox * ox + oy * oy + oz * oz);
    struct vec away = vec(ox, oy, oz);
    if (outside < 1e-6f) {
        float inside = fmaxf(qx, fmaxf(qy, qz));
        away = vec(qx >= inside, qy >= inside, qz >= inside);
        outside = inside;
    }
    *g = vec_unit(vec(copysignf(away.x, p.x), copysignf(away.y, p.y), copysignf(away.z, p.z)));
    return outside - r;
}

/* u runs once around the four sides, in turns of the outline; 0 is the middle of the front. */
static float box_label_u(const struct scene *s, struct vec p, struct vec n)
{
    float hx = s->box_half_x, hz = s->box_half_z, around = 4.0f * (hx + hz);
    if (fabsf(n.z) >= fabsf(n.x))
        return n.z > 0.0f ? p.x / around : (2.0f * (hx + hz) - p.x) / around;
    return n.x > 0.0f ? (hx + hz - p.z) / around : (3.0f * (hx + hz) + p.z) / around;
}

static int box_hit(const struct body *body, struct vec o, struct vec d, struct hit *hit)
{
    const struct scene *s = body->scene;
    float enter, leave;
    if (!cylinder_span(body, o, d, &enter, &leave))
        return 0;
    struct vec q = vec_turn(vec(o.x, o.y - s->box_height * 0.5f, o.z), body->cosine, -body->sine);
    struct vec e = vec_turn(d, body->cosine, -body->sine), n;
    float origin[3] = {q.x, q.y, q.z}, step[3] = {e.x, e.y, e.z};
    float half[3] = {s->box_half_x, s->box_height * 0.5f, s->box_half_z};
    float near = 1e-3f, far = 1e9f;
    for (int i = 0; i < 3; i++) {
        float inverse = 1.0f / (fabsf(step[i]) < 1e-8f ? 1e-8f : step[i]);
        float t0 = (-half[i] - origin[i]) * inverse, t1 = (half[i] - origin[i]) * inverse;
        near = fmaxf(near, fminf(t0, t1));
        far = fminf(far, fmaxf(t0, t1));
    }
    float t = near, distance = 1.0f;
    for (int i = 0; i < 24 && t <= far; i++) {
        distance = box_distance(s, vec_along(q, e, t), &n);
        if (distance < 4e-4f)
            break;
        t += distance;
    }
    if (t > far || distance > 4e-3f)
        return 0;
    struct vec p = vec_along(q, e, t);
    hit->t = t;
    hit->chord = 0.0f;
    hit->material = fabsf(n.y) > 0.75f ? 1 : 0;
    hit->u = box_label_u(s, p, n);
    hit->v = 0.5f - p.y / s->box_height;
    hit->normal = vec_turn(n, body->cosine, body->sine);
    return 1;
}

int body_hit(const struct body *body, struct vec o, struct vec d, struct hit *hit)
{
    return body->scene->shape == SHAPE_BOX ? box_hit(body, o, d, hit) : revolution_hit(body, o, d, hit);
}

float body_outline(const struct body *body, float x, float z, float height)
{
    const struct scene *s = body->scene;
    if (s->shape == SHAPE_BOX) {
        struct vec p = vec_turn(vec(x, 0.0f, z), body->cosine, -body->sine);
        float qx = fmaxf(fabsf(p.x) - s->box_half_x, 0.0f), qz = fmaxf(fabsf(p.z) - s->box_half_z, 0.0f);
        return sqrtf(qx * qx + qz * qz);
    }
    float radius = 0.0f;
    for (int i = 0; i + 1 < s->points; i++) {
        float ya = s->height[i], yb = s->height[i + 1];
        if (height >= ya && height <= yb && yb > ya)
            radius = fmaxf(radius, mix(s->radius[i], s->radius[i + 1], (height - ya) / (yb - ya)));
    }
    return sqrtf(x * x + z * z) - radius;
}
