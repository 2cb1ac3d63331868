/* The files that one clip becomes in one format, and their names. */
#ifndef PS_CLI_TARGET_H
#define PS_CLI_TARGET_H

#include "cli/request.h"

struct cli_target {
    const struct cli_format *format; /* null: as the request says */
    char *clip, *poster, *sidecar;   /* null for none */
    struct cli_signer signer;
    struct ps_provenance provenance; /* but for the sections */
    struct ps_save_plan plan;        /* width 0 while there is none */
};

/* `path` with `mark` before its end, or before the slash of a folder: "shoe-16x9.mp4", "frames-16x9/". Null for null,
 * and where memory is short. */
char *cli_marked(const char *path, const char *mark);

/* The clip's name with `end` after it, also where the clip is a folder: "shoe.mp4.json". Null where memory is short. */
char *cli_beside(const char *clip, const char *end);

/* `path` with `end` in place of its own, "-candidates.png". Null where memory is short. */
char *cli_renamed(const char *path, const char *end);

/* Names the files: those of the request, with `mark` and the format's own mark where it has to be told from others
 * (`marks_format`). Status: PS_ERR_MEMORY. */
enum ps_status cli_target_make(struct cli_target *target, const struct cli_request *request, const char *mark,
                               const struct cli_format *format, bool marks_format, struct ps_error *error);
void cli_target_free(struct cli_target *target);

/* Fails if a clip of this shape (null: not known yet) could not be saved so; fills in the plan. Status: those of
 * ps_clip_plan_save. */
enum ps_status cli_target_plan(struct cli_target *target, const struct cli_request *request,
                               const struct ps_clip_shape *shape, struct ps_error *error);

/* Writes the poster and the clip; the sections go into the sidecar, and of `saving` progress is told. Status: those of
 * ps_clip_save. */
enum ps_status cli_target_save(struct cli_target *target, const struct cli_request *request,
                               const struct ps_clip *clip, const json_t *sections,
                               const struct ps_render_events *saving, struct ps_error *error);

/* {"output": ..., "sidecar": ..., "poster": ..., "saved": {"codec": "h264", ...}}. */
json_t *cli_target_event(const struct cli_target *target);

/* "1920x1080, 96 frames, 23.976 fps". Returns `to`. */
char *cli_target_describe(char *to, size_t size, const struct cli_target *target);

#endif
