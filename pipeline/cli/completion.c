#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

struct request {
    const char *shell;
};

static const struct cli_option options[] = {{0}};

static const char *const examples[] = {
    "completion bash > ~/.local/share/bash-completion/completions/packshot", NULL};

static int run(const struct cli_command *command, int argc, char **argv);

const struct cli_command cli_completion_command = {
    .name = "completion",
    .summary = "a script that lets a shell complete commands, options and values",
    .operand = "SHELL",
    .operand_offset = offsetof(struct request, shell),
    .operand_suggests = "bash zsh fish",
    .examples = examples,
    .options = options,
    .notes = "SHELL is bash, zsh or fish. In bash, source <(packshot completion bash) does for one session. "
             "zsh looks\n"
             "for a file _packshot in the folders of $fpath, fish for packshot.fish in "
             "~/.config/fish/completions.\n"
             "Presets and devices are asked for when they are completed.",
    .run = run,
};

static const char *words_of_kind(enum cli_kind kind)
{
    switch (kind) {
    case CLI_PATH:
        return "@files";
    case CLI_FOCUS:
    case CLI_AUTO_WHOLE:
        return "auto";
    case CLI_BACKGROUND:
        return "blur @files";
    default:
        return "";
    }
}

char *cli_suggestions(char *to, size_t size, const struct cli_option *option)
{
    size_t used = 0;
    snprintf(to, size, "%s", option->suggests ? option->suggests : words_of_kind(option->kind));
    for (size_t i = 0; option->kind == CLI_CHOICE && option->choices[i] && used < size; i++)
        used += (size_t)snprintf(to + used, size - used, "%s%s", i ? " " : "", option->choices[i]);
    return to;
}

const char *cli_operand_suggestions(const struct cli_command *command)
{
    if (!command->operand)
        return "";
    return command->operand_suggests ? command->operand_suggests : "@files";
}

const char *cli_second_word(const struct cli_command *command, size_t i)
{
    const size_t length = strlen(command->name);
    for (size_t at = 0; cli_commands[at]; at++) {
        const char *name = cli_commands[at]->name;
        if (!strncmp(name, command->name, length) && name[length] == ' ' && !i--)
            return name + length + 1;
    }
    return NULL;
}

char *cli_quoted(char *to, size_t size, const char *text, bool backslash)
{
    size_t used = 0;
    const char *quote = backslash ? "\\'" : "'\\''";
    for (; *text && used + 5 < size; text++) {
        if (*text == '\'')
            used += (size_t)snprintf(to + used, size - used, "%s", quote);
        else if (*text == '\\' && backslash)
            used += (size_t)snprintf(to + used, size - used, "\\\\");
        else
            to[used++] = *text;
    }
    to[used] = '\0';
    return to;
}

static enum ps_status print_script(struct cli_report *report, const char *shell, struct ps_error *error)
{
    static const struct {
        const char *name;
        void (*print)(struct cli_report *report);
    } shells[] = {{"bash", cli_complete_bash}, {"zsh", cli_complete_zsh}, {"fish", cli_complete_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(shells[i].name, shell)) {
            shells[i].print(report);
            return PS_OK;
        }
    return cli_fail(error, PS_ERR_USAGE, "usage.value",
                    "completion: \"%.100s\" is not bash, zsh or fish; see packshot help completion", shell);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct ps_error error = {0};
    struct request request = {0};
    struct cli_report report;
    if (cli_begin(command, argc, argv, &request, &report, &error))
        print_script(&report, request.shell, &error);
    return cli_finish(&report, &error);
}
