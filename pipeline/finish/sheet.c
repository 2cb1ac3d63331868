/* Contact sheets: what each of several clips looks like, in one picture. */
#include <stdlib.h>
#include <string.h>

#include "finish/finish.h"
#include "finish/font.h"
#include "media/resample.h"

enum {
    SHOTS = 3,    /* of each clip: first, middle and last frame */
    CELL = 320,   /* pixels of a shot's longer side */
    STRIP = 28,   /* of the line of text */
    GAP = 8,      /* between tiles */
    COLUMN = 16,  /* tiles that stand above each other at most */
    BACKDROP = 32 /* level of grey */
};

struct ps_sheet {
    uint32_t clips, added;
    uint32_t columns, rows;
    struct ps_size shot, tile;
    struct ps_clip *picture; /* of one frame; null before the first clip is added */
};

enum ps_status ps_sheet_new(struct ps_sheet **sheet, uint32_t clips, struct ps_error *error)
{
    *sheet = NULL;
    if (!clips || clips > PS_MAX_TAKES)
        return ps_fail(error, PS_ERR_USAGE, "usage.sheet", "a sheet of %u clips: expected 1 to %d", clips,
                       PS_MAX_TAKES);
    *sheet = calloc(1, sizeof **sheet);
    if (!*sheet)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a contact sheet");
    (*sheet)->clips = clips;
    (*sheet)->columns = (clips + COLUMN - 1) / COLUMN;
    (*sheet)->rows = (clips + (*sheet)->columns - 1) / (*sheet)->columns;
    return PS_OK;
}

void ps_sheet_free(struct ps_sheet **sheet)
{
    if (*sheet)
        ps_clip_free(&(*sheet)->picture);
    free(*sheet);
    *sheet = NULL;
}

static uint32_t even(uint32_t side)
{
    return (side + 1) / 2 * 2;
}

/* The first clip says how large a shot is. */
static enum ps_status lay_out(struct ps_sheet *sheet, const struct ps_clip *clip, struct ps_error *error)
{
    const struct ps_size cell = {CELL, CELL}, size = {clip->width, clip->height};
    const struct ps_rect shot = ps_place_whole(size, cell, (struct ps_point){0.5, 0.5}).frame;
    sheet->shot = (struct ps_size){shot.width, shot.height};
    sheet->tile = (struct ps_size){SHOTS * shot.width, STRIP + shot.height};
    const uint32_t width = GAP + sheet->columns * (sheet->tile.width + GAP);
    const uint32_t height = GAP + sheet->rows * (sheet->tile.height + GAP);
    if (ps_clip_new(&sheet->picture, even(width), even(height), 1, 1, error))
        return error->status;
    memset(sheet->picture->rgb, BACKDROP, (size_t)even(width) * even(height) * 3);
    return PS_OK;
}

static void paste(struct ps_sheet *sheet, uint32_t left, uint32_t top, const struct ps_view *view)
{
    const size_t row = (size_t)sheet->picture->width * 3;
    uint8_t *to = sheet->picture->rgb + top * row + (size_t)left * 3;
    for (uint32_t y = 0; y < view->height; y++)
        memcpy(to + y * row, view->rgb + y * view->stride, (size_t)view->width * 3);
}

static enum ps_status paste_shot(struct ps_sheet *sheet, uint32_t left, uint32_t top,
                                 const struct ps_clip *clip, uint32_t frame, struct ps_error *error)
{
    const struct ps_size *shot = &sheet->shot;
    const struct ps_view from = {ps_clip_frame(clip, frame), clip->width, clip->height,
                                 (size_t)clip->width * 3};
    uint8_t *resized = malloc((size_t)shot->width * shot->height * 3);
    if (!resized)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a contact sheet");
    if (!ps_resize_lanczos(resized, shot->width, shot->height, &from, error))
        paste(sheet, left, top,
              &(struct ps_view){resized, shot->width, shot->height, (size_t)shot->width * 3});
    free(resized);
    return error->status;
}

/* The text is a caption of a clip of one grey frame. */
static enum ps_status paste_text(struct ps_sheet *sheet, uint32_t left, uint32_t top, const char *text,
                                 struct ps_error *error)
{
    const struct ps_clip_shape shape = {even(sheet->tile.width), STRIP, 1, 1};
    const struct ps_finish_params params = {
        .caption = {.text = text, .anchor = PS_ANCHOR_LEFT, .size = 0.5f, .margin = 0.1f}};
    struct ps_finish_plan plan;
    struct ps_finish finish = {0};
    struct ps_clip *strip = NULL;
    struct ps_view view;
    if (!ps_clip_new(&strip, shape.width, shape.height, 1, 1, error) &&
        !ps_finish_resolve(&plan, &shape, &params, error)) {
        memset(strip->rgb, BACKDROP, (size_t)shape.width * shape.height * 3);
        if (!ps_finish_open(&finish, strip, &plan, 1, error) && !ps_finish_frame(&finish, 0, &view, error)) {
            view.width = sheet->tile.width;
            paste(sheet, left, top, &view);
        }
        ps_finish_close(&finish);
    }
    ps_clip_free(&strip);
    return error->status;
}

enum ps_status ps_sheet_add(struct ps_sheet *sheet, const struct ps_clip *clip, const char *text,
                            struct ps_error *error)
{
    struct ps_error local = {0}, no_font = {0};
    const struct ps_caption caption = {.text = text};
    error = error ? error : &local;
    if (sheet->added == sheet->clips)
        return ps_fail(error, PS_ERR_USAGE, "usage.sheet", "a sheet of %u clips is full", sheet->clips);
    if (!sheet->picture && lay_out(sheet, clip, error))
        return error->status;
    const uint32_t left = GAP + sheet->added / sheet->rows * (sheet->tile.width + GAP);
    const uint32_t top = GAP + sheet->added % sheet->rows * (sheet->tile.height + GAP);
    sheet->added++;
    if (text && *text && !ps_font_check(&caption, &no_font) && paste_text(sheet, left, top, text, error))
        return error->status;
    for (uint32_t i = 0; i < SHOTS && !error->status; i++)
        paste_shot(sheet, left + i * sheet->shot.width, top + STRIP, clip,
                   (clip->frames - 1) * i / (SHOTS - 1), error);
    return error->status;
}

enum ps_status ps_sheet_save(const struct ps_sheet *sheet, const char *path, bool overwrite,
                             struct ps_error *error)
{
    if (!sheet->picture)
        return ps_fail(error, PS_ERR_USAGE, "usage.sheet", "a sheet without clips");
    return ps_clip_save_poster(sheet->picture, path, &(struct ps_save_params){.overwrite = overwrite}, error);
}
