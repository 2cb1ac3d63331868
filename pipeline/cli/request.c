#include "cli/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEFAULT_REROLLS = 3 };

#define AT(member) offsetof(struct cli_request, member)

static const char *const fits[] = {"crop", "stretch", "pad", "extend", NULL};
static const char *const schedules[] = {"karras", "ays", NULL};
static const char *const rngs[] = {"philox", "torch-cpu", NULL};
static const char *const on_fails[] = {"report", "reroll", NULL};
static const char *const sandboxes[] = {"auto", "strict", "off", NULL};
static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};

const struct cli_option cli_request_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = CLI_PATH,
     .scope = CLI_ARGUMENT,
     .offset = AT(output),
     .value = "CLIP",
     .help = "the MP4 file to write"},
    {.name = "model",
     .kind = CLI_PATH,
     .scope = CLI_MACHINE,
     .offset = AT(model),
     .value = "PATH",
     .help = "the checkpoint: a diffusers folder, or a single .safetensors file as Stability publishes it",
     .fallback = "the small model that comes with packshot"},
    {.name = "unet",
     .kind = CLI_PATH,
     .scope = CLI_MACHINE,
     .offset = AT(unet),
     .value = "PATH",
     .help = "take the UNet from here instead, such as from a fine-tune"},
    {.name = "preset",
     .kind = CLI_TEXT,
     .scope = CLI_MACHINE,
     .offset = AT(preset),
     .value = "NAME",
     .help = "options from a preset, by its name or its .ini file; see packshot presets"},
    {.name = "fit",
     .kind = CLI_CHOICE,
     .offset = AT(fit),
     .value = "HOW",
     .help = "how the photo fills the frame; pad puts a colour beside it, extend its blurred edges",
     .fallback = "crop",
     .choices = fits},
    {.name = "focus",
     .kind = CLI_FOCUS,
     .offset = AT(focus),
     .value = "X:Y",
     .help = "what stays in the middle, as fractions of the photo's width and height; auto finds the product",
     .fallback = "0.5:0.5",
     .low = 0,
     .high = 1},
    {.name = "pad-colour",
     .kind = CLI_COLOUR,
     .offset = AT(params.pad_colour),
     .value = "RRGGBB",
     .help = "colour that pad puts beside the photo",
     .fallback = "that of the photo's edges"},
    {.name = "width",
     .kind = CLI_WHOLE,
     .offset = AT(params.width),
     .value = "PIXELS",
     .help = "width of the clip",
     .fallback = "what the model was made for, else 1024",
     .low = 16,
     .high = 8192,
     .step = 8},
    {.name = "height",
     .kind = CLI_WHOLE,
     .offset = AT(params.height),
     .value = "PIXELS",
     .help = "height of the clip",
     .fallback = "what the model was made for, else 576",
     .low = 16,
     .high = 8192,
     .step = 8},
    {.name = "frames",
     .kind = CLI_WHOLE,
     .offset = AT(params.frames),
     .value = "N",
     .help = "length of the clip",
     .fallback = "what the model was trained for",
     .low = 1,
     .high = PS_MAX_FRAMES},
    {.name = "fps",
     .kind = CLI_WHOLE,
     .offset = AT(params.fps),
     .value = "N",
     .help = "frames a second, for the model and for the player",
     .fallback = "7",
     .low = 1,
     .high = 120},
    {.name = "motion",
     .kind = CLI_AMOUNT,
     .offset = AT(params.motion),
     .value = "BUCKET",
     .help = "amount of motion",
     .fallback = "127",
     .high = 1023},
    {.name = "noise-aug",
     .kind = CLI_AMOUNT,
     .offset = AT(params.noise_augmentation),
     .value = "AMOUNT",
     .help = "noise added to the photo, which lets the clip depart from it",
     .fallback = "0.02",
     .high = 10},
    {.name = "steps",
     .kind = CLI_WHOLE,
     .offset = AT(params.steps),
     .value = "N",
     .help = "sampling steps",
     .fallback = "what the model was made for, else 25; 10 with ays",
     .low = 1,
     .high = PS_MAX_STEPS},
    {.name = "schedule",
     .kind = CLI_CHOICE,
     .offset = AT(schedule),
     .value = "NAME",
     .help = "noise levels of the steps",
     .fallback = "karras",
     .choices = schedules},
    {.name = "sigmas",
     .kind = CLI_LIST,
     .offset = AT(sigmas),
     .value = "LIST",
     .help = "a noise level for each step and 0 at the end",
     .low = 2,
     .high = PS_MAX_STEPS + 1,
     .excludes = "steps schedule"},
    {.name = "guidance",
     .kind = CLI_SPAN,
     .offset = AT(guidance),
     .value = "MIN:MAX",
     .help = "guidance scale of the first and of the last frame",
     .fallback = "1:3",
     .low = 0.01,
     .high = 100},
    {.name = "seed",
     .kind = CLI_SEED,
     .offset = AT(params.seed),
     .value = "N",
     .help = "what the random numbers begin with",
     .fallback = "0"},
    {.name = "on-fail",
     .kind = CLI_CHOICE,
     .offset = AT(on_fail),
     .value = "WHAT",
     .help = "what to do with a clip that needs eyes: say so, or try the next seed",
     .fallback = "report",
     .choices = on_fails},
    {.name = "rerolls",
     .kind = CLI_WHOLE,
     .offset = AT(rerolls),
     .value = "N",
     .help = "seeds that reroll may try after the first; the clip with the fewest findings is kept",
     .fallback = "3",
     .low = 1,
     .high = CLI_MAX_REROLLS},
    {.name = "rng",
     .kind = CLI_CHOICE,
     .offset = AT(rng),
     .value = "NAME",
     .help = "whose random numbers, packshot's or those of PyTorch on a CPU",
     .fallback = "philox",
     .choices = rngs},
    {.name = "background",
     .kind = CLI_BACKGROUND,
     .offset = AT(photo_params),
     .value = "WHAT",
     .help = "what stands behind a cut-out",
     .fallback = "ffffff, which is white"},
    {.name = "assume-cmyk",
     .kind = CLI_FLAG,
     .offset = AT(photo_params.assume_cmyk),
     .help = "convert a CMYK photo without a colour profile roughly rather than refuse it"},
    {.name = "sandbox",
     .kind = CLI_CHOICE,
     .scope = CLI_MACHINE,
     .offset = AT(sandbox),
     .value = "HOW",
     .help = "how decoders of photos are shut in: as far as the kernel can, fully, or not at all",
     .fallback = "auto",
     .choices = sandboxes,
     .trusted = true},
    {.name = "dtype",
     .kind = CLI_CHOICE,
     .scope = CLI_MACHINE,
     .offset = AT(dtype),
     .value = "TYPE",
     .help = "how weights and activations are stored; bf16 is for cpu and ref",
     .fallback = "f16 on a GPU, bf16 or f32 on the processor",
     .low = PS_DTYPE_F32,
     .choices = dtypes},
    {.name = "device",
     .kind = CLI_TEXT,
     .scope = CLI_MACHINE,
     .offset = AT(device),
     .value = "NAME",
     .help = "auto, cpu, ref, or a number or part of a name as packshot devices lists them",
     .fallback = "auto, the first GPU, else the processor"},
    {.name = "threads",
     .kind = CLI_WHOLE,
     .scope = CLI_MACHINE,
     .offset = AT(threads),
     .value = "N",
     .help = "threads of the device cpu",
     .fallback = "one a processor",
     .low = 1,
     .high = 1024},
    {.name = "memory",
     .kind = CLI_SIZE,
     .scope = CLI_MACHINE,
     .offset = AT(params.memory_bytes),
     .value = "SIZE",
     .help = "device memory that may be used, staging included",
     .fallback = "what is free"},
    {.name = "decode-chunk",
     .kind = CLI_AUTO_WHOLE,
     .offset = AT(params.decode_chunk),
     .value = "N",
     .help = "frames decoded at a time as diffusers does it, which shows at the seams",
     .fallback = "auto, which decodes the whole clip, exactly",
     .low = 1,
     .high = PS_MAX_FRAMES},
    {.name = "crf",
     .kind = CLI_WHOLE,
     .offset = AT(save.crf),
     .value = "N",
     .help = "H.264 quality, lower is better",
     .fallback = "17",
     .low = 1,
     .high = 51},
    {.name = "overwrite",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = AT(save.overwrite),
     .help = "replace an existing clip or taps file"},
    {.name = "from",
     .kind = CLI_PATH,
     .scope = CLI_ARGUMENT,
     .offset = AT(from),
     .value = "SIDECAR",
     .help = "render again what this sidecar records; options given beside it win",
     .excludes = "preset"},
    {.name = "no-provenance",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = AT(provenance.unlabelled),
     .help = "leave out the clip's label, which says that it is generated and how; sidecar and summary "
             "record that"},
    {.name = "sign-with",
     .kind = CLI_PATH,
     .scope = CLI_MACHINE,
     .offset = AT(signer.program),
     .value = "PROGRAM",
     .help = "run PROGRAM FILE CLIP on the complete clip before it has its name, to sign FILE in place",
     .trusted = true},
    {.name = "sign-timeout",
     .kind = CLI_REAL,
     .scope = CLI_MACHINE,
     .offset = AT(signer.seconds),
     .value = "SECONDS",
     .help = "how long it may take",
     .fallback = "60",
     .low = 0.1,
     .high = 3600},
    {.name = "no-sidecar",
     .kind = CLI_FLAG,
     .scope = CLI_MACHINE,
     .offset = AT(no_sidecar),
     .help = "do not write CLIP.json, which has all that is needed to render the clip again"},
    {.name = "reproducible",
     .kind = CLI_FLAG,
     .scope = CLI_MACHINE,
     .offset = AT(save.reproducible),
     .help = "leave times out, so that the same render gives the same bytes"},
    {.name = "dry-run",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = AT(dry_run),
     .help = "check everything and print the plan; write nothing"},
    {.name = "taps",
     .kind = CLI_PATH,
     .scope = CLI_ARGUMENT,
     .offset = AT(params.taps),
     .value = "FILE",
     .help = "write intermediate tensors to this safetensors file"},
    {.name = "taps-in",
     .kind = CLI_PATH,
     .scope = CLI_ARGUMENT,
     .offset = AT(params.taps_in),
     .value = "FILE",
     .help = "take the noise from this safetensors file"},
    {.name = "validate",
     .kind = CLI_FLAG,
     .scope = CLI_MACHINE,
     .offset = AT(validate),
     .help = "run under the Vulkan validation layer; any message is a failure"},
    {.name = "json",
     .kind = CLI_FLAG,
     .scope = CLI_ARGUMENT,
     .offset = AT(json),
     .help = "one JSON object a line on standard output (warning, plan, progress, summary or error)"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .scope = CLI_MACHINE,
     .offset = AT(quiet),
     .help = "print errors alone"},
    {0},
};

_Static_assert(sizeof cli_request_options / sizeof *cli_request_options <= CLI_MAX_OPTIONS,
               "tables made from this one have CLI_MAX_OPTIONS rows");

/* The sidecar's name is the clip's with ".json" after it. */
static enum ps_status name_sidecar(struct cli_request *request, struct ps_error *error)
{
    request->save.provenance = &request->provenance;
    if (request->signer.program) {
        request->signer.clip = request->output;
        request->provenance.sign = cli_sign;
        request->provenance.user = &request->signer;
        request->provenance.signer = request->signer.program;
    }
    if (request->no_sidecar || !request->output)
        return PS_OK;
    const size_t size = strlen(request->output) + sizeof ".json";
    request->sidecar = malloc(size);
    if (!request->sidecar)
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    snprintf(request->sidecar, size, "%s.json", request->output);
    request->provenance.sidecar = request->sidecar;
    return PS_OK;
}

enum ps_status cli_request_resolve(struct cli_request *request, struct ps_error *error)
{
    if (!request->photo)
        return cli_fail(error, PS_ERR_USAGE, "usage.argument",
                        "render needs a PHOTO, or --from SIDECAR; see packshot help render");
    if (!request->output && !request->dry_run)
        return cli_fail(error, PS_ERR_USAGE, "usage.option",
                        "render needs --output CLIP; see packshot help render");
    if (!request->model) {
        if (cli_default_model(request->default_model, error))
            return error->status;
        request->model = request->default_model;
    }
    struct ps_render_params *params = &request->params;
    if (request->on_fail == CLI_ON_FAIL_REROLL && (params->taps || params->taps_in))
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                        "--on-fail reroll renders several seeds; taps are of one");
    if (!request->rerolls)
        request->rerolls = DEFAULT_REROLLS;
    params->fit = (enum ps_fit)request->fit;
    params->focus = request->focus.how;
    params->focus_x = request->focus.at[0];
    params->focus_y = request->focus.at[1];
    params->schedule = (enum ps_schedule)request->schedule;
    params->rng = (enum ps_rng)request->rng;
    params->dtype = (enum ps_dtype)request->dtype;
    request->photo_params.sandbox = (enum ps_sandbox)request->sandbox;
    params->sigmas = request->sigmas.values;
    params->sigma_count = request->sigmas.count;
    params->guidance_min = request->guidance[0];
    params->guidance_max = request->guidance[1];
    params->overwrite = request->save.overwrite;
    return name_sidecar(request, error);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (!a || !b)
        return false;
    if (stat(a, &first) || stat(b, &second))
        return !strcmp(a, b);
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* A sidecar may be replaced by that of the render that it asked for. */
static enum ps_status check_inputs(const struct cli_request *request, const char *output, bool is_sidecar,
                                   struct ps_error *error)
{
    const char *const inputs[] = {request->photo, request->model, request->unet, request->params.taps_in,
                                  request->photo_params.background_image, is_sidecar ? NULL : request->from};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (is_same_file(output, inputs[i]))
            return cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                            "\"%.300s\" would be replaced, and it is an input; name another output", output);
    return PS_OK;
}

enum ps_status cli_request_check_outputs(const struct cli_request *request, struct ps_error *error)
{
    const char *const taps = request->params.taps;
    const struct ps_save_params taps_save = {.overwrite = request->save.overwrite};
    if (check_inputs(request, request->output, false, error) || check_inputs(request, taps, false, error) ||
        check_inputs(request, request->sidecar, true, error) ||
        (request->output && ps_clip_check_output(request->output, &request->save, error)) ||
        (taps && ps_clip_check_output(taps, &taps_save, error)))
        return error->status;
    if (is_same_file(request->output, taps))
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict", "--output and --taps name the same file");
    if (is_same_file(request->sidecar, taps))
        return cli_fail(error, PS_ERR_USAGE, "usage.conflict", "--taps names the file of the clip's sidecar");
    return PS_OK;
}

void cli_request_free(struct cli_request *request)
{
    free(request->sigmas.values);
    request->sigmas = (struct cli_list){0};
    free(request->sidecar);
    request->sidecar = NULL;
}
