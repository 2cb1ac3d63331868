/* A checkpoint: a diffusers folder, a single sgm file, or UNet weights alone, told apart by the tensors'
 * names. */
#ifndef PS_WEIGHTS_CHECKPOINT_H
#define PS_WEIGHTS_CHECKPOINT_H

#include "weights/config.h"

/* PS_LAYOUT_OTHER: a safetensors file or folder without a UNet. */
enum ps_layout { PS_LAYOUT_FOLDER, PS_LAYOUT_SINGLE, PS_LAYOUT_UNET, PS_LAYOUT_OTHER };

/* PS_PART_OTHER: what a single file holds beside the parts: the unused second encoder, text leftovers. */
enum ps_part_kind { PS_PART_UNET, PS_PART_VAE, PS_PART_VISION, PS_PART_OTHER, PS_PARTS };

struct ps_checkpoint {
    enum ps_layout layout;
    bool is_svd;
    char family[160];               /* "Stable Video Diffusion", or what it looks like instead */
    struct ps_part parts[PS_PARTS]; /* a part that is absent is empty, and its problem says so */
    struct ps_unet_config unet;     /* zeroed where the part has a problem */
    struct ps_vae_config vae;
    struct ps_vision_config vision;
    struct ps_scheduler_config scheduler;
    struct ps_error scheduler_problem;
    struct ps_defaults defaults;
    struct ps_error defaults_problem;
    struct ps_safetensors **files;
    uint32_t file_count;
};

/* Reads and checks the headers and configurations. Fails with PS_ERR_CHECKPOINT where `path` is no checkpoint
 * or its bytes are damaged; a checkpoint that packshot cannot render with is opened, and says why: see
 * ps_checkpoint_ready. */
enum ps_status ps_checkpoint_open(struct ps_checkpoint **checkpoint, const char *path,
                                  struct ps_error *error);
void ps_checkpoint_close(struct ps_checkpoint **checkpoint);

/* Takes the UNet and its configuration from `path` (a folder, a UNet file or a single file) instead. Call it
 * before binding. */
enum ps_status ps_checkpoint_override_unet(struct ps_checkpoint *checkpoint, const char *path,
                                           struct ps_error *error);

/* Fails with PS_ERR_CHECKPOINT unless it is Stable Video Diffusion with all three parts, each usable and
 * fitting the others. */
enum ps_status ps_checkpoint_ready(const struct ps_checkpoint *checkpoint, struct ps_error *error);

/* "diffusers folder", "single file (sgm)", "UNet weights", "other weights"; a static string. */
const char *ps_layout_name(enum ps_layout layout);

/* "F16", or "F16+F32" where mixed; empty for an empty part. Returns text. */
const char *ps_part_storage(const struct ps_part *part, char *text, size_t size);

#endif
