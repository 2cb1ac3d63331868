/* Saving as packshot.h promises it: judge everything, write beside the target, read back, give the name. */
#include <stdio.h>
#include <stdlib.h>

#include "finish/font.h"
#include "finish/libraries.h"
#include "finish/still.h"
#include "provenance/deliver.h"
#include "provenance/xmp.h"

static const struct ps_save_params defaults;

static enum ps_status check_texts(const struct ps_finish_params *finish, struct ps_error *error)
{
    const enum ps_status status = ps_font_check(&finish->caption, error);
    return status ? status : ps_font_check(&finish->visible_label, error);
}

/* Judges all that a save of this shape to this path depends on, and chooses what it is written with. */
static enum ps_status prepare(struct ps_save *save, const struct ps_clip_shape *shape, const char *path,
                              const struct ps_save_params *params, struct ps_error *error)
{
    if (!path)
        return ps_fail(error, PS_ERR_USAGE, "usage.path", "no output was named");
    if (ps_finish_check(&params->finish, error) || check_texts(&params->finish, error) ||
        ps_target_choose(&save->target, path, params, error))
        return error->status;
    if (!shape)
        return PS_OK;
    if (ps_finish_resolve(&save->plan, shape, &params->finish, error) ||
        ps_target_check(&save->target, &save->plan, error))
        return error->status;
    return PS_OK;
}

/* Null for a file. */
static ps_output_folder_owns *owner_of(const struct ps_target *target)
{
    return target->container == PS_CONTAINER_FOLDER ? ps_sequence_owns : NULL;
}

static struct ps_clip_shape shape_of(const struct ps_clip *clip)
{
    return (struct ps_clip_shape){clip->width, clip->height, clip->frames, clip->fps};
}

enum ps_status ps_clip_plan_save(struct ps_save_plan *plan, const struct ps_clip_shape *clip,
                                 const char *path, const struct ps_save_params *params,
                                 struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_save save = {0};
    error = error ? error : &local;
    params = params ? params : &defaults;
    if (prepare(&save, clip, path, params, error) ||
        ps_deliver_check(path, params->overwrite, owner_of(&save.target), params->provenance, error))
        return error->status;
    if (!plan)
        return PS_OK;
    *plan = (struct ps_save_plan){.codec = save.target.codec,
                                  .width = save.plan.width,
                                  .height = save.plan.height,
                                  .frames = save.plan.frames,
                                  .rate = save.plan.rate};
    snprintf(plan->codec_name, sizeof plan->codec_name, "%s", save.target.traits->name);
    snprintf(plan->container, sizeof plan->container, "%s", ps_container_name(save.target.container));
    snprintf(plan->encoder, sizeof plan->encoder, "%s", save.target.encoder->name);
    return PS_OK;
}

static enum ps_status write_video(void *user, struct ps_output *output, struct ps_error *error)
{
    return ps_video_write(output, user, error);
}

static enum ps_status verify_video(void *user, int fd, struct ps_error *error)
{
    return ps_video_verify(fd, user, error);
}

static enum ps_status write_sequence(void *user, struct ps_output_folder *folder, struct ps_error *error)
{
    return ps_sequence_write(folder, user, error);
}

/* Pixels that no model made. */
static bool is_composite(const struct ps_finish_params *finish)
{
    return finish->logo.picture || finish->end_card.picture || finish->product_lock;
}

/* How a file of each container comes to its label. */
static enum ps_carrier carrier_of(enum ps_container container)
{
    static const enum ps_carrier carriers[] = {
        [PS_CONTAINER_MP4] = PS_CARRIER_ISO,     [PS_CONTAINER_MOV] = PS_CARRIER_ISO,
        [PS_CONTAINER_WEBM] = PS_CARRIER_WRITER, [PS_CONTAINER_GIF] = PS_CARRIER_GIF,
        [PS_CONTAINER_WEBP] = PS_CARRIER_WEBP,   [PS_CONTAINER_FOLDER] = PS_CARRIER_WRITER};
    return carriers[container];
}

/* What is told of the origin: the caller's wishes, and composite where finishing makes it so. */
static struct ps_provenance provenance_of(const struct ps_save_params *params)
{
    static const struct ps_provenance labelled;
    struct ps_provenance provenance = params->provenance ? *params->provenance : labelled;
    provenance.composite = provenance.composite || is_composite(&params->finish);
    return provenance;
}

static enum ps_status make_packet(struct ps_save *save, const struct ps_provenance *provenance,
                                  struct ps_error *error)
{
    if (!provenance->unlabelled)
        save->packet = ps_xmp_packet(save->clip->origin, provenance->composite, &save->packet_size, error);
    return error->status;
}

static enum ps_status deliver(struct ps_save *save, const char *path, const struct ps_save_params *params,
                              struct ps_error *error)
{
    const struct ps_provenance provenance = provenance_of(params);
    struct ps_library libraries[PS_SAVE_LIBRARIES];
    ps_save_libraries(libraries, save->target.encoder);
    const struct ps_delivery delivery = {.path = path,
                                         .overwrite = params->overwrite,
                                         .reproducible = params->reproducible,
                                         .carrier = carrier_of(save->target.container),
                                         .origin = save->clip->origin,
                                         .provenance = &provenance,
                                         .libraries = libraries,
                                         .library_count = PS_SAVE_LIBRARIES,
                                         .write = write_video,
                                         .verify = verify_video,
                                         .write_folder = write_sequence,
                                         .owns = owner_of(&save->target),
                                         .user = save};
    if (delivery.carrier == PS_CARRIER_WRITER && make_packet(save, &provenance, error))
        return error->status;
    if (delivery.owns)
        ps_deliver_folder(&delivery, error);
    else
        ps_deliver(&delivery, error);
    free(save->packet);
    return error->status;
}

enum ps_status ps_clip_save(const struct ps_clip *clip, const char *path, const struct ps_save_params *params,
                            struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_save save = {.clip = clip};
    const struct ps_clip_shape shape = shape_of(clip);
    error = error ? error : &local;
    params = params ? params : &defaults;
    if (prepare(&save, &shape, path, params, error))
        return error->status;
    ps_meter_begin(&save.meter, params, save.plan.frames, save.target.codec == PS_CODEC_GIF);
    return deliver(&save, path, params, error);
}

static enum ps_status verify_poster(void *user, int fd, struct ps_error *error)
{
    return ps_poster_verify(fd, user, error);
}

static enum ps_status prepare_poster(struct ps_save *save, const struct ps_clip_shape *shape,
                                     const char *path, const struct ps_save_params *params,
                                     struct ps_error *error)
{
    if (ps_finish_check(&params->finish, error) || check_texts(&params->finish, error) ||
        ps_poster_target(&save->target, path, error))
        return error->status;
    return shape ? ps_finish_resolve(&save->plan, shape, &params->finish, error) : PS_OK;
}

enum ps_status ps_clip_plan_poster(const struct ps_clip_shape *clip, const char *path,
                                   const struct ps_save_params *params, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_save save = {0};
    error = error ? error : &local;
    params = params ? params : &defaults;
    return prepare_poster(&save, clip, path, params, error) ? error->status
                                                            : ps_output_check(path, params->overwrite, error);
}

enum ps_status ps_clip_save_poster(const struct ps_clip *clip, const char *path,
                                   const struct ps_save_params *params, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_save save = {.clip = clip};
    const struct ps_clip_shape shape = shape_of(clip);
    struct ps_output *output = NULL;
    error = error ? error : &local;
    params = params ? params : &defaults;
    if (prepare_poster(&save, &shape, path, params, error))
        return error->status;
    const struct ps_provenance provenance = provenance_of(params);
    if (!make_packet(&save, &provenance, error) && !ps_output_open(&output, path, params->overwrite, error) &&
        !ps_poster_write(output, &save, error))
        ps_output_commit(output, verify_poster, &save, error);
    ps_output_close(&output);
    free(save.packet);
    return error->status;
}
