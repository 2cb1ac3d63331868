/* packshot: one product photo in, a short product-showcase clip out, on this machine.
 *
 *   #include <packshot.h>
 *   #include <stdio.h>
 *
 *   int main(void)
 *   {
 *       struct ps_error error = {0};
 *       struct ps_context *context = NULL;
 *       struct ps_model *model = NULL;
 *       struct ps_photo *photo = NULL;
 *       struct ps_clip *clip = NULL;
 *       struct ps_render_params params = {.width = 1024, .height = 576, .seed = 7};
 *
 *       if (ps_context_open(&context, NULL, &error) || ps_model_open(&model, context, "svd-xt", NULL, &error) ||
 *           ps_photo_load(&photo, "shoe.png", NULL, &error) ||
 *           ps_render(&clip, model, photo, &params, NULL, &error) ||
 *           ps_clip_save(clip, "shoe.mp4", NULL, &error))
 *           fprintf(stderr, "error: %s\nhint: %s\n", error.message, error.hint);
 *
 *       ps_clip_free(&clip);
 *       ps_photo_free(&photo);
 *       ps_model_close(&model);
 *       ps_context_close(&context);
 *       return (int)error.status;
 *   }
 *
 * Rules that hold for every function:
 *  - 0 (PS_OK) is success. Anything else is a status; the ps_error passed in then holds its name, a message that says
 *    what, where, expected and found, and often a hint. The first failure wins; start each sequence of calls with a
 *    zeroed ps_error. A null ps_error is allowed.
 *  - On failure the output pointer is left NULL.
 *  - What is opened is closed, what is loaded is freed. A release takes the address of the pointer, accepts a pointer
 *    to NULL, and leaves NULL. A model must be closed before its context; photos and clips stand alone.
 *  - In a parameter struct zero means the documented default, and a NULL pointer to one means all defaults. Parameters
 *    need to live only until the call returns.
 *  - The library never prints, never exits, never reads the environment, keeps no mutable global state, and opens no
 *    network connection. Two contexts share nothing. One context and what was opened from it belong to one thread at a
 *    time; callbacks run on the calling thread, inside the call.
 */
#ifndef PACKSHOT_H
#define PACKSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PS_API __attribute__((visibility("default")))
#else
#define PS_API
#endif

#define PS_VERSION "0.1.0"

/* What went wrong, by who can mend it. The values are the exit codes of the packshot program. */
enum ps_status {
    PS_OK = 0,
    PS_ERR_INTERNAL = 1,    /* a defect in packshot or its driver */
    PS_ERR_USAGE = 2,       /* a parameter is out of its range, or two contradict each other */
    PS_ERR_INPUT = 4,       /* the photo or another input file is not usable */
    PS_ERR_CHECKPOINT = 5,  /* the model's files are missing, damaged or of another model */
    PS_ERR_DEVICE = 6,      /* no usable device, or it lacks a feature */
    PS_ERR_MEMORY = 7,      /* it does not fit into the memory given */
    PS_ERR_OUTPUT = 8,      /* the output cannot be written */
    PS_ERR_DEVICE_LOST = 9, /* the device stopped answering */
    PS_ERR_TRY_AGAIN = 75,  /* a file was in use by another program; the same call may succeed later */
    PS_ERR_CANCELLED = 130  /* the progress callback asked to stop */
};

/* A failure. Plain data, owned by the caller. */
struct ps_error {
    enum ps_status status;
    char id[40];       /* stable machine-readable name, such as "image.truncated" */
    char message[768]; /* one sentence or a few lines; printable, UTF-8 where the input was */
    char hint[256];    /* what to do about it; may be empty */
};

/* "device-lost" for PS_ERR_DEVICE_LOST, and so on; a static string, "unknown" for other values. */
PS_API const char *ps_status_name(enum ps_status status);

/* The library's version, PS_VERSION at the time it was built; a static string. */
PS_API const char *ps_version(void);

/* Something that the library works with on this machine. */
struct ps_component {
    char name[32];     /* "libpng", "vulkan loader", "instruction sets" */
    char version[128]; /* as it says itself now, such as "1.6.39" */
};

/* Lists up to `capacity` components in `components` and sets *count to how many there are: libraries as they are loaded,
 * the Vulkan loader, and the processor's instruction sets that there are kernels for. Status: PS_OK. */
PS_API enum ps_status ps_components(struct ps_component *components, size_t capacity, size_t *count);

/* ---- devices ---------------------------------------------------------------------------------------------------- */

/* One way to run the model on this machine. */
struct ps_device {
    char selector[16];      /* what ps_context_params.device takes: "0", "1", "cpu", "ref" */
    char name[128];         /* the driver's name for it */
    char driver[128];       /* driver and version; API version */
    uint64_t memory_bytes;  /* memory that it can use in all */
    bool software;          /* runs on the CPU */
    bool usable;            /* has what packshot needs */
    char reason[128];       /* why not usable; empty if it is */
    char uuid[33];          /* of a Vulkan device, 32 hexadecimal digits that stay its own; else empty */
};

/* Lists up to `capacity` devices in `devices` and sets *count to how many there are: Vulkan devices, then this machine's
 * processor ("cpu"), last the reference interpreter ("ref"). Where there is no Vulkan device `note` (may be null, of
 * `note_size` bytes) says why. Status: PS_OK. */
PS_API enum ps_status ps_devices(struct ps_device *devices, size_t capacity, size_t *count, char *note,
                                 size_t note_size);

enum ps_log_level { PS_LOG_ERROR, PS_LOG_WARNING, PS_LOG_INFO, PS_LOG_DEBUG };

/* How a context is opened. */
struct ps_context_params {
    /* "auto" (also NULL): the first real GPU, else the processor; an index or part of a name as ps_devices lists the
     * Vulkan devices; "cpu": the processor; "ref": the slow, exact reference interpreter. */
    const char *device;
    uint32_t threads; /* of "cpu"; 0 means one for each processor that the process may run on */
    /* Called with one line of text without a line end; NULL is silence. With `validate` some lines come from a thread of
     * the validation layer. */
    void (*log)(void *user, enum ps_log_level level, const char *line);
    void *user;
    bool validate; /* run under the Khronos validation layer, with its messages logged as errors; for tests */
    /* Of a GPU: a folder, made where it is missing, that keeps what is found out about the device and its driver, such as
     * compiled shaders, for the next time; NULL for none. What cannot be read there is found out again. */
    const char *cache;
    /* Of a Vulkan device: NULL for the shaders that are fastest there, "own" for those that run everywhere, "portable",
     * "coop" (cooperative matrices) or "coop2" (NVIDIA's) for those where there are any; to find a fault. */
    const char *kernels;
};

/* A device opened for work. */
struct ps_context;

/* Opens a device. Status: PS_ERR_DEVICE where there is none of that name or it lacks a feature, PS_ERR_MEMORY,
 * PS_ERR_USAGE for unknown kernels. */
PS_API enum ps_status ps_context_open(struct ps_context **context, const struct ps_context_params *params,
                                      struct ps_error *error);
PS_API void ps_context_close(struct ps_context **context);

/* The device that the context uses; valid until the context is closed. */
PS_API const struct ps_device *ps_context_device(const struct ps_context *context);

/* How many messages the validation layer has given; 0 without ps_context_params.validate. */
PS_API uint64_t ps_context_validation_messages(const struct ps_context *context);

/* ---- models ----------------------------------------------------------------------------------------------------- */

/* A checkpoint whose header has been read and checked; its weights stay on disk until a render needs them. */
struct ps_model;

struct ps_model_params {
    const char *unet; /* a folder or file to take the UNet from instead, such as a fine-tune; NULL for none */
};

/* Opens a diffusers folder or a single-file checkpoint, told apart by content. Status: PS_ERR_CHECKPOINT. */
PS_API enum ps_status ps_model_open(struct ps_model **model, struct ps_context *context, const char *path,
                                    const struct ps_model_params *params, struct ps_error *error);
PS_API void ps_model_close(struct ps_model **model);

/* Takes the SHA-256 of each weight file, for the label and the sidecar of clips rendered afterwards. Reads them all, at
 * 1.7 GB/s or the disk's speed; later calls do nothing. `cache` (NULL for none) is a folder, made where it is missing,
 * that keeps the hashes of files above 16 MiB by device, inode, size and times; where it cannot be used the context's
 * log has a warning. Status: PS_ERR_CHECKPOINT, PS_ERR_MEMORY. */
PS_API enum ps_status ps_model_identify(struct ps_model *model, const char *cache, struct ps_error *error);

/* One SHA-256 for the whole checkpoint: that of the hashes of its weight files, a line each, in the order of a sidecar. The
 * model must have been identified. Status: PS_ERR_USAGE where it was not, PS_ERR_MEMORY. */
PS_API enum ps_status ps_model_hash(char text[65], const struct ps_model *model, struct ps_error *error);

/* One part of a checkpoint. */
struct ps_part_info {
    char name[32];       /* "unet", "vae", "image_encoder" */
    char storage[32];    /* "F16", "BF16", "F32", or "F16+F32" where mixed; empty where the part is absent */
    uint64_t tensors;    /* in the file */
    uint64_t parameters; /* in those tensors */
    uint64_t bytes;
    uint32_t missing, surplus, misshapen; /* tensors, against what the architecture of these sizes needs */
};

#define PS_MAX_PARTS 4
#define PS_MAX_PROBLEMS 16

/* What a checkpoint is. */
struct ps_model_info {
    char layout[64];  /* "diffusers folder", "single file (sgm)", "UNet weights" */
    char family[160]; /* "Stable Video Diffusion", or what it looks like instead */
    uint32_t part_count;
    struct ps_part_info parts[PS_MAX_PARTS];
    uint32_t frames;          /* frames that the model was trained for; 0 where the checkpoint does not say */
    uint32_t width, height;   /* pixels that its packshot.json asks for, and sampling steps; 0 where it does not */
    uint32_t steps;
    uint32_t latent_channels; /* 4 for SVD */
    uint32_t latent_scale;    /* pixels per latent cell and axis: 8 for SVD */
    bool temporal_decoder;    /* false: the per-frame image decoder */
    uint32_t problem_count;   /* lines in problems, at most PS_MAX_PROBLEMS */
    char problems[PS_MAX_PROBLEMS][192];
};

/* Describes a checkpoint without a device, complete or not. Fails with PS_ERR_CHECKPOINT only where the bytes are no
 * checkpoint at all or are damaged. */
PS_API enum ps_status ps_inspect(struct ps_model_info *info, const char *path, struct ps_error *error);

/* ---- photos ----------------------------------------------------------------------------------------------------- */

/* A decoded photo: upright, RGB, 8 bits a channel. */
struct ps_photo;

/* What stands behind a cut-out, a photo with transparent parts. */
enum ps_background {
    PS_BACKGROUND_COLOUR,   /* one colour */
    PS_BACKGROUND_GRADIENT, /* from one colour at the top evenly to another at the bottom */
    PS_BACKGROUND_BLUR,     /* the subject itself, enlarged over the frame and blurred until no detail is left */
    PS_BACKGROUND_IMAGE     /* a picture, cut to the photo's shape about its centre */
};

/* How the decoders of photo formats are kept apart from the rest. They run in a forked child that holds no descriptor
 * and can make no system call but for memory, locks and the clock, as far as the kernel has seccomp, Landlock and
 * resource limits. The child handles no signal of the caller's; the caller gets a SIGCHLD for it. */
enum ps_sandbox {
    PS_SANDBOX_AUTO,   /* what the kernel has; a photo decoded without seccomp gets a note */
    PS_SANDBOX_STRICT, /* all of it, else PS_ERR_DEVICE */
    PS_SANDBOX_OFF     /* in the caller's process */
};

/* How a photo is read. */
struct ps_photo_params {
    enum ps_background background_kind;
    /* The one colour or the top one, and the bottom one, 0xRRGGBB in sRGB; 0 means white. For black use 0x000001. */
    uint32_t background, background_end;
    const char *background_image; /* a file like a photo; for PS_BACKGROUND_IMAGE */
    /* A CMYK photo without a colour profile is converted by red = (1 - C) (1 - K) and so on, which no press does, rather
     * than refused. */
    bool assume_cmyk;
    enum ps_sandbox sandbox;
};

/* Reads a PNG, JPEG, WebP, TIFF or BMP file of at most 256 MB, 100 megapixels and 16384 pixels a side; told by content,
 * not by name. Only regular files are read, nothing that the file names is opened. Colours are converted to sRGB from the
 * profile that the file embeds (relative colorimetric, black point compensation); without one they are taken as sRGB.
 * Status: PS_ERR_INPUT, PS_ERR_MEMORY, PS_ERR_USAGE, PS_ERR_DEVICE for a strict sandbox that cannot be had, and
 * PS_ERR_TRY_AGAIN for a file that was changed while it was read, twice. */
PS_API enum ps_status ps_photo_load(struct ps_photo **photo, const char *path, const struct ps_photo_params *params,
                                    struct ps_error *error);
/* Copies width * height pixels of three bytes, row by row. Status: PS_ERR_USAGE, PS_ERR_MEMORY. */
PS_API enum ps_status ps_photo_from_rgb(struct ps_photo **photo, const uint8_t *rgb, uint32_t width, uint32_t height,
                                        struct ps_error *error);
PS_API void ps_photo_free(struct ps_photo **photo);
PS_API uint32_t ps_photo_width(const struct ps_photo *photo);
PS_API uint32_t ps_photo_height(const struct ps_photo *photo);
/* width * height * 3 bytes, owned by the photo. */
PS_API const uint8_t *ps_photo_rgb(const struct ps_photo *photo);
/* The photo's own alpha, upright: width * height bytes, 255 where the subject is opaque; NULL where all of it is.
 * ps_photo_rgb has it composited already. Owned by the photo. */
PS_API const uint8_t *ps_photo_alpha(const struct ps_photo *photo);
/* What was assumed or ignored to read the photo, such as a broken colour profile: one remark after the other, counted
 * from 0, NULL past the last. Owned by the photo. */
PS_API const char *ps_photo_note(const struct ps_photo *photo, uint32_t index);

/* What keeps decoders apart on this machine. */
struct ps_sandbox_info {
    bool limits;   /* on memory, time, files and processes */
    bool seccomp;  /* system calls are refused */
    bool landlock; /* files and ports are refused once more */
};

/* Starts a decoder's process once, with nothing to do, and says what held. Status: PS_ERR_MEMORY where no process can be
 * started. */
PS_API enum ps_status ps_sandbox_check(struct ps_sandbox_info *info, struct ps_error *error);

/* ---- rendering -------------------------------------------------------------------------------------------------- */

/* How a photo of one aspect fills a frame of another. */
enum ps_fit {
    PS_FIT_CROP,    /* keeps the aspect and cuts what is too much */
    PS_FIT_STRETCH, /* does not keep the aspect; what diffusers does */
    PS_FIT_PAD,     /* keeps all of the photo; one colour beside it */
    PS_FIT_EXTEND   /* keeps all of the photo; its mirrored edges, ever more blurred, beside it */
};
/* Which point of the photo comes as near to the middle of the frame as the fit allows. */
enum ps_focus {
    PS_FOCUS_CENTRE, /* the photo's own middle */
    PS_FOCUS_AUTO,   /* the product's: what is opaque in a cut-out, else what stands out from the edges */
    PS_FOCUS_POINT   /* focus_x and focus_y */
};
enum ps_schedule { PS_SCHEDULE_KARRAS, PS_SCHEDULE_AYS };
enum ps_rng { PS_RNG_PHILOX, PS_RNG_TORCH_CPU };
enum ps_dtype { PS_DTYPE_DEFAULT, PS_DTYPE_F32, PS_DTYPE_F16, PS_DTYPE_BF16 };
/* How weights are kept: in the storage type, or the UNet's large matrices in whole numbers from -127 to 127 with a float32
 * scale for each output channel, which halves float16. Other parts, whose weights are not the peak, stay as they are. */
enum ps_weights { PS_WEIGHTS_FULL, PS_WEIGHTS_Q8 };

#define PS_MAX_STEPS 1000
#define PS_MAX_FRAMES 1024

/* What to render. A star marks a default that the model's folder may set: its packshot.json is one JSON object with any of
 * width, height, frames, fps, motion, steps, guidance ([first, last]) and bf16 (false: its clips need f32 instead). */
struct ps_render_params {
    uint32_t width, height;    /* pixels, multiples of 8, 16 to 8192; 0 means 1024 and 576 * */
    enum ps_fit fit;           /* default: crop */
    enum ps_focus focus;       /* default: centre */
    float focus_x, focus_y;    /* for PS_FOCUS_POINT, 0 to 1: fractions of the photo's width and height */
    uint32_t pad_colour;       /* for PS_FIT_PAD, 0xRRGGBB in sRGB; 0 means the middle colour of the photo's edge. For black
                                  use 0x000001 */
    uint32_t frames;           /* 1 to PS_MAX_FRAMES; 0 means what the model was trained for, 25 where unknown * */
    uint32_t fps;              /* frames a second that the model is told and the clip plays at, 1 to 120; 0 means 7 * */
    float motion;              /* motion bucket, up to 1023; 0 means 127 *, a negative number means bucket 0 */
    float noise_augmentation;  /* noise on the photo, up to 10; 0 means 0.02, a negative number means none */
    uint32_t steps;            /* sampling steps, up to PS_MAX_STEPS; 0 means 25 *, with AYS 10 */
    enum ps_schedule schedule; /* Karras et al. 2022 (arXiv 2206.00364) equation 5, or the published Align-Your-Steps list */
    const float *sigmas;       /* NULL, or a falling list of sigma_count noise levels that ends in 0; then steps is
                                  sigma_count - 1 and schedule does not count */
    uint32_t sigma_count;
    float guidance_min, guidance_max; /* guidance scale of the first and the last frame, 0.01 to 100; 0 means 1 and 3 * */
    uint64_t seed;
    enum ps_rng rng;           /* Philox (default): the same noise on any device; torch-cpu: PyTorch's CPU generator */
    /* Storage of activations and weights; sums are float32. bf16 has the range of f32 in the memory of f16, and an eighth of
     * f16's precision. Default: f16 on a GPU; on "cpu" bf16 where the processor multiplies it faster than f32 *; else f32. */
    enum ps_dtype dtype;
    enum ps_weights weights;   /* default: full. The clip differs slightly with q8 */
    uint64_t memory_bytes;     /* device memory that the render may use, staging included; 0 means what is free */
    uint32_t decode_chunk;     /* frames decoded at a time as diffusers does it; 0 decodes over the whole clip, exactly */
    const char *taps;          /* safetensors file to write the intermediate tensors to; NULL for none */
    const char *taps_in;       /* safetensors file of noise to use instead of the generator's; NULL for none */
    /* NULL, or a file to keep the state of the render in, replaced after each sampling step. A render that finds there the
     * state of this very render (of photo, checkpoint, parameters, device, driver and version) goes on from it, to the same
     * bytes; of any other state the context's log has a warning, and the render begins at its beginning. Who has the clip
     * removes the file. The model must have been identified: ps_model_identify. Not with taps, nor with several takes */
    const char *state;
    bool overwrite;            /* an existing taps file is replaced */
};

#define PS_MAX_PHASES 4

/* What one phase of a render costs. */
struct ps_phase_plan {
    char name[16];          /* "vision", "encoder", "unet", "decoder" */
    uint64_t weights_bytes; /* weights kept on the device, and the ring that the others stream through */
    uint64_t scratch_bytes; /* activations at their peak */
    uint64_t staging_bytes; /* host-visible transfer memory */
    uint64_t flops;         /* floating-point operations of the whole phase, all steps */
    bool streamed;          /* some weights are read again at every use */
};

/* What a render costs, before it is started. */
struct ps_plan {
    uint64_t budget_bytes; /* the memory it was planned for */
    uint64_t peak_bytes;   /* the largest sum over a phase */
    uint32_t phase_count;
    struct ps_phase_plan phases[PS_MAX_PHASES];
    struct ps_render_params resolved; /* every default filled in; its pointers are NULL */
};

/* Plans a render without running anything. Status: PS_ERR_USAGE; PS_ERR_MEMORY, with the numbers and a way out, where
 * no plan fits the budget. */
PS_API enum ps_status ps_render_plan(struct ps_plan *plan, struct ps_model *model, const struct ps_render_params *params,
                                     struct ps_error *error);

/* Where a render is. */
struct ps_progress {
    const char *phase;   /* as in ps_phase_plan; valid during the call */
    uint32_t step;       /* 1-based within the phase; sampling steps in "unet" */
    uint32_t steps;
    double done;         /* 0 to 1, share of the whole render's operations */
    double seconds;      /* since the render began */
    double step_seconds; /* of the last step finished in this phase; 0 before the first */
    uint32_t take;       /* 1-based: which of the clips that are rendered together is at work */
    uint32_t takes;      /* how many they are; 1 for ps_render */
};

/* Listeners of a render. */
struct ps_render_events {
    void (*plan)(void *user, const struct ps_plan *plan);
    /* Called at least once a step; false stops the render with PS_ERR_CANCELLED, one that keeps its state after the sampling
     * step at hand. */
    bool (*progress)(void *user, const struct ps_progress *progress);
    void *user;
};

/* The frames of a clip, RGB, 8 bits a channel. */
struct ps_clip;

/* Renders a clip. Status: those of ps_render_plan, PS_ERR_CHECKPOINT (weights unreadable or not finite),
 * PS_ERR_DEVICE_LOST, PS_ERR_OUTPUT (taps, state), PS_ERR_CANCELLED. A device that is lost is opened once more, and one that
 * has less memory than planned gets a smaller plan; the clip is the same. */
PS_API enum ps_status ps_render(struct ps_clip **clip, struct ps_model *model, const struct ps_photo *photo,
                                const struct ps_render_params *params, const struct ps_render_events *events,
                                struct ps_error *error);

#define PS_MAX_TAKES 64

/* Clips of one photo that are rendered together and differ by their seed: the first has that of the parameters, each other
 * one more. Every one is what ps_render makes of its seed. The photo goes through the vision tower once, and each part of
 * the model is loaded once; the VAE encodes the photo anew for each, since noise of the seed lies on it. */
struct ps_takes {
    uint32_t count; /* 1 to PS_MAX_TAKES; 0 means 1 */
    uint32_t until; /* sampling steps after which each stops, up to those of the parameters; 0 means all. The clip is then
                       a draft: the end that the model predicts at that step */
    const char *const *keep;   /* NULL, or for each the path of a file to write its latents to, as soon as they are sampled;
                                  NULL for none. A safetensors file, replaced where params->overwrite says so */
    const char *const *resume; /* NULL, or for each such a file to go on from, which has to be of the same parameters; NULL
                                  for none. The clip is bit for bit the one of a render that did not stop */
    /* Called with each clip, which is then the caller's; false stops with PS_ERR_CANCELLED. */
    bool (*done)(void *user, uint32_t take, struct ps_clip *clip);
    void *user;
};

/* As ps_render_plan, for all takes together; reads the files of `resume`. */
PS_API enum ps_status ps_render_takes_plan(struct ps_plan *plan, struct ps_model *model,
                                           const struct ps_render_params *params, const struct ps_takes *takes,
                                           struct ps_error *error);

/* Renders the takes: all are sampled, then one after the other is decoded and handed over. Taps are of one take alone.
 * Status: those of ps_render; PS_ERR_INPUT for a file of latents, PS_ERR_OUTPUT. */
PS_API enum ps_status ps_render_takes(struct ps_model *model, const struct ps_photo *photo,
                                      const struct ps_render_params *params, const struct ps_takes *takes,
                                      const struct ps_render_events *events, struct ps_error *error);
PS_API void ps_clip_free(struct ps_clip **clip);
PS_API uint32_t ps_clip_width(const struct ps_clip *clip);
PS_API uint32_t ps_clip_height(const struct ps_clip *clip);
PS_API uint32_t ps_clip_frames(const struct ps_clip *clip);
PS_API uint32_t ps_clip_fps(const struct ps_clip *clip);
/* width * height * 3 bytes of one frame, owned by the clip; NULL past the last frame. */
PS_API const uint8_t *ps_clip_frame(const struct ps_clip *clip, uint32_t frame);
/* The most device memory, staging included, that the render had allocated at one time, in bytes. */
PS_API uint64_t ps_clip_peak_bytes(const struct ps_clip *clip);

/* ---- quality ---------------------------------------------------------------------------------------------------- */

#define PS_MAX_FINDINGS 8

/* One thing about a clip that a person should look at. */
struct ps_finding {
    char id[32];          /* stable name: "quality.black", "quality.flicker" */
    double figure, limit; /* what was measured, and the most that passes */
    char text[128];       /* one phrase with the figure, for people */
};

/* What was measured of a clip. Levels are of 255; shares are of the clip's longer side. */
struct ps_quality {
    uint64_t not_finite;    /* values of the decoder that were NaN or infinite, and are black now */
    uint32_t black_frames;  /* frames that are black, while the photo is not */
    uint32_t flat_frames;   /* other frames in which nothing is left of the photo's contrast */
    uint32_t frozen_frames; /* most frames in a row that equal the one before */
    double flicker;         /* levels by which the mean luma alternates */
    double motion;          /* share of the side that the picture moves from a frame to the next, 0 to about 0.06 */
    double drift;           /* of the product from the photo, its place and size aside: 0 is the same, 1 another thing; -1
                               where the photo shows no product */
    double colour_drift;    /* of the product's mean colour in CIELAB: of the hue, half of the chroma's, a quarter of
                              the lightness's; -1 alike */
    uint32_t finding_count;
    struct ps_finding findings[PS_MAX_FINDINGS];
};

/* Measures a clip as it was rendered and judges it: no finding, or what needs a person's eyes. Takes about a second for 25
 * frames of 1024x576. Status: PS_ERR_MEMORY. */
PS_API enum ps_status ps_clip_measure(struct ps_quality *quality, const struct ps_clip *clip, struct ps_error *error);

/* ---- saving ----------------------------------------------------------------------------------------------------- */

/* What is told of how a clip was made. */
struct ps_provenance {
    bool unlabelled;      /* leaves out the label in the clip; a sidecar says so */
    bool composite;       /* real pixels are in the frames, such as a logo: the label says so */
    const char *sidecar;  /* JSON file to write, with everything needed to render the clip again; NULL for none. The
                             model must have been identified before the render: ps_model_identify */
    const char *sections; /* NULL, or the text of a JSON object whose members are added to the sidecar */
    /* NULL, or called with the path of the clip, complete and labelled, before it is read back and has its name: for a
     * signature such as C2PA's. It may change the file or replace it, but must leave the label. What it returns, with the
     * error set, is what the save returns. */
    enum ps_status (*sign)(void *user, const char *path, struct ps_error *error);
    void *user;
    const char *signer; /* what the sidecar calls it; NULL for nothing */
};

/* What a clip is encoded as. With AUTO the path's end says it: .mp4 and .m4v H.264, .mov ProRes 422 HQ, .webm VP9, .gif
 * GIF, .webp WebP, and / a folder of PNG files. */
enum ps_codec {
    PS_CODEC_AUTO,
    PS_CODEC_H264,         /* in MP4 or MOV; 8 bits, 4:2:0 */
    PS_CODEC_HEVC,         /* in MP4 or MOV; 8 bits, 4:2:0 */
    PS_CODEC_AV1,          /* in MP4 or WebM; 8 bits, 4:2:0 */
    PS_CODEC_PRORES_422HQ, /* in MOV; 10 bits, 4:2:2 */
    PS_CODEC_PRORES_4444,  /* in MOV; 10 bits, 4:4:4, opaque */
    PS_CODEC_VP9,          /* in WebM; 8 bits, 4:2:0 */
    PS_CODEC_GIF,          /* one palette for the clip, repeats for ever; at most 50 frames a second */
    PS_CODEC_WEBP,         /* animated WebP, repeats for ever */
    PS_CODEC_PNG           /* a folder with frame_00001.png and on, RGB, 8 bits */
};

/* Frames a second, num / den: 24000 / 1001 is the exact rate that is called 23.976. */
struct ps_rate {
    uint32_t num, den;
};

/* Where the frames between two frames of the clip come from when the rate or the speed changes. */
enum ps_interpolation {
    PS_INTERPOLATION_DUPLICATE, /* the earlier frame again */
    PS_INTERPOLATION_BLEND,     /* a mix of both */
    PS_INTERPOLATION_MOTION     /* both, moved along the estimated motion; slow */
};

/* How the last frame leads back to the first. */
enum ps_loop {
    PS_LOOP_NONE,
    PS_LOOP_BOOMERANG, /* forward and back: 2 * frames - 2 frames, the last leads to the first */
    PS_LOOP_SEAMLESS   /* the end dissolves into the beginning, and the clip is shorter by that much */
};

/* Where in the frame something stands. */
enum ps_anchor {
    PS_ANCHOR_DEFAULT, /* logo: bottom right; caption: bottom */
    PS_ANCHOR_TOP_LEFT, PS_ANCHOR_TOP, PS_ANCHOR_TOP_RIGHT,
    PS_ANCHOR_LEFT, PS_ANCHOR_CENTRE, PS_ANCHOR_RIGHT,
    PS_ANCHOR_BOTTOM_LEFT, PS_ANCHOR_BOTTOM, PS_ANCHOR_BOTTOM_RIGHT
};

/* A rectangle of a clip, in its pixels. */
struct ps_crop {
    uint32_t left, top, width, height;
};

/* A picture over every frame but the end card. */
struct ps_logo {
    const struct ps_photo *picture; /* NULL for none; where it has alpha, and was loaded on one colour, the frame shows
                                       through */
    enum ps_anchor anchor;
    float opacity;                  /* up to 1; 0 means 1 */
    float margin;                   /* distance from the frame's edges, as a share of its shorter side, up to 0.5; 0 means
                                       0.04, a negative number means none */
    float scale;                    /* the logo fits this share of the frame's width and height, up to 1; 0 means 0.2 */
};

/* Text over every frame but the end card. */
struct ps_caption {
    const char *text;       /* UTF-8, at most 1000 bytes, lines separated by \n; NULL or empty for none */
    enum ps_anchor anchor;
    float size;             /* of the font, as a share of the frame's shorter side, 0.01 to 0.5; 0 means 0.06. Smaller where
                               the text would not fit between the margins */
    float margin;           /* as of the logo */
    uint32_t colour;        /* 0xRRGGBB in sRGB, with an outline of black or white; 0 means white, for black use 0x000001 */
    const char *font;       /* a TrueType or OpenType file; NULL means DejaVu Sans, where Debian, Fedora or Arch keep it */
};

/* A picture after the clip, which dissolves into it. */
struct ps_end_card {
    const struct ps_photo *picture; /* NULL for none; fills the frame, what is too much is cut on both sides */
    float hold;                     /* seconds that it stands, 0.04 to 60; 0 means 2 */
    float fade;                     /* seconds of the dissolve, part of the clip, up to 60; 0 means 0.5, a negative number
                                       means a cut */
};

/* What happens between the clip's frames and the encoder, in this order. Times are in seconds of the result, and are
 * rounded to whole frames; zero everywhere changes nothing. */
struct ps_finish_params {
    bool colour_match;     /* every frame gets the mean and the spread, by channel in linear light, that take frame 0 to the
                              photo */
    uint32_t product_lock; /* frames of the clip, up to PS_MAX_FRAMES, over which the photo's own pixels (where it has alpha:
                              the opaque ones) go over into the clip's; 1 replaces frame 0 alone */
    enum ps_loop loop;
    float crossfade;       /* seconds of the clip, up to 60, that a seamless loop dissolves over; 0 means 0.5 */
    struct ps_rate rate;   /* up to 240; 0 / 0 means the clip's own */
    enum ps_interpolation interpolation;
    float speed;           /* 0.1 to 10; 0 means 1 */
    float duration;        /* of the whole result, hold and end card included, up to 600: the speed follows; 0 leaves it */
    float hold;            /* the first frame stands that long before it moves, up to 60 */
    struct ps_crop crop;   /* what of the clip is shown; a width of 0 means the largest centred part of the result's aspect */
    uint32_t width, height; /* of the result, 16 to 8192, Lanczos; 0 means that of the crop, or from the other by its aspect */
    struct ps_crop place;  /* where in the result the crop is shown; a width of 0 means all of it. Beside it its own edges go
                              on, mirrored and the more blurred the farther out; for that width and height must be given */
    struct ps_logo logo;
    struct ps_caption caption;
    struct ps_caption visible_label; /* a second text, such as "AI-generated", for those who see the clip and not its label; its
                                        anchor is PS_ANCHOR_BOTTOM_LEFT by default, its size 0.03, its margin 0.02 */
    struct ps_end_card end_card;
    float fade_in, fade_out; /* up to 60 */
    uint32_t fade_colour;    /* 0xRRGGBB in sRGB; 0 and 0x000001 are black */
};

struct ps_save_params {
    bool overwrite;      /* an existing file is replaced, or a folder that holds nothing but PNG frames; otherwise it is an
                            error */
    enum ps_codec codec;
    const char *encoder; /* libavcodec's name of an encoder of that codec, such as "h264_nvenc"; NULL means the best that
                            runs on the processor */
    uint32_t crf;        /* constant quality, 1 is best: H.264 and HEVC up to 51, default 17 and 20; AV1 and VP9 up to 63,
                            default 24; WebP up to 100, default 20; 0 means the default; must be 0 for the others */
    bool reproducible;   /* the same render gives the same bytes: no times are written, encoders run in one thread */
    const struct ps_provenance *provenance; /* NULL: labelled, no sidecar */
    struct ps_finish_params finish;
    /* Called for each frame with the phases "palette" (GIF alone), "encode" and "verify"; false stops with
     * PS_ERR_CANCELLED. May be NULL. */
    bool (*progress)(void *user, const struct ps_progress *progress);
    void *user;
};

/* Fills in crop and place, so that a result of finish->width x finish->height shows the clip about its focus with all of the
 * product: a crop where one of that aspect has room for the product, else more of the clip on a part of the result. The
 * focus is the point that the render was given, else the product's middle. `safe` is the share of the product's box, about
 * its middle, that must be seen, up to 2: above 1 is a margin, 0 means 1, a negative number means none. Status: PS_ERR_USAGE,
 * PS_ERR_MEMORY. */
PS_API enum ps_status ps_clip_choose_crop(struct ps_finish_params *finish, const struct ps_clip *clip, float safe,
                                          struct ps_error *error);

/* What a save will write. */
struct ps_save_plan {
    enum ps_codec codec;
    char codec_name[16];    /* "h264", "hevc", "av1", "prores-422hq", "prores-4444", "vp9", "gif", "webp" or "png" */
    char container[8];      /* "mp4", "mov", "webm", "gif", "webp" or "folder" */
    char encoder[32];       /* "libx264" */
    uint32_t width, height; /* pixels */
    uint32_t frames;
    struct ps_rate rate;
};

/* The size of a clip that there may not be yet. */
struct ps_clip_shape {
    uint32_t width, height, frames, fps;
};

/* Some of the libraries that a save uses print to standard error. This keeps libav silent in the whole process, from now
 * on; SVT-AV1 is silent where SVT_LOG=1 stands in the environment. */
PS_API void ps_silence_libav(void);

/* Fails if ps_clip_save of a clip of this shape to this path would certainly fail, so that a caller knows before the
 * render: PS_ERR_OUTPUT where the path exists and is not to be overwritten, or its folder is missing or not writable;
 * PS_ERR_DEVICE without an encoder; PS_ERR_USAGE for the parameters, and for a codec that the container does not hold or
 * that takes no such size or rate; PS_ERR_INPUT for the font. `clip` may be NULL: then only what does not depend on it is
 * looked at and `plan` has neither size nor rate. `plan` may be NULL. */
PS_API enum ps_status ps_clip_plan_save(struct ps_save_plan *plan, const struct ps_clip_shape *clip, const char *path,
                                        const struct ps_save_params *params, struct ps_error *error);

/* Fails with PS_ERR_OUTPUT if a file could certainly not be written to this path: it exists and is not to be overwritten,
 * or is no regular file, or its folder is missing, not writable or full. Touches nothing. */
PS_API enum ps_status ps_output_check(const char *path, bool overwrite, struct ps_error *error);

/* Finishes and encodes a clip: BT.709 in limited range, chroma at the left (GIF, WebP and PNG are sRGB), MP4 and MOV with
 * the index first, no dates in the file. The file or folder appears under its name only when it is complete, every frame of
 * it read back and decoded, and it is on disk. Holds a few frames beside the clip. The file, or each file of a folder, carries
 * an XMP packet that says that the clip is generated, with what and from what, and composite where logo, end card or product
 * lock bring real pixels in. A sidecar appears after the clip, and so only beside the clip that it describes. Status: as
 * ps_clip_plan_save, PS_ERR_OUTPUT, PS_ERR_CANCELLED; PS_ERR_USAGE for a sidecar of a clip whose model was not
 * identified. */
PS_API enum ps_status ps_clip_save(const struct ps_clip *clip, const char *path, const struct ps_save_params *params,
                                   struct ps_error *error);

/* Saves one frame as a PNG or JPEG file, by the path's end: the result's first that the fade in does not touch. Of
 * `params` counts `overwrite`, `finish` and the label of `provenance`. Status: as ps_clip_save. */
PS_API enum ps_status ps_clip_save_poster(const struct ps_clip *clip, const char *path,
                                          const struct ps_save_params *params, struct ps_error *error);

/* A contact sheet: a picture with the first, the middle and the last frame of each of several clips. */
struct ps_sheet;

/* For `clips` clips, 1 to PS_MAX_TAKES. Status: PS_ERR_USAGE, PS_ERR_MEMORY. */
PS_API enum ps_status ps_sheet_new(struct ps_sheet **sheet, uint32_t clips, struct ps_error *error);
/* Draws the next clip, of the same size as the first, and above it a short text: UTF-8, NULL for none; left out where this
 * machine has no DejaVu Sans. Status: PS_ERR_USAGE where the sheet is full or the text too long, PS_ERR_MEMORY. */
PS_API enum ps_status ps_sheet_add(struct ps_sheet *sheet, const struct ps_clip *clip, const char *text,
                                   struct ps_error *error);
/* Writes it as PNG or JPEG, by the path's end. Status: as ps_clip_save_poster. */
PS_API enum ps_status ps_sheet_save(const struct ps_sheet *sheet, const char *path, bool overwrite, struct ps_error *error);
PS_API void ps_sheet_free(struct ps_sheet **sheet);
/* Fails if that would certainly fail, as ps_clip_plan_save does. */
PS_API enum ps_status ps_clip_plan_poster(const struct ps_clip_shape *clip, const char *path,
                                          const struct ps_save_params *params, struct ps_error *error);

/* The SHA-256 of a regular file, 64 hexadecimal digits and an end. Status: PS_ERR_INPUT. */
PS_API enum ps_status ps_file_hash(char text[65], const char *path, struct ps_error *error);

/* ---- sidecars --------------------------------------------------------------------------------------------------- */

/* The record of a render as ps_clip_save wrote it. */
struct ps_sidecar;

/* Reads a sidecar of at most 4 MiB strictly: every key has to be there, in its range, and no other but sections. Status:
 * PS_ERR_INPUT with ids "sidecar.*". */
PS_API enum ps_status ps_sidecar_open(struct ps_sidecar **sidecar, const char *path, struct ps_error *error);
PS_API void ps_sidecar_close(struct ps_sidecar **sidecar);

/* The parameters that repeat the render; memory and taps are left at their defaults. All that these functions return
 * belongs to the sidecar. */
PS_API const struct ps_render_params *ps_sidecar_params(const struct ps_sidecar *sidecar);
/* Names without folders, of the photo, the checkpoint and the clip. */
PS_API const char *ps_sidecar_photo(const struct ps_sidecar *sidecar);
PS_API const char *ps_sidecar_model(const struct ps_sidecar *sidecar);
PS_API const char *ps_sidecar_output(const struct ps_sidecar *sidecar);
/* The name of the section of that index, in the order of the file; NULL past the last. */
PS_API const char *ps_sidecar_section_name(const struct ps_sidecar *sidecar, size_t index);
/* A section, or one of the sidecar's own members, as JSON text; NULL where there is none of that name. */
PS_API const char *ps_sidecar_section(struct ps_sidecar *sidecar, const char *name);

/* Fails unless photo, checkpoint and the file of noise (`taps_in`, NULL for none) are those of the sidecar, by their
 * SHA-256; the message has both values. The model must have been identified. Status: PS_ERR_INPUT for the photo and the
 * noise, PS_ERR_CHECKPOINT. */
PS_API enum ps_status ps_sidecar_check(const struct ps_sidecar *sidecar, const struct ps_model *model,
                                       const struct ps_photo *photo, const char *taps_in, struct ps_error *error);

/* ---- measuring -------------------------------------------------------------------------------------------------- */

enum ps_bench_part { PS_BENCH_UNET, PS_BENCH_DECODER, PS_BENCH_ENCODER, PS_BENCH_VISION };
/* What a row of the table is: a scope of the model's code, such as "unet/transformer/space"; a kernel; a kernel with the
 * sizes that it was launched with. */
enum ps_bench_by { PS_BENCH_SCOPES, PS_BENCH_KERNELS, PS_BENCH_SHAPES };

#define PS_BENCH_ROWS 256

/* What to measure. */
struct ps_bench_params {
    enum ps_bench_part part; /* one forward of it; the encoder's and the vision tower's are of one picture */
    enum ps_bench_by by;
    uint32_t width, height;  /* pixels, multiples of 8, 16 to 8192; 0 means 256. The vision tower has a size of its own */
    uint32_t frames;         /* 1 to PS_MAX_FRAMES; 0 means 14 */
    uint32_t rounds;         /* forwards to take the median of, up to 100; 0 means 3 */
    enum ps_dtype dtype;     /* as in ps_render_params */
    enum ps_weights weights; /* likewise */
    uint64_t memory_bytes;   /* as in ps_render_params */
};

/* What the launches of one row took together. */
struct ps_bench_row {
    char what[96];
    uint64_t launches;
    uint64_t flops; /* floating-point operations */
    uint64_t bytes; /* of operands read and written, once each */
    double seconds; /* by the device's clock, where it has one; of uploads by the host's */
};

/* What was measured. */
struct ps_bench {
    struct ps_bench_params resolved; /* every default filled in */
    double seconds, least, most;     /* of one forward: median and range of the rounds */
    uint64_t flops;                  /* of one forward; a multiply-add is two */
    double ceiling_flops;    /* a second, of the device's multiply-adds (of its products of the storage type on "cpu") on
                                registers alone, measured before and after; 0 for "ref", which has no ceiling */
    double copy_bytes;       /* a second, read and written, of copies within the device's memory; 0 alike */
    uint32_t threads;        /* of "cpu"; else 0 */
    uint64_t weights_bytes, scratch_bytes, staging_bytes; /* planned, as in ps_phase_plan */
    uint64_t planned_bytes, peak_bytes;                   /* their sum, and the most that was allocated at one time */
    bool streamed;           /* weights were read again in every forward */
    double table_seconds;    /* of the forward that the table is of, whose launches were waited for one by one */
    uint32_t row_count;
    struct ps_bench_row rows[PS_BENCH_ROWS]; /* the costliest first */
};

/* Measures forwards of one part of `model`, or where it is NULL of SVD-XT's sizes with random weights made in memory
 * (bf16: 3 GB for the UNet). One forward warms up, then `rounds` are timed, of which the last makes the table; on a Vulkan
 * device, whose launches overlap else, one more does. Of `events`, which may be NULL, progress is told. Status:
 * PS_ERR_USAGE; PS_ERR_MEMORY where it does not fit, and random weights have to fit whole; PS_ERR_CHECKPOINT,
 * PS_ERR_DEVICE_LOST, PS_ERR_CANCELLED. */
PS_API enum ps_status ps_bench(struct ps_bench *bench, struct ps_context *context, struct ps_model *model,
                               const struct ps_bench_params *params, const struct ps_render_events *events,
                               struct ps_error *error);

/* ---- verifying -------------------------------------------------------------------------------------------------- */

/* What a clip turned out to be. */
struct ps_clip_report {
    char container[16], codec[32]; /* "mp4", "h264"; of a folder "folder", "png" */
    uint32_t width, height, frames; /* decoded; an animated WebP stores one for several that are the same */
    double seconds;        /* 0 of a folder, whose files have no times */
    bool labelled;         /* it has an XMP packet, or each file of the folder has */
    char source_type[128]; /* its digital source type, a URI; empty for none */
    char creator[64];      /* the tool that it names */
    bool recorded;         /* there is a sidecar */
    char photo[256], model[256]; /* names in the sidecar */
};

/* Decodes every frame of an MP4, MOV, WebM, GIF or animated WebP file, or of a folder of frame_00001.png and on, in a
 * process that can only compute, reads its label, and compares it with its sidecar (NULL: PATH.json, if it is there). Status:
 * PS_ERR_INPUT, with the report filled as far as it goes: "clip.damaged", "clip.unreadable", "clip.unknown-type",
 * "clip.changed" where the hash is another, "clip.unlabelled" where the sidecar tells of a label that is not there,
 * "clip.no-record" for neither, "sidecar.*". */
PS_API enum ps_status ps_verify_clip(struct ps_clip_report *report, const char *path, const char *sidecar,
                                     struct ps_error *error);

/* What the weights of a checkpoint turned out to be. */
struct ps_weights_report {
    uint64_t tensors, checked, faulty; /* those of F32, F16 and BF16 are checked */
    uint64_t bytes;                    /* read so far */
    uint32_t problem_count;            /* lines in problems, at most PS_MAX_PROBLEMS */
    char problems[PS_MAX_PROBLEMS][192];
};

/* Listener of a check. */
struct ps_weights_events {
    /* Called after each tensor; false stops with PS_ERR_CANCELLED. */
    bool (*progress)(void *user, const struct ps_weights_report *report);
    void *user;
};

/* Reads every weight and fails with PS_ERR_CHECKPOINT "checkpoint.not-finite" where one is NaN or infinite. Else as
 * ps_inspect. `events` may be NULL. */
PS_API enum ps_status ps_verify_model(struct ps_weights_report *report, const char *path,
                                      const struct ps_weights_events *events, struct ps_error *error);

#ifdef __cplusplus
}
#endif

#endif
