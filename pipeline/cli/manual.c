/* Writes the manual's pages for scdoc: one a command from its table, and those of a folder of templates, in which some
 * words between @ stand for tables. Run by the build.
 *
 * usage: packshot_manual TEMPLATES OUTPUT */
#include "cli/manual.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/exits.h"
#include "cli/paths.h"

/* Words are enough of a message here: who reads it builds packshot. */
static _Noreturn void fail(const char *path, const char *why)
{
    fprintf(stderr, "packshot_manual: %s: %s\n", path, why);
    exit(1);
}

void cli_manual_text(FILE *page, const char *text)
{
    for (bool first = true; *text; first = false, text++) {
        if (strchr("\\_*<>", *text) || (first && strchr("#|-[].;+", *text)))
            fputc('\\', page);
        fputc(*text == '\n' ? ' ' : *text, page);
    }
}

static FILE *open_page(const char *folder, const char *name)
{
    char path[CLI_PATH_SIZE];
    FILE *page = cli_path_join(path, folder, name) ? fopen(path, "we") : NULL;
    if (!page)
        fail(name, strerror(errno));
    return page;
}

static void close_page(FILE *page, const char *name)
{
    const bool broken = ferror(page);
    if (fclose(page) || broken)
        fail(name, "cannot be written");
}

/* "packshot-presets-show" for "presets show". */
static void page_name(char *to, size_t size, const char *command)
{
    snprintf(to, size, "packshot-%s", command);
    for (char *at = to; (at = strchr(at, ' '));)
        *at = '-';
}

/* ---- a command ---- */

static void write_synopsis(FILE *page, const struct cli_command *command)
{
    fprintf(page, "*packshot %s* [_options_]", command->name);
    if (command->operand)
        fprintf(page, command->operand_optional ? " [_%s_]" : " _%s_", command->operand);
}

static void write_option(FILE *page, const struct cli_option *option)
{
    char text[1024];
    if (option->heading) {
        fputs("## ", page);
        cli_manual_text(page, option->heading);
        fputs("\n\n", page);
    }
    if (option->letter)
        fprintf(page, "*-%c*, ", option->letter);
    fprintf(page, "*--%s*", option->name);
    if (option->kind != CLI_FLAG) {
        fputs(" _", page);
        cli_manual_text(page, option->value);
        fputc('_', page);
    }
    fputs("\n\t", page);
    cli_manual_text(page, cli_explain(text, sizeof text, option));
    fputs(".\n\n", page);
}

/* Notes are lines as the help prints them; an empty line ends a paragraph. */
static void write_notes(FILE *page, const char *notes)
{
    while (notes && *notes) {
        const char *end = strstr(notes, "\n\n");
        char *paragraph = end ? strndup(notes, (size_t)(end - notes)) : strdup(notes);
        if (!paragraph)
            fail("notes", strerror(ENOMEM));
        cli_manual_text(page, paragraph);
        fputs("\n\n", page);
        free(paragraph);
        notes = end ? end + 2 : NULL;
    }
}

static bool has_events(const struct cli_command *command)
{
    const struct cli_option *option = command->options;
    while (option->name && strcmp(option->name, "json") != 0)
        option++;
    return option->name;
}

static void write_command(const char *folder, const struct cli_command *command, const json_t *schema)
{
    char name[128], file[160];
    page_name(name, sizeof name, command->name);
    snprintf(file, sizeof file, "%s.1.scd", name);
    FILE *page = open_page(folder, file);
    fprintf(page, "%s(1) \"packshot %s\" \"packshot manual\"\n\n# NAME\n\n%s - ", name, ps_version(), name);
    cli_manual_text(page, command->summary);
    fputs("\n\n# SYNOPSIS\n\n", page);
    write_synopsis(page, command);
    fputs("\n\n# DESCRIPTION\n\n", page);
    write_notes(page, command->notes ? command->notes : command->summary);
    fputs("# OPTIONS\n\n", page);
    for (const struct cli_option *option = command->options; option->name; option++)
        write_option(page, option);
    write_option(page, &cli_help_option);
    if (has_events(command)) {
        fputs("# EVENTS\n\n", page);
        cli_manual_events_of(page, schema, command->name);
    }
    fputs("# EXIT STATUS\n\n0 where it is done; *packshot*(1) has the other codes.\n\n", page);
    if (command->examples && command->examples[0])
        fputs("# EXAMPLES\n\n", page);
    for (size_t i = 0; command->examples && command->examples[i]; i++) {
        fputs("\tpackshot ", page);
        cli_manual_text(page, command->examples[i]);
        fputs("\n\n", page);
    }
    fputs("# SEE ALSO\n\n*packshot*(1), *packshot-events*(7)\n", page);
    close_page(page, file);
}

/* ---- templates ---- */

static void write_commands(FILE *page, const json_t *schema)
{
    (void)schema;
    for (size_t i = 0; cli_commands[i]; i++) {
        write_synopsis(page, cli_commands[i]);
        fputs("\n\t", page);
        cli_manual_text(page, cli_commands[i]->summary);
        fputs(".\n\n", page);
    }
}

static void write_exits(FILE *page, const json_t *schema)
{
    (void)schema;
    for (const struct cli_exit *row = cli_exits; row->name; row++) {
        fprintf(page, "*%d* (%s)\n\t", row->code, row->name);
        cli_manual_text(page, row->detail);
        fputs("\n\n", page);
    }
}

static void write_pages(FILE *page, const json_t *schema)
{
    (void)schema;
    for (size_t i = 0; cli_commands[i]; i++) {
        char name[128];
        page_name(name, sizeof name, cli_commands[i]->name);
        fprintf(page, "*%s*(1), ", name);
    }
}

static void write_version(FILE *page, const json_t *schema)
{
    (void)schema;
    fputs(ps_version(), page);
}

static const struct {
    const char *word;
    void (*write)(FILE *page, const json_t *schema);
} words[] = {{"@commands@", write_commands},  {"@exit-codes@", write_exits},
             {"@pages@", write_pages},        {"@version@", write_version},
             {"@events@", cli_manual_events}, {"@objects@", cli_manual_objects}};

/* Copies a line of a template. */
static void write_line(FILE *page, const char *line, const json_t *schema, const char *name)
{
    for (const char *at; (at = strchr(line, '@'));) {
        size_t i = 0;
        while (i < sizeof words / sizeof *words && strncmp(at, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i == sizeof words / sizeof *words)
            fail(name, at);
        fwrite(line, 1, (size_t)(at - line), page);
        words[i].write(page, schema);
        line = at + strlen(words[i].word);
    }
    fputs(line, page);
}

static void write_template(const char *folder, const char *name, const char *output, const json_t *schema)
{
    char path[CLI_PATH_SIZE], line[1024];
    FILE *from = cli_path_join(path, folder, name) ? fopen(path, "re") : NULL;
    if (!from)
        fail(name, strerror(errno));
    FILE *page = open_page(output, name);
    while (fgets(line, sizeof line, from))
        write_line(page, line, schema, name);
    fclose(from);
    close_page(page, name);
}

static json_t *load_schema(const char *folder)
{
    char path[CLI_PATH_SIZE];
    json_error_t where = {.text = "its path is too long"};
    json_t *schema = cli_path_join(path, folder, "events.json") ? json_load_file(path, 0, &where) : NULL;
    if (!schema)
        fail("events.json", where.text);
    return schema;
}

static void write_templates(const char *folder, const char *output, const json_t *schema)
{
    DIR *templates = opendir(folder);
    if (!templates)
        fail(folder, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(templates));)
        if (strlen(entry->d_name) > 4 && !strcmp(entry->d_name + strlen(entry->d_name) - 4, ".scd"))
            write_template(folder, entry->d_name, output, schema);
    closedir(templates);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("usage", "packshot_manual TEMPLATES OUTPUT");
    json_t *schema = load_schema(argv[1]);
    for (size_t i = 0; cli_commands[i]; i++)
        write_command(argv[2], cli_commands[i], schema);
    write_templates(argv[1], argv[2], schema);
    json_decref(schema);
    return 0;
}
