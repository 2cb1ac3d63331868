#include <string.h>

#include "cli/completion.h"

/* Words are compared here and not by compgen -W, which would run a command that stands in one: what a command lists
 * may be names of files in this folder. */
static const char head[] =
    "# bash completion, as \"packshot completion bash\" writes it\n"
    "\n"
    "# Offers words; @files stands for file names, another @NAME for the first words of what the command "
    "NAME prints.\n"
    "_packshot_offer()\n"
    "{\n"
    "    local word\n"
    "    for word; do\n"
    "        case $word in\n"
    "        @files)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "        @*)\n"
    "            while read -r word _; do\n"
    "                [[ $word == *[!A-Za-z0-9._-]* ]] || _packshot_offer \"$word\"\n"
    "            done < <(\"${COMP_WORDS[0]}\" \"${word#@}\" 2>/dev/null) ;;\n"
    "        \"$cur\"*)\n"
    "            COMPREPLY+=(\"$word\") ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "\n"
    "_packshot()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
    "    COMPREPLY=()\n"
    "    # --option=value comes as three words\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]] && ((COMP_CWORD > 2)); then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi";

static void print_names(struct cli_report *report)
{
    cli_print(report, "    if ((COMP_CWORD == 1)); then");
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strchr(cli_commands[i]->name, ' '))
            cli_print(report, "        _packshot_offer %s", cli_commands[i]->name);
    cli_print(report, "        _packshot_offer help --help --version\n"
                      "        return\n"
                      "    fi\n"
                      "    case \"$command ${COMP_WORDS[2]}\" in");
    for (size_t i = 0; cli_commands[i]; i++)
        if (strchr(cli_commands[i]->name, ' '))
            cli_print(report, "    \"%s\") ((COMP_CWORD > 2)) && command=\"%s\" ;;", cli_commands[i]->name,
                      cli_commands[i]->name);
    cli_print(report, "    esac\n"
                      "    case $command in");
}

static void print_value(struct cli_report *report, const struct cli_option *option)
{
    char words[CLI_WORDS];
    const char letter[] = {' ', '|', ' ', '-', option->letter, '\0'};
    if (option->kind == CLI_FLAG)
        return;
    cli_suggestions(words, sizeof words, option);
    cli_print(report, "        --%s%s) %s%s%sreturn ;;", option->name, option->letter ? letter : "",
              *words ? "_packshot_offer " : "", words, *words ? "; " : "");
}

static void print_command(struct cli_report *report, const struct cli_command *command)
{
    const char *word, *operand = cli_operand_suggestions(command);
    cli_print(report, "    \"%s\")", command->name);
    cli_print(report, "        case $prev in");
    for (const struct cli_option *option = command->options; option->name; option++)
        print_value(report, option);
    cli_print(report, "        esac");
    cli_print(report, "        if [[ $cur == -* ]]; then");
    for (const struct cli_option *option = command->options; option->name; option++)
        cli_print(report, "            _packshot_offer --%s", option->name);
    cli_print(report, "            _packshot_offer --help");
    cli_print(report, "        else");
    for (size_t i = 0; (word = cli_second_word(command, i)); i++)
        cli_print(report, "            ((COMP_CWORD == 2)) && _packshot_offer %s", word);
    cli_print(report, "            _packshot_offer %s", operand);
    cli_print(report, "        fi ;;");
}

void cli_complete_bash(struct cli_report *report)
{
    const char *word;
    cli_print(report, "%s", head);
    print_names(report);
    for (size_t i = 0; cli_commands[i]; i++)
        print_command(report, cli_commands[i]);
    /* `help` has no table. */
    cli_print(report, "    help)");
    for (size_t i = 0; cli_commands[i]; i++) {
        if (strchr(cli_commands[i]->name, ' '))
            continue;
        cli_print(report, "        ((COMP_CWORD == 2)) && _packshot_offer %s", cli_commands[i]->name);
        for (size_t k = 0; (word = cli_second_word(cli_commands[i], k)); k++)
            cli_print(report, "        ((COMP_CWORD == 3)) && [[ $prev == %s ]] && _packshot_offer %s",
                      cli_commands[i]->name, word);
    }
    cli_print(report, "        ;;\n"
                      "    esac\n"
                      "}\n"
                      "\n"
                      "complete -F _packshot packshot");
}
