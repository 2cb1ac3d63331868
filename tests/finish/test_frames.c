/* What each step of finishing does to pixels. Every test fails if its step is left out. */
#include "finish/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finish/finish.h"
#include "finish/font.h"

/* All frames of a result, [frames, height, width, 3]; to be freed. */
struct result {
    struct ps_finish_plan plan;
    uint8_t *rgb;
};

static struct result finish(const struct ps_clip *clip, struct ps_finish_params params)
{
    const struct ps_clip_shape shape = {clip->width, clip->height, clip->frames, clip->fps};
    struct result result;
    struct ps_finish finish;
    struct ps_error error = {0};
    assert_ok(ps_finish_resolve(&result.plan, &shape, &params, &error), error);
    const size_t size = (size_t)result.plan.width * result.plan.height * 3;
    result.rgb = malloc(size * result.plan.frames);
    assert_non_null(result.rgb);
    assert_ok(ps_finish_open(&finish, clip, &result.plan, 1, &error), error);
    for (uint32_t i = 0; i < result.plan.frames; i++) {
        struct ps_view view;
        assert_ok(ps_finish_frame(&finish, i, &view, &error), error);
        assert_int_equal(view.width, result.plan.width);
        assert_int_equal(view.height, result.plan.height);
        ps_view_copy(result.rgb + i * size, (size_t)view.width * 3, &view);
    }
    ps_finish_close(&finish);
    return result;
}

static enum ps_status finish_error(const struct ps_clip *clip, struct ps_finish_params params,
                                   struct ps_error *error)
{
    const struct ps_clip_shape shape = {clip->width, clip->height, clip->frames, clip->fps};
    struct ps_finish_plan plan;
    struct ps_finish finish = {0};
    *error = (struct ps_error){0};
    if (!ps_finish_resolve(&plan, &shape, &params, error))
        ps_finish_open(&finish, clip, &plan, 1, error);
    ps_finish_close(&finish);
    return error->status;
}

static const uint8_t *pixel(const struct result *result, uint32_t frame, uint32_t x, uint32_t y)
{
    return result->rgb + (((size_t)frame * result->plan.height + y) * result->plan.width + x) * 3;
}

static void assert_colour(const uint8_t *rgb, uint32_t colour, int tolerance)
{
    for (unsigned c = 0; c < 3; c++)
        if (abs(rgb[c] - (int)(colour >> (16 - 8 * c) & 0xff)) > tolerance)
            fail_msg("%02x%02x%02x, expected %06x", rgb[0], rgb[1], rgb[2], (unsigned)colour);
}

/* The grey of the middle pixel of each frame. */
static void assert_greys(const struct result *result, const uint8_t *levels, uint32_t count, int tolerance)
{
    assert_int_equal(result->plan.frames, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t found = *pixel(result, i, result->plan.width / 2, result->plan.height / 2);
        if (abs(found - levels[i]) > tolerance)
            fail_msg("frame %u is %u, expected %u", i, found, levels[i]);
    }
}

static const uint8_t ramp[] = {10, 60, 110, 160};

static void check_ramp(struct ps_finish_params params, const uint8_t *levels, uint32_t count, int tolerance)
{
    struct ps_clip *clip = grey_clip(32, 32, ramp, sizeof ramp, 4);
    const struct result result = finish(clip, params);
    assert_greys(&result, levels, count, tolerance);
    free(result.rgb);
    ps_clip_free(&clip);
}

static void test_nothing(void **state)
{
    (void)state;
    struct ps_clip *clip = moving_ball(48, 32, 5, 7);
    const struct result result = finish(clip, (struct ps_finish_params){0});
    assert_memory_equal(result.rgb, clip->rgb, 48 * 32 * 3 * 5);
    free(result.rgb);
    ps_clip_free(&clip);
}

static void test_rates(void **state)
{
    (void)state;
    const struct ps_rate twice = {8, 1};
    check_ramp((struct ps_finish_params){.rate = twice}, (uint8_t[]){10, 10, 60, 60, 110, 110, 160, 160}, 8,
               0);
    /* Seven steps from the first frame to the last: 150 / 7 each. */
    check_ramp((struct ps_finish_params){.rate = twice, .interpolation = PS_INTERPOLATION_BLEND},
               (uint8_t[]){10, 31, 53, 74, 96, 117, 139, 160}, 8, 0);
    check_ramp((struct ps_finish_params){.speed = 2}, (uint8_t[]){10, 110}, 2, 0);
    check_ramp((struct ps_finish_params){.duration = 2}, (uint8_t[]){10, 10, 60, 60, 110, 110, 160, 160}, 8,
               0);
    check_ramp((struct ps_finish_params){.hold = 0.5f}, (uint8_t[]){10, 10, 10, 60, 110, 160}, 6, 0);
}

static void test_loops(void **state)
{
    (void)state;
    check_ramp((struct ps_finish_params){.loop = PS_LOOP_BOOMERANG}, (uint8_t[]){10, 60, 110, 160, 110, 60},
               6, 0);
    /* Two frames are dissolved: 110 with a third of 10, 160 with two thirds of 60. */
    check_ramp((struct ps_finish_params){.loop = PS_LOOP_SEAMLESS}, (uint8_t[]){77, 93}, 2, 0);
    check_ramp((struct ps_finish_params){.loop = PS_LOOP_SEAMLESS, .crossfade = 0.25f},
               (uint8_t[]){60, 110, 85}, 3, 0);
    /* Frames between are made of frames of the loop, over its seam too. */
    check_ramp((struct ps_finish_params){.loop = PS_LOOP_SEAMLESS,
                                         .rate = {8, 1},
                                         .interpolation = PS_INTERPOLATION_BLEND},
               (uint8_t[]){77, 85, 93, 85}, 4, 1);
}

static void test_fades(void **state)
{
    (void)state;
    check_ramp((struct ps_finish_params){.fade_in = 0.5f, .fade_out = 0.5f}, (uint8_t[]){0, 30, 55, 0}, 4, 0);
    check_ramp((struct ps_finish_params){.fade_in = 0.5f, .fade_colour = 0xffffff},
               (uint8_t[]){255, 158, 110, 160}, 4, 0);
    struct ps_clip *clip = grey_clip(32, 32, ramp, sizeof ramp, 4);
    const struct result result =
        finish(clip, (struct ps_finish_params){.fade_in = 0.25f, .fade_colour = 0xc08040});
    assert_colour(pixel(&result, 0, 3, 3), 0xc08040, 0);
    assert_colour(pixel(&result, 1, 3, 3), 0x3c3c3c, 0);
    free(result.rgb);
    ps_clip_free(&clip);
}

static void test_end_card(void **state)
{
    (void)state;
    struct ps_photo *card = flat_photo(50, 20, 0xc8c8c8);
    const struct ps_end_card cut = {.picture = card, .hold = 0.5f, .fade = -1};
    const struct ps_end_card dissolve = {.picture = card, .hold = 0.5f, .fade = 0.25f};
    check_ramp((struct ps_finish_params){.end_card = cut}, (uint8_t[]){10, 60, 110, 160, 200, 200}, 6, 0);
    check_ramp((struct ps_finish_params){.end_card = dissolve}, (uint8_t[]){10, 60, 110, 180, 200, 200}, 6,
               0);
    /* The fade out is over the card, and the duration is of all. */
    check_ramp((struct ps_finish_params){.end_card = cut, .fade_out = 0.5f},
               (uint8_t[]){10, 60, 110, 160, 100, 0}, 6, 0);
    check_ramp((struct ps_finish_params){.end_card = cut, .duration = 1}, (uint8_t[]){10, 110, 200, 200}, 4,
               0);
    ps_photo_free(&card);
}

/* A card of another aspect fills the frame, its middle in the middle. */
static void test_end_card_fills(void **state)
{
    (void)state;
    uint8_t rgb[60 * 20 * 3];
    for (size_t i = 0; i < 60 * 20; i++)
        memset(rgb + i * 3, i % 60 < 20 ? 20 : i % 60 < 40 ? 120 : 220, 3);
    struct ps_photo *card = NULL;
    struct ps_error error = {0};
    assert_ok(ps_photo_from_rgb(&card, rgb, 60, 20, &error), error);
    struct ps_clip *clip = grey_clip(40, 40, ramp, 1, 4);
    const struct result result =
        finish(clip, (struct ps_finish_params){.end_card = {.picture = card, .hold = 0.25f, .fade = -1}});
    assert_int_equal(result.plan.frames, 2);
    assert_colour(pixel(&result, 1, 20, 20), 0x787878, 0);
    assert_colour(pixel(&result, 1, 0, 0), 0x787878, 25);
    free(result.rgb);
    ps_photo_free(&card);
    ps_clip_free(&clip);
}

/* Crop and scale: a ramp across stays a ramp of the part that is shown. */
static void test_size(void **state)
{
    (void)state;
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    assert_ok(ps_clip_new(&clip, 128, 64, 2, 4, &error), error);
    for (size_t i = 0; i < (size_t)2 * 64 * 128; i++)
        memset(clip->rgb + i * 3, (int)(i % 128 * 2), 3);
    const struct result wide = finish(clip, (struct ps_finish_params){.width = 256, .height = 128});
    for (uint32_t x = 8; x < 248; x++)
        assert_true(fabs(*pixel(&wide, 1, x, 64) - (x - 0.5)) <= 1.1);
    free(wide.rgb);
    /* The middle square of the clip begins at column 32. */
    const struct result square = finish(clip, (struct ps_finish_params){.width = 32, .height = 32});
    for (uint32_t x = 4; x < 28; x++)
        assert_true(fabs(*pixel(&square, 1, x, 16) - (64 + 4.0 * x + 1)) <= 1.6);
    free(square.rgb);
    const struct result cropped =
        finish(clip, (struct ps_finish_params){.crop = {80, 8, 32, 16}, .width = 64, .height = 32});
    for (uint32_t x = 8; x < 56; x++)
        assert_true(fabs(*pixel(&cropped, 1, x, 16) - (160 + x - 0.5)) <= 1.1);
    free(cropped.rgb);
    const struct result cut = finish(clip, (struct ps_finish_params){.crop = {80, 8, 32, 16}});
    for (uint32_t x = 0; x < 32; x++)
        assert_int_equal(*pixel(&cut, 1, x, 5), 160 + 2 * x);
    free(cut.rgb);
    ps_clip_free(&clip);
}

/* Scaling keeps pure colours: nothing is lost on a way through YUV of one chroma sample for four pixels. */
static void test_size_colours(void **state)
{
    (void)state;
    static const uint32_t colours[] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0x000000, 0x0ac81e};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        struct ps_clip *clip = grey_clip(48, 32, ramp, 1, 4);
        for (size_t p = 0; p < 48 * 32; p++)
            for (unsigned c = 0; c < 3; c++)
                clip->rgb[p * 3 + c] = (uint8_t)(colours[i] >> (16 - 8 * c));
        const struct result result = finish(clip, (struct ps_finish_params){.width = 90, .height = 60});
        assert_colour(pixel(&result, 0, 45, 30), colours[i], 1);
        free(result.rgb);
        ps_clip_free(&clip);
    }
}

static void test_logo(void **state)
{
    (void)state;
    static const uint8_t grey[] = {100, 100};
    struct ps_clip *clip = grey_clip(200, 100, grey, 2, 4);
    struct ps_photo *logo = flat_photo(30, 30, 0xff8000);
    struct ps_finish_params params = {.logo = {.picture = logo, .scale = 0.2f, .margin = 0.1f}};
    /* 20 pixels a side, 10 from the edges. */
    static const struct {
        enum ps_anchor anchor;
        uint32_t left, top;
    } places[] = {{PS_ANCHOR_DEFAULT, 170, 70}, {PS_ANCHOR_TOP_LEFT, 10, 10},
                  {PS_ANCHOR_TOP, 90, 10},      {PS_ANCHOR_TOP_RIGHT, 170, 10},
                  {PS_ANCHOR_LEFT, 10, 40},     {PS_ANCHOR_CENTRE, 90, 40},
                  {PS_ANCHOR_RIGHT, 170, 40},   {PS_ANCHOR_BOTTOM_LEFT, 10, 70},
                  {PS_ANCHOR_BOTTOM, 90, 70},   {PS_ANCHOR_BOTTOM_RIGHT, 170, 70}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        params.logo.anchor = places[i].anchor;
        const struct result result = finish(clip, params);
        const uint32_t left = places[i].left, top = places[i].top;
        for (uint32_t frame = 0; frame < 2; frame++) {
            assert_colour(pixel(&result, frame, left, top), 0xff8000, 1);
            assert_colour(pixel(&result, frame, left + 19, top + 19), 0xff8000, 1);
            assert_colour(pixel(&result, frame, left - 1, top), 0x646464, 0);
            assert_colour(pixel(&result, frame, left, top - 1), 0x646464, 0);
            assert_colour(pixel(&result, frame, left + 20, top), 0x646464, 0);
            assert_colour(pixel(&result, frame, left, top + 20), 0x646464, 0);
        }
        free(result.rgb);
    }
    params.logo =
        (struct ps_logo){.picture = logo, .scale = 0.2f, .margin = -1, .anchor = PS_ANCHOR_TOP_LEFT};
    params.logo.opacity = 0.5f;
    const struct result half = finish(clip, params);
    assert_colour(pixel(&half, 0, 0, 0), 0xb27232, 1);
    assert_colour(pixel(&half, 0, 20, 20), 0x646464, 0);
    free(half.rgb);
    ps_photo_free(&logo);
    ps_clip_free(&clip);
}

/* Where the logo is transparent the frame is untouched, and at its edge there is no fringe of what it was loaded on. */
static void test_logo_with_alpha(void **state)
{
    (void)state;
    static const uint8_t grey[] = {0};
    struct ps_clip *clip = grey_clip(200, 100, grey, 1, 4);
    struct ps_photo *logo = half_photo(40, 40, 0x000000);
    const struct ps_finish_params params = {
        .logo = {.picture = logo, .anchor = PS_ANCHOR_CENTRE, .scale = 0.37f}};
    struct result result = finish(clip, params);
    for (uint32_t y = 0; y < 100; y++)
        for (uint32_t x = 0; x < 200; x++)
            assert_colour(pixel(&result, 0, x, y), 0, 0);
    free(result.rgb);
    ps_photo_free(&logo);
    logo = half_photo(40, 40, 0x2060a0);
    struct ps_finish_params blue = params;
    blue.logo.picture = logo;
    result = finish(clip, blue);
    assert_colour(pixel(&result, 0, 85, 50), 0x2060a0, 1);
    assert_colour(pixel(&result, 0, 115, 50), 0x000000, 0);
    for (uint32_t x = 80; x < 120; x++)
        assert_true(pixel(&result, 0, x, 50)[2] <= 0xa1);
    free(result.rgb);
    ps_photo_free(&logo);
    ps_clip_free(&clip);
}

/* The box of what differs from the background, and how many pixels are of a colour. */
struct found {
    uint32_t left, top, right, bottom, count;
};

static struct found look_for(const struct result *result, uint32_t frame, uint32_t background,
                             uint32_t colour)
{
    struct found found = {UINT32_MAX, UINT32_MAX, 0, 0, 0};
    for (uint32_t y = 0; y < result->plan.height; y++)
        for (uint32_t x = 0; x < result->plan.width; x++) {
            const uint8_t *rgb = pixel(result, frame, x, y);
            const uint32_t here = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            found.count += here == colour;
            if (here == background)
                continue;
            found.left = x < found.left ? x : found.left;
            found.top = y < found.top ? y : found.top;
            found.right = x > found.right ? x : found.right;
            found.bottom = y > found.bottom ? y : found.bottom;
        }
    return found;
}

static const char *font(void)
{
    const char *path = ps_font_path(&(struct ps_caption){0});
    if (!path)
        skip();
    return path;
}

static void test_caption(void **state)
{
    (void)state;
    font();
    static const uint8_t grey[] = {100, 100};
    struct ps_clip *clip = grey_clip(400, 200, grey, 2, 4);
    struct ps_finish_params params = {
        .caption = {.text = "50% off \xc3\x84%{n}", .size = 0.2f, .margin = 0.1f}};
    struct result result = finish(clip, params);
    struct found found = look_for(&result, 1, 0x646464, 0xffffff);
    /* White with a black outline, in the middle at the bottom, 20 pixels from the edge. */
    assert_true(found.count > 200);
    assert_true(look_for(&result, 1, 0x646464, 0).count > 200);
    assert_int_equal(found.bottom, 179);
    assert_true(found.bottom - found.top >= 30 && found.bottom - found.top <= 60);
    assert_true(found.left >= 20 && found.right <= 379);
    assert_true(abs((int)(found.left + found.right) - 399) <= 1);
    free(result.rgb);
    params.caption.anchor = PS_ANCHOR_TOP_LEFT;
    params.caption.colour = 0x000001;
    result = finish(clip, params);
    found = look_for(&result, 0, 0x646464, 0);
    assert_true(found.count > 200 && look_for(&result, 0, 0x646464, 0xffffff).count > 200);
    assert_int_equal(found.left, 20);
    assert_int_equal(found.top, 20);
    free(result.rgb);
    ps_clip_free(&clip);
}

/* "%{n}" would be the number of the frame, and a quote or a colon would end the text, were it a description. */
static void test_caption_is_text(void **state)
{
    (void)state;
    font();
    static const uint8_t grey[] = {100, 100};
    static const char *const texts[] = {"%{n}", "a':b,c;[in]", "\\n\\\\", "$(x)`y`", "%{metadata:x}"};
    struct ps_clip *clip = grey_clip(800, 100, grey, 2, 4);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct result result =
            finish(clip, (struct ps_finish_params){.caption = {.text = texts[i], .size = 0.3f}});
        const struct found found = look_for(&result, 0, 0x646464, 0xffffff);
        assert_true(found.count > 50);
        /* About as wide as so many characters are: all of them are there. */
        assert_true(found.right - found.left > 6 * strlen(texts[i]));
        assert_memory_equal(pixel(&result, 0, 0, 0), pixel(&result, 1, 0, 0), 800 * 100 * 3);
        free(result.rgb);
    }
    ps_clip_free(&clip);
}

static void test_caption_fits(void **state)
{
    (void)state;
    font();
    static const uint8_t grey[] = {100};
    static const char long_text[] = "Too long for this size";
    struct ps_clip *clip = grey_clip(200, 400, grey, 1, 4);
    struct ps_finish_params params = {.caption = {.text = long_text, .size = 0.2f, .margin = 0.05f}};
    struct result result = finish(clip, params);
    const struct found one = look_for(&result, 0, 0x646464, 0xffffff);
    assert_true(one.left >= 10 && one.right <= 189 && one.right - one.left > 120);
    free(result.rgb);
    params.caption.text = "A sentence\nof three\nlines";
    result = finish(clip, params);
    const struct found three = look_for(&result, 0, 0x646464, 0xffffff);
    assert_true(three.left >= 10 && three.right <= 189);
    assert_true(three.bottom - three.top > 3 * (one.bottom - one.top));
    free(result.rgb);
    ps_clip_free(&clip);
}

static void test_caption_refused(void **state)
{
    (void)state;
    const char *path = font();
    static const uint8_t grey[] = {100};
    char many[1002], lines[80], damaged[512];
    memset(many, 'a', 1001);
    many[1001] = '\0';
    memset(lines, '\n', sizeof lines);
    for (size_t i = 0; i < sizeof lines; i += 2)
        lines[i] = 'a';
    lines[sizeof lines - 1] = '\0';
    char *folder = folder_new();
    struct ps_file file = read_file(path);
    write_file(join(damaged, folder, "font.ttf"), file.bytes, 2000);
    free(file.bytes);
    const struct {
        struct ps_caption caption;
        enum ps_status status;
        const char *id;
    } cases[] = {
        {{.text = "\xff"}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "a\tb"}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "\xc2\x85"}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "\xed\xa0\x80"}, PS_ERR_USAGE, "usage.caption"},
        {{.text = many}, PS_ERR_USAGE, "usage.caption"},
        {{.text = lines}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "   "}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "\n"}, PS_ERR_USAGE, "usage.caption"},
        {{.text = "\xf4\x8f\xbf\xbd"}, PS_ERR_INPUT, "font.no-glyph"},
        {{.text = "a", .font = "/nonexistent.ttf"}, PS_ERR_INPUT, "font.unreadable"},
        {{.text = "a", .font = "/dev/null"}, PS_ERR_INPUT, "font.unreadable"},
        {{.text = "a", .font = "/tmp"}, PS_ERR_INPUT, "font.unreadable"},
        {{.text = "a", .font = PACKSHOT_SOURCE_DIR "/README.md"}, PS_ERR_INPUT, "font.damaged"},
        {{.text = "a", .font = damaged}, PS_ERR_INPUT, "font.damaged"},
    };
    struct ps_clip *clip = grey_clip(64, 48, grey, 1, 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error;
        if (finish_error(clip, (struct ps_finish_params){.caption = cases[i].caption}, &error) !=
                cases[i].status ||
            strcmp(error.id, cases[i].id))
            fail_msg("case %zu: found %s: %s", i, error.id, error.message);
    }
    ps_clip_free(&clip);
    folder_remove(folder);
}

/* Small, at the bottom on the left, beside a caption that it does not move. */
static void test_visible_label(void **state)
{
    (void)state;
    font();
    static const uint8_t grey[] = {100};
    struct ps_clip *clip = grey_clip(600, 400, grey, 1, 4);
    struct ps_finish_params params = {.visible_label = {.text = "AI-generated"}};
    struct result result = finish(clip, params);
    const struct found alone = look_for(&result, 0, 0x646464, 0xffffff);
    /* A margin of 8 pixels, and a font of 12. */
    assert_int_equal(alone.left, 8);
    assert_int_equal(alone.bottom, 400 - 1 - 8);
    assert_true(alone.bottom - alone.top >= 8 && alone.bottom - alone.top <= 18);
    assert_true(alone.right < 150 && alone.count > 10);
    free(result.rgb);
    params.caption = (struct ps_caption){.text = "Caption", .anchor = PS_ANCHOR_TOP_RIGHT};
    result = finish(clip, params);
    const struct found both = look_for(&result, 0, 0x646464, 0xffffff);
    assert_int_equal(both.left, alone.left);
    assert_int_equal(both.bottom, alone.bottom);
    assert_int_equal(both.top, 16);
    assert_int_equal(both.right, 600 - 1 - 16);
    free(result.rgb);
    params.visible_label.text = "\xff";
    struct ps_error error;
    assert_int_equal(finish_error(clip, params, &error), PS_ERR_USAGE);
    ps_clip_free(&clip);
}

/* Neither logo nor caption stands over the end card. */
static void test_card_is_alone(void **state)
{
    (void)state;
    font();
    struct ps_clip *clip = grey_clip(200, 100, ramp, 4, 4);
    struct ps_photo *logo = flat_photo(30, 30, 0xff0000), *card = flat_photo(30, 30, 0x00ff00);
    const struct result result =
        finish(clip, (struct ps_finish_params){.logo = {.picture = logo},
                                               .caption = {.text = "text"},
                                               .end_card = {.picture = card, .fade = -1}});
    const struct found found = look_for(&result, 4, 0x00ff00, 0x00ff00);
    assert_int_equal(found.count, 200 * 100);
    assert_true(look_for(&result, 3, 0xa0a0a0, 0xff0000).count > 100);
    free(result.rgb);
    ps_photo_free(&logo);
    ps_photo_free(&card);
    ps_clip_free(&clip);
}

/* A clip that came out darker and bluer than its photo, and grows darker still: the curves of frame 0 serve for all. */
static void test_colour_match(void **state)
{
    (void)state;
    struct ps_clip *clip = moving_ball(96, 64, 3, 7);
    const size_t pixels = 96 * 64;
    uint8_t *photo = malloc(pixels * 3);
    assert_non_null(photo);
    memcpy(photo, clip->rgb, pixels * 3);
    for (size_t i = 0; i < pixels * 3; i++) {
        const double linear = pow(clip->rgb[i] / 255.0, 2.4) * (i % 3 == 2 ? 0.9 : 0.7);
        clip->rgb[i] = (uint8_t)(pow(linear, 1 / 2.4) * 255 + 0.5);
    }
    const struct result plain = finish(clip, (struct ps_finish_params){0});
    assert_true(mean_difference(plain.rgb, photo, pixels * 3) > 8);
    ps_clip_take_photo(clip, photo, NULL);
    const struct result matched = finish(clip, (struct ps_finish_params){.colour_match = true});
    const double left = mean_difference(matched.rgb, photo, pixels * 3);
    print_message("colour match: %.2f levels left\n", left);
    assert_true(left < 1);
    assert_true(mean_difference(matched.rgb + pixels * 3, plain.rgb + pixels * 3, pixels * 3) > 8);
    free(plain.rgb);
    free(matched.rgb);
    ps_clip_free(&clip);
}

static void test_product_lock(void **state)
{
    (void)state;
    struct ps_clip *clip = grey_clip(32, 32, ramp, 4, 4);
    uint8_t *photo = malloc(32 * 32 * 3), *alpha = malloc(32 * 32);
    assert_true(photo && alpha);
    memset(photo, 250, 32 * 32 * 3);
    for (size_t i = 0; i < 32 * 32; i++)
        alpha[i] = i % 32 < 16 ? 255 : 0;
    struct ps_error error;
    assert_int_equal(finish_error(clip, (struct ps_finish_params){.product_lock = 2}, &error), PS_ERR_USAGE);
    assert_int_equal(finish_error(clip, (struct ps_finish_params){.colour_match = true}, &error),
                     PS_ERR_USAGE);
    ps_clip_take_photo(clip, photo, NULL);
    struct result result = finish(clip, (struct ps_finish_params){.product_lock = 2});
    assert_greys(&result, (uint8_t[]){250, 155, 110, 160}, 4, 0);
    free(result.rgb);
    result = finish(clip, (struct ps_finish_params){.product_lock = 1, .loop = PS_LOOP_BOOMERANG});
    assert_greys(&result, (uint8_t[]){250, 60, 110, 160, 110, 60}, 6, 0);
    free(result.rgb);
    /* Where the photo has alpha only the subject is locked. */
    uint8_t *again = malloc(32 * 32 * 3);
    assert_non_null(again);
    memcpy(again, photo, 32 * 32 * 3);
    ps_clip_take_photo(clip, again, alpha);
    result = finish(clip, (struct ps_finish_params){.product_lock = 2});
    assert_colour(pixel(&result, 0, 8, 8), 0xfafafa, 0);
    assert_colour(pixel(&result, 0, 24, 8), 0x0a0a0a, 0);
    assert_colour(pixel(&result, 1, 8, 8), 0x9b9b9b, 0);
    assert_colour(pixel(&result, 1, 24, 8), 0x3c3c3c, 0);
    free(result.rgb);
    ps_clip_free(&clip);
}

/* A patterned bar over plain ground. No part of the pattern comes again within the bar, else how far it has moved could
 * not be told. */
static void draw_bar(uint8_t *rgb, uint32_t width, uint32_t height, double left)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, rgb += 3) {
            const double along = x - left;
            const double stripe = 128 + 90 * sin(along * (0.15 + 0.006 * along)) * cos(y * (0.1 + 0.002 * y));
            memset(rgb, along >= 0 && along < 48 ? (int)stripe : 60, 3);
        }
}

/* Half way between two frames the bar is half way, and sharp, where a mix has two ghosts of it. */
static void test_motion(void **state)
{
    (void)state;
    enum { WIDTH = 192, HEIGHT = 96, SIZE = WIDTH * HEIGHT * 3, FRAMES = 8 };
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    uint8_t *meant = malloc(SIZE);
    assert_non_null(meant);
    assert_ok(ps_clip_new(&clip, WIDTH, HEIGHT, FRAMES, 7, &error), error);
    for (uint32_t f = 0; f < FRAMES; f++)
        draw_bar(ps_clip_frame_pixels(clip, f), WIDTH, HEIGHT, 40 + 8.0 * f);
    const struct ps_rate rate = {13, 1}; /* 8 frames at 7 are 15 at 13: one between each two */
    const struct result moved =
        finish(clip, (struct ps_finish_params){.rate = rate, .interpolation = PS_INTERPOLATION_MOTION});
    const struct result mixed =
        finish(clip, (struct ps_finish_params){.rate = rate, .interpolation = PS_INTERPOLATION_BLEND});
    assert_int_equal(moved.plan.frames, 15);
    for (uint32_t f = 0; f < 15; f += 2)
        assert_memory_equal(moved.rgb + (size_t)f * SIZE, ps_clip_frame(clip, f / 2), SIZE);
    double worst = 0, least = 255;
    for (uint32_t f = 1; f < 15; f += 2) {
        draw_bar(meant, WIDTH, HEIGHT, 40 + 4.0 * f);
        worst = fmax(worst, mean_difference(moved.rgb + (size_t)f * SIZE, meant, SIZE));
        least = fmin(least, mean_difference(mixed.rgb + (size_t)f * SIZE, meant, SIZE));
    }
    print_message("between frames: at most %.2f off with motion, at least %.2f mixed\n", worst, least);
    assert_true(worst < least / 3);
    free(meant);
    free(moved.rgb);
    free(mixed.rgb);
    ps_clip_free(&clip);
}

/* Every size, length and loop gives every frame. */
static void test_motion_shapes(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height, frames;
        struct ps_rate rate;
        enum ps_loop loop;
    } cases[] = {{16, 16, 2, {24, 1}, PS_LOOP_NONE},        {16, 16, 3, {24000, 1001}, PS_LOOP_BOOMERANG},
                 {64, 32, 1, {24, 1}, PS_LOOP_NONE},        {72, 40, 5, {60, 1}, PS_LOOP_SEAMLESS},
                 {200, 24, 25, {30, 1}, PS_LOOP_BOOMERANG}, {40, 120, 4, {5, 1}, PS_LOOP_NONE},
                 {64, 64, 2, {24, 1}, PS_LOOP_BOOMERANG},   {32, 32, 14, {7, 1}, PS_LOOP_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_clip *clip = moving_ball(cases[i].width, cases[i].height, cases[i].frames, 7);
        const struct result result =
            finish(clip, (struct ps_finish_params){.rate = cases[i].rate,
                                                   .loop = cases[i].loop,
                                                   .hold = 0.2f,
                                                   .interpolation = PS_INTERPOLATION_MOTION});
        assert_memory_equal(pixel(&result, 0, 0, 0), pixel(&result, result.plan.hold, 0, 0),
                            (size_t)cases[i].width * cases[i].height * 3);
        free(result.rgb);
        ps_clip_free(&clip);
    }
}

int main(void)
{
    ps_silence_libav();
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_nothing),
        silent_unit_test(test_rates),
        silent_unit_test(test_loops),
        silent_unit_test(test_fades),
        silent_unit_test(test_end_card),
        silent_unit_test(test_end_card_fills),
        silent_unit_test(test_size),
        silent_unit_test(test_size_colours),
        silent_unit_test(test_logo),
        silent_unit_test(test_logo_with_alpha),
        silent_unit_test(test_caption),
        silent_unit_test(test_caption_is_text),
        silent_unit_test(test_visible_label),
        silent_unit_test(test_caption_fits),
        silent_unit_test(test_caption_refused),
        silent_unit_test(test_card_is_alone),
        silent_unit_test(test_colour_match),
        silent_unit_test(test_product_lock),
        silent_unit_test(test_motion),
        silent_unit_test(test_motion_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
