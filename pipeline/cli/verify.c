#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/stop.h"
#include "cli/text.h"

struct request {
    const char *path, *sidecar;
    bool json, quiet;
};

static const struct cli_option options[] = {
    {.name = "sidecar",
     .kind = CLI_PATH,
     .offset = offsetof(struct request, sidecar),
     .value = "FILE",
     .help = "the sidecar of a clip",
     .fallback = "PATH.json, if it is there"},
    {.name = "json", .kind = CLI_FLAG, .offset = offsetof(struct request, json), .help = "one JSON object"},
    {.name = "quiet",
     .letter = 'q',
     .kind = CLI_FLAG,
     .offset = offsetof(struct request, quiet),
     .help = "print errors alone"},
    {0},
};

static const char *const examples[] = {"verify shoe.mp4", "verify shoe.mp4 --json", "verify svd-xt", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_verify_command = {
    .name = "verify",
    .summary = "whether a clip is whole and untouched, or a checkpoint's weights are numbers",
    .operand = "PATH",
    .operand_offset = offsetof(struct request, path),
    .examples = examples,
    .options = options,
    .notes =
        "Of an MP4, MOV, WebM, GIF or WebP file or a folder of PNG files every frame is decoded, its label "
        "is\n"
        "read, and its hash is compared with its sidecar's. Of a checkpoint (a folder or .safetensors file) "
        "every\n"
        "weight is read. The exit code is 0 where nothing is wrong, 4 for a clip that is damaged, was "
        "changed or has\n"
        "nothing to be compared with, 5 for a checkpoint.",
    .run = run,
};

/* A clip as a folder of pictures, perhaps without some of them. */
static bool holds_frames(const char *path)
{
    DIR *folder = opendir(path);
    bool found = false;
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry && !found;
         entry = readdir(folder))
        found = !strncmp(entry->d_name, "frame_", strlen("frame_"));
    if (folder)
        closedir(folder);
    return found;
}

/* A folder of something else, or a file that begins as safetensors do: eight bytes of length and a JSON object. */
static bool is_model(const char *path)
{
    struct stat about;
    char head[9] = "";
    if (stat(path, &about))
        return false;
    if (S_ISDIR(about.st_mode))
        return !holds_frames(path);
    const int fd = S_ISREG(about.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    const ssize_t got = read(fd, head, sizeof head);
    close(fd);
    return got == (ssize_t)sizeof head && head[8] == '{';
}

/* "trainedAlgorithmicMedia" of the vocabulary's URI. */
static const char *last_part(const char *uri)
{
    const char *slash = strrchr(uri, '/');
    return slash ? slash + 1 : uri;
}

static void tell_clip(struct cli_report *report, const struct request *request,
                      const struct ps_clip_report *clip)
{
    char seconds[32] = "";
    if (clip->seconds > 0)
        snprintf(seconds, sizeof seconds, ", %.2f s", clip->seconds);
    cli_print(report, "%s: %s, %s, %ux%u, %u frames%s", request->path, clip->container, clip->codec,
              clip->width, clip->height, clip->frames, seconds);
    if (clip->labelled)
        cli_print(report, "label: %s, made by %s", last_part(clip->source_type), clip->creator);
    else
        cli_print(report, "label: none");
    if (clip->recorded)
        cli_print(report, "sidecar: its hash is the clip's; of photo %s with checkpoint %s",
                  *clip->photo ? clip->photo : "-", clip->model);
    else
        cli_print(report, "sidecar: none, so nothing tells whether the clip was changed");
    cli_emit(report, json_pack("{s:s, s:o, s:s, s:s, s:i, s:i, s:i, s:f, s:b, s:o, s:o, s:b}", "event",
                               "clip", "path", cli_json_text(request->path), "container", clip->container,
                               "codec", clip->codec, "width", (int)clip->width, "height", (int)clip->height,
                               "frames", (int)clip->frames, "seconds", clip->seconds, "labelled",
                               clip->labelled, "digital_source_type", cli_json_text(clip->source_type),
                               "creator", cli_json_text(clip->creator), "matches", clip->recorded));
}

static void verify_clip(struct cli_report *report, const struct request *request, struct ps_error *error)
{
    struct ps_clip_report clip;
    if (!ps_verify_clip(&clip, request->path, request->sidecar, error) && !report->quiet)
        tell_clip(report, request, &clip);
}

static bool on_progress(void *user, const struct ps_weights_report *weights)
{
    (void)user, (void)weights;
    return !cli_stop_signal();
}

static json_t *problems_json(const struct ps_weights_report *weights)
{
    json_t *problems = json_array();
    for (uint32_t i = 0; i < weights->problem_count; i++)
        json_array_append_new(problems, cli_json_text(weights->problems[i]));
    return problems;
}

static void tell_model(struct cli_report *report, const struct request *request,
                       const struct ps_weights_report *weights)
{
    char bytes[CLI_NUMBER_SIZE];
    cli_print(report, "%s: %llu tensors, %s, %llu checked, %llu with NaN or infinity", request->path,
              (unsigned long long)weights->tensors, cli_bytes(bytes, weights->bytes),
              (unsigned long long)weights->checked, (unsigned long long)weights->faulty);
    for (uint32_t i = 0; i < weights->problem_count; i++)
        cli_print(report, "problem: %s", weights->problems[i]);
    cli_emit(report, json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o}", "event", "weights", "path",
                               cli_json_text(request->path), "tensors", (json_int_t)weights->tensors,
                               "checked", (json_int_t)weights->checked, "faulty", (json_int_t)weights->faulty,
                               "bytes", (json_int_t)weights->bytes, "problems", problems_json(weights)));
}

static void verify_model(struct cli_report *report, const struct request *request, struct ps_error *error)
{
    const struct ps_weights_events events = {.progress = on_progress};
    struct ps_weights_report weights;
    if (request->sidecar) {
        cli_fail(error, PS_ERR_USAGE, "usage.conflict",
                 "--sidecar is for clips, and \"%.300s\" is a checkpoint", request->path);
        return;
    }
    cli_stop_begin(request->quiet);
    ps_verify_model(&weights, request->path, &events, error);
    if (!report->quiet && (!error->status || weights.faulty))
        tell_model(report, request, &weights);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (cli_begin(command, argc, argv, &request, &report, &error)) {
        report.quiet = request.quiet;
        (is_model(request.path) ? verify_model : verify_clip)(&report, &request, &error);
    }
    return cli_finish(&report, &error);
}
