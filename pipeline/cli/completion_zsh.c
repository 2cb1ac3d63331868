#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

enum { TEXT = 1024 };

static const char head[] = "#compdef packshot\n"
                           "# zsh completion, as \"packshot completion zsh\" writes it\n"
                           "\n"
                           "# Offers words; @files stands for file names, another @NAME for the first words "
                           "of what the command NAME prints.\n"
                           "_packshot_offer()\n"
                           "{\n"
                           "    local word\n"
                           "    for word; do\n"
                           "        case $word in\n"
                           "        @files) _files ;;\n"
                           "        @*) compadd -- ${${(f)\"$($program ${word#@} 2>/dev/null)\"}%% *} ;;\n"
                           "        *) compadd -- $word ;;\n"
                           "        esac\n"
                           "    done\n"
                           "}\n"
                           "\n"
                           "_packshot()\n"
                           "{\n"
                           "    local program=${(Q)words[1]} command=$words[2]\n"
                           "    local -a names";

/* _arguments gives brackets and colons a meaning. */
static char *plain(char *to, size_t size, const char *text)
{
    char quoted[TEXT];
    size_t used = 0;
    cli_quoted(quoted, sizeof quoted, text, false);
    for (const char *at = quoted; *at && used + 3 < size; at++) {
        if (strchr("[]:", *at))
            to[used++] = '\\';
        to[used++] = *at;
    }
    to[used] = '\0';
    return to;
}

static void print_name(struct cli_report *report, const char *name, const char *summary)
{
    char text[TEXT];
    cli_print(report, "        '%s:%s'", name, cli_quoted(text, sizeof text, summary, false));
}

static void print_names(struct cli_report *report)
{
    cli_print(report, "    names=(");
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strchr(cli_commands[i]->name, ' '))
            print_name(report, cli_commands[i]->name, cli_commands[i]->summary);
    print_name(report, "help", "what a command does, and its options");
    cli_print(report, "    )\n"
                      "    if ((CURRENT == 2)); then\n"
                      "        _describe -t commands command names\n"
                      "        return\n"
                      "    fi\n"
                      "    shift words\n"
                      "    ((CURRENT--))\n"
                      "    case \"$command $words[2]\" in");
    for (size_t i = 0; cli_commands[i]; i++)
        if (strchr(cli_commands[i]->name, ' '))
            cli_print(report,
                      "    '%s') if ((CURRENT > 2)); then command='%s'; shift words; ((CURRENT--)); fi ;;",
                      cli_commands[i]->name, cli_commands[i]->name);
    cli_print(report, "    esac\n"
                      "    case $command in");
}

static void print_option(struct cli_report *report, const struct cli_option *option)
{
    char help[TEXT], words[CLI_WORDS], value[TEXT], names[TEXT];
    if (option->letter)
        snprintf(names, sizeof names, "'(-%c --%s)'{-%c,--%s}", option->letter, option->name, option->letter,
                 option->name);
    else
        snprintf(names, sizeof names, "--%s", option->name);
    plain(help, sizeof help, option->help);
    if (option->kind == CLI_FLAG) {
        cli_print(report, "            %s'[%s]' \\", names, help);
        return;
    }
    cli_suggestions(words, sizeof words, option);
    cli_print(report, "            %s'[%s]:%s:%s%s%s' \\", names, help,
              plain(value, sizeof value, option->value), *words ? "{_packshot_offer " : "", words,
              *words ? "}" : "");
}

static void print_command(struct cli_report *report, const struct cli_command *command)
{
    const char *word, *operand = cli_operand_suggestions(command);
    cli_print(report, "    '%s')", command->name);
    for (size_t i = 0; (word = cli_second_word(command, i)); i++)
        cli_print(report, "        ((CURRENT == 2)) && compadd -- %s", word);
    cli_print(report, "        _arguments -S \\");
    for (const struct cli_option *option = command->options; option->name; option++)
        print_option(report, option);
    print_option(report, &cli_help_option);
    if (*operand)
        cli_print(report, "            '1:%s:{_packshot_offer %s}' \\", command->operand, operand);
    cli_print(report, "            && return 0 ;;");
}

void cli_complete_zsh(struct cli_report *report)
{
    const char *word;
    cli_print(report, "%s", head);
    print_names(report);
    for (size_t i = 0; cli_commands[i]; i++)
        print_command(report, cli_commands[i]);
    cli_print(report, "    help)\n"
                      "        ((CURRENT == 2)) && _describe -t commands command names");
    for (size_t i = 0; cli_commands[i]; i++)
        for (size_t k = 0; (word = cli_second_word(cli_commands[i], k)); k++)
            cli_print(report, "        ((CURRENT == 3)) && [[ $words[2] == %s ]] && compadd -- %s",
                      cli_commands[i]->name, word);
    cli_print(report, "        ;;\n"
                      "    esac\n"
                      "}\n"
                      "\n"
                      "if [[ $funcstack[1] == _packshot ]]; then\n"
                      "    _packshot \"$@\"\n"
                      "else\n"
                      "    compdef _packshot packshot\n"
                      "fi");
}
