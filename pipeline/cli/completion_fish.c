#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

enum { TEXT = 1024 };

static const char head[] =
    "# fish completion, as \"packshot completion fish\" writes it\n"
    "\n"
    "# Whether the line is about this command; about none yet where the name is empty.\n"
    "function __packshot_is\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    set -l name \"$words[1]\"\n"
    "    contains -- \"$words[1] $words[2]\" \\";

/* After the names of two words. */
static const char middle[] = "        ; and set name \"$words[1] $words[2]\"\n"
                             "    test \"$name\" = \"$argv\"\n"
                             "end\n"
                             "\n"
                             "# The first words of the lines that a command prints.\n"
                             "function __packshot_listed\n"
                             "    set -l words (commandline -opc)\n"
                             "    $words[1] $argv 2>/dev/null | string match -rg '^([A-Za-z0-9._-]+) '\n"
                             "end\n"
                             "\n"
                             "complete -c packshot -f";

/* Suggestions as fish takes them: "-a 'auto (__packshot_listed devices)'", and "-F" where there are files. */
static char *arguments(char *to, size_t size, const char *suggestions)
{
    char words[CLI_WORDS] = "";
    size_t used = 0;
    bool files = false;
    while (*suggestions) {
        const size_t length = strcspn(suggestions, " ");
        const char *space = used ? " " : "";
        if (length == 6 && !strncmp(suggestions, "@files", 6))
            files = true;
        else if (*suggestions == '@')
            used += (size_t)snprintf(words + used, sizeof words - used, "%s(__packshot_listed %.*s)", space,
                                     (int)length - 1, suggestions + 1);
        else
            used += (size_t)snprintf(words + used, sizeof words - used, "%s%.*s", space, (int)length,
                                     suggestions);
        suggestions += length;
        suggestions += *suggestions == ' ';
    }
    snprintf(to, size, "%s%s%s%s", files ? " -F" : " -f", used ? " -a '" : "", words, used ? "'" : "");
    return to;
}

static void print_option(struct cli_report *report, const struct cli_command *command,
                         const struct cli_option *option)
{
    char help[TEXT], words[CLI_WORDS], given[CLI_WORDS + 32] = "";
    const char letter[] = {' ', '-', 's', ' ', option->letter, '\0'};
    if (option->kind != CLI_FLAG) {
        cli_suggestions(words, sizeof words, option);
        arguments(given, sizeof given, words);
    }
    cli_print(report, "complete -c packshot -n '__packshot_is %s' -l %s%s%s%s -d '%s'", command->name,
              option->name, option->letter ? letter : "", option->kind != CLI_FLAG ? " -r" : "", given,
              cli_quoted(help, sizeof help, option->help, true));
}

static void print_command(struct cli_report *report, const struct cli_command *command)
{
    char given[CLI_WORDS];
    const char *word, *operand = cli_operand_suggestions(command);
    for (size_t i = 0; (word = cli_second_word(command, i)); i++)
        cli_print(report, "complete -c packshot -n '__packshot_is %s; or __packshot_is help %s' -a %s",
                  command->name, command->name, word);
    for (const struct cli_option *option = command->options; option->name; option++)
        print_option(report, command, option);
    print_option(report, command, &cli_help_option);
    if (*operand)
        cli_print(report, "complete -c packshot -n '__packshot_is %s'%s", command->name,
                  arguments(given, sizeof given, operand));
}

static void print_name(struct cli_report *report, const char *name, const char *summary)
{
    char text[TEXT];
    cli_print(report, "complete -c packshot -n '__packshot_is' -a %s -d '%s'", name,
              cli_quoted(text, sizeof text, summary, true));
    cli_print(report, "complete -c packshot -n '__packshot_is help' -a %s", name);
}

void cli_complete_fish(struct cli_report *report)
{
    cli_print(report, "%s", head);
    for (size_t i = 0; cli_commands[i]; i++) {
        if (strchr(cli_commands[i]->name, ' '))
            cli_print(report, "        '%s' \\", cli_commands[i]->name);
        if (cli_second_word(cli_commands[i], 0))
            cli_print(report, "        'help %s' \\", cli_commands[i]->name);
    }
    cli_print(report, "%s", middle);
    for (size_t i = 0; cli_commands[i]; i++) {
        if (!strchr(cli_commands[i]->name, ' '))
            print_name(report, cli_commands[i]->name, cli_commands[i]->summary);
        print_command(report, cli_commands[i]);
    }
    print_name(report, "help", "what a command does, and its options");
}
