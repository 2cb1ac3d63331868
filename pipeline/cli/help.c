#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/options.h"

enum { WIDTH = 100, LEFT = 30 };

static void describe_choices(char *to, size_t size, const char *const *choices)
{
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; choices[i] && used < size; i++)
        used += (size_t)snprintf(to + used, size - used, "%s%s",
                                 i == 0           ? ""
                                 : choices[i + 1] ? ", "
                                                  : " or ",
                                 choices[i]);
}

void cli_describe(char *to, size_t size, const struct cli_option *option)
{
    const char *lead = option->kind == CLI_AUTO_WHOLE ? "auto or " : "";
    switch (option->kind) {
    case CLI_FLAG:
        snprintf(to, size, "yes or no");
        break;
    case CLI_TEXT:
        snprintf(to, size, "a text of one character or more");
        break;
    case CLI_PATH:
        snprintf(to, size, "the name of a file or folder");
        break;
    case CLI_CHOICE:
        describe_choices(to, size, option->choices);
        break;
    case CLI_WHOLE:
    case CLI_AUTO_WHOLE:
        snprintf(to, size,
                 option->step ? "%sa whole number from %.0f to %.0f that is a multiple of %u"
                              : "%sa whole number from %.0f to %.0f",
                 lead, option->low, option->high, option->step);
        break;
    case CLI_SEED:
        snprintf(to, size, "a whole number from 0 to 18446744073709551615");
        break;
    case CLI_SIZE:
        snprintf(to, size, "a whole number of bytes from 1 on, or with K, M or G for powers of 1024");
        break;
    case CLI_REAL:
    case CLI_AMOUNT:
        snprintf(to, size, "a number from %g to %g", option->low, option->high);
        break;
    case CLI_PAIR:
        snprintf(to, size, "two whole numbers from %.0f to %.0f with an x between", option->low,
                 option->high);
        break;
    case CLI_HOURS:
        snprintf(to, size, "two times of day with a hyphen between: 19:00-07:00");
        break;
    case CLI_SHARD:
        snprintf(to, size, "a part and how many there are, at most %.0f, with a slash between: 2/8",
                 option->high);
        break;
    case CLI_RATE:
        snprintf(to, size, "a whole number or a fraction from %.0f to %.0f, such as 24, 24000/1001 or 23.976",
                 option->low, option->high);
        break;
    case CLI_SPAN:
        snprintf(to, size, "two numbers from %g to %g with a colon between", option->low, option->high);
        break;
    case CLI_FOCUS:
        snprintf(to, size, "auto or two numbers from %g to %g with a colon between", option->low,
                 option->high);
        break;
    case CLI_FORMATS:
        snprintf(
            to, size,
            "up to %d different aspects such as 16:9 or even sizes such as 1080x1350, with commas between",
            CLI_MAX_FORMATS);
        break;
    case CLI_LIST:
        snprintf(to, size, "%.0f to %.0f numbers from 0 to 1e6 with commas between", option->low,
                 option->high);
        break;
    case CLI_COLOUR:
        snprintf(to, size, "six hexadecimal digits from 000000 to ffffff");
        break;
    case CLI_BACKGROUND:
        snprintf(
            to, size,
            "six hexadecimal digits, twice six with a colon between (top and bottom), blur, or the file name "
            "of a picture, with a dot or slash in it");
        break;
    }
}

/* Prints words in lines of WIDTH that begin at column `left`, the first of them at column `at`. */
static void print_wrapped(struct cli_report *report, const char *lead, size_t left, const char *text)
{
    char line[WIDTH + 1];
    size_t used = (size_t)snprintf(line, sizeof line, "%-*s", (int)left, lead);
    while (*text) {
        const size_t word = strcspn(text, " ");
        if (used > left && used + 1 + word > WIDTH) {
            cli_print(report, "%s", line);
            used = (size_t)snprintf(line, sizeof line, "%*s", (int)left, "");
        }
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%.*s", used > left ? " " : "", (int)word,
                                 text);
        text += word;
        text += strspn(text, " ");
    }
    cli_print(report, "%s", line);
}

char *cli_explain(char *to, size_t size, const struct cli_option *option)
{
    char expected[256];
    const bool ranged = option->kind != CLI_FLAG && option->kind != CLI_TEXT && option->kind != CLI_PATH;
    cli_describe(expected, sizeof expected, option);
    snprintf(to, size, "%s%s%s%s%s%s", option->help, ranged ? "; " : "", ranged ? expected : "",
             option->fallback ? " (default " : "", option->fallback ? option->fallback : "",
             option->fallback ? ")" : "");
    return to;
}

static void print_option(struct cli_report *report, const struct cli_option *option)
{
    if (option->heading)
        cli_print(report, "\n%s:", option->heading);
    char lead[LEFT + 32], text[768];
    const bool valued = option->kind != CLI_FLAG;
    const char letter[] = {' ',
                           ' ',
                           option->letter ? '-' : ' ',
                           option->letter ? option->letter : ' ',
                           option->letter ? ',' : ' ',
                           '\0'};
    snprintf(lead, sizeof lead, "%s --%s%s%s", letter, option->name, valued ? " " : "",
             valued ? option->value : "");
    cli_explain(text, sizeof text, option);
    if (strlen(lead) < LEFT) {
        print_wrapped(report, lead, LEFT, text);
        return;
    }
    cli_print(report, "%s", lead);
    print_wrapped(report, "", LEFT, text);
}

const struct cli_option cli_help_option = {.name = "help", .letter = 'h', .help = "print this"};

void cli_help(struct cli_report *report, const struct cli_command *command)
{
    cli_print(report, "packshot %s: %s", command->name, command->summary);
    cli_print(report, "\nusage: packshot %s%s%s [options]", command->name, command->operand ? " " : "",
              command->operand ? command->operand : "");
    if (command->examples && command->examples[0])
        cli_print(report, "\nexamples:");
    for (size_t i = 0; command->examples && command->examples[i]; i++)
        cli_print(report, "  packshot %s", command->examples[i]);
    cli_print(report, "\noptions:");
    for (const struct cli_option *option = command->options; option->name; option++)
        print_option(report, option);
    print_option(report, &cli_help_option);
    if (command->notes)
        cli_print(report, "\n%s", command->notes);
}
