#include "cli/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "base/output.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Candidates</title>\n<style>\n"
    "body { background: #202020; color: #e0e0e0; font: 15px sans-serif; margin: 1em }\n"
    "main { display: grid; grid-template-columns: repeat(auto-fill, minmax(22em, 1fr)); gap: 1em }\n"
    "video, img { width: 100% }\nh2 { font-size: 1em; margin: 0 0 .4em }\nul { color: #ffb060; padding-left: "
    "1.2em }\n"
    "code { user-select: all; overflow-wrap: anywhere }\n</style>\n<main>\n";

static const char *last_component(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    const char *at = path + length;
    while (at > path && at[-1] != '/')
        at--;
    return at;
}

/* In single quotes of the shell, where it has to be. */
static void put_argument(FILE *to, const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/";
    if (name[strspn(name, plain)] == '\0' && *name != '-') {
        ps_html_text(to, name);
        return;
    }
    fputs("'", to);
    for (; *name; name++) {
        const char one[] = {*name, '\0'};
        ps_html_text(to, *name == '\'' ? "'\\''" : one);
    }
    fputs("'", to);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_clip(FILE *to, const json_t *output)
{
    const char *container = text_of(json_object_get(output, "saved"), "container");
    const char *name = last_component(text_of(output, "output"));
    const bool is_picture = !strcmp(container, "gif") || !strcmp(container, "webp");
    const char *begin = is_picture ? "<img alt=\"\" src=\""
                        : strcmp(container, "folder")
                            ? "<video controls loop muted preload=\"metadata\" src=\""
                            : "<a href=\"";
    const char *end = is_picture                    ? "\">\n"
                      : strcmp(container, "folder") ? "\"></video>\n"
                                                    : "\">its frames</a>\n";
    fputs(begin, to);
    ps_html_address(to, name);
    fputs(end, to);
}

static void put_take(FILE *to, const json_t *take)
{
    const json_t *outputs = json_object_get(take, "outputs");
    const json_t *findings = json_object_get(json_object_get(take, "quality"), "findings");
    const char *sidecar = text_of(json_array_get(outputs, 0), "sidecar");
    size_t i;
    json_t *item;
    fputs("<section>\n<h2>seed ", to);
    ps_html_text(to, text_of(take, "seed"));
    fputs("</h2>\n", to);
    json_array_foreach(outputs, i, item) put_clip(to, item);
    if (json_array_size(findings))
        fputs("<ul>\n", to);
    json_array_foreach(findings, i, item)
    {
        fputs("<li>", to);
        ps_html_text(to, text_of(item, "text"));
        fputs("\n", to);
    }
    if (json_array_size(findings))
        fputs("</ul>\n", to);
    if (*sidecar) {
        fputs("<p><code>packshot render --from ", to);
        put_argument(to, last_component(sidecar));
        fputs(" -o chosen.mp4</code>\n", to);
    }
    fputs("</section>\n", to);
}

enum ps_status cli_page_write(const char *path, bool overwrite, const json_t *takes, struct ps_error *error)
{
    struct ps_output *output = NULL;
    char *text = NULL;
    size_t size = 0, i;
    json_t *take;
    FILE *to = open_memstream(&text, &size);
    if (to) {
        fputs(head, to);
        json_array_foreach(takes, i, take) put_take(to, take);
        fputs("</main>\n</html>\n", to);
    }
    const bool failed = !to || ferror(to);
    if ((to && fclose(to)) || failed)
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else if (!ps_output_open(&output, path, overwrite, error) &&
             !ps_output_write(output, text, size, 0, error))
        ps_output_commit(output, NULL, NULL, error);
    ps_output_close(&output);
    free(text);
    return error->status;
}
