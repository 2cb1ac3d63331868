#include "cli/options.h"

#include <getopt.h>
#include <string.h>

#include "base/guess.h"
#include "cli/request.h"
#include "cli/settings.h"
#include "cli/store.h"

/* What getopt_long returns for the row i is this plus i: above every character. */
enum { FIRST_ROW = 256 };

bool cli_wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--json"))
            return true;
    return false;
}

static const char *option_name(const void *from, size_t i)
{
    const struct cli_option *options = from;
    return options[i].name;
}

/* Whether the command renders many clips and the option is one of a single render's. */
static bool is_of_one_clip(const struct cli_command *command, const char *name)
{
    const struct cli_option *option = cli_request_options;
    while (option->name && strcmp(option->name, name) != 0)
        option++;
    return option->name && (!strcmp(command->name, "batch") || !strcmp(command->name, "watch"));
}

static enum ps_status fail_option(const struct cli_command *command, const char *argument,
                                  struct ps_error *error)
{
    char name[64];
    const size_t length = strcspn(argument, "=");
    snprintf(name, sizeof name, "%.*s", (int)length, argument);
    if (argument[1] == '-' && is_of_one_clip(command, name + 2))
        return cli_fail(error, PS_ERR_USAGE, "usage.option",
                        "%s: %s is about one clip, and these are many; packshot render has it, see packshot "
                        "help %s",
                        command->name, name, command->name);
    const char *guess = argument[1] == '-' ? ps_guess(name + 2, option_name, command->options) : NULL;
    return cli_fail(error, PS_ERR_USAGE, "usage.option", "%s: unknown option %s%s%s%s see packshot help %s",
                    command->name, name, guess ? "; did you mean --" : "", guess ? guess : "",
                    guess ? "?" : ";", command->name);
}

static enum ps_status fail_value(const struct cli_command *command, const struct cli_option *option,
                                 const char *value, struct ps_error *error)
{
    char expected[256];
    cli_describe(expected, sizeof expected, option);
    return cli_fail(error, PS_ERR_USAGE, "usage.value", "--%s: \"%.100s\" is not %s; see packshot help %s",
                    option->name, value, expected, command->name);
}

/* getopt's two descriptions of the table. The leading '-' hands operands over in their place and so keeps
 * optind telling which argument is being read; ':' tells a missing value from an unknown option. */
static void describe_to_getopt(const struct cli_option *options, struct option *longs, char *shorts)
{
    size_t used = 0, i = 0;
    shorts[used++] = '-';
    shorts[used++] = ':';
    shorts[used++] = 'h';
    for (; options[i].name; i++) {
        const bool value = options[i].kind != CLI_FLAG;
        /* What a file sets the command line has to be able to take back: --quiet=no. */
        const int argument = value                              ? required_argument
                             : options[i].scope == CLI_ARGUMENT ? no_argument
                                                                : optional_argument;
        longs[i] = (struct option){options[i].name, argument, NULL, FIRST_ROW + (int)i};
        if (!options[i].letter)
            continue;
        shorts[used++] = options[i].letter;
        if (value)
            shorts[used++] = ':';
    }
    longs[i++] = (struct option){"help", no_argument, NULL, 'h'};
    longs[i] = (struct option){0};
    shorts[used] = '\0';
}

static const struct cli_option *find_row(const struct cli_option *options, int code)
{
    if (code >= FIRST_ROW)
        return &options[code - FIRST_ROW];
    for (; options->name; options++)
        if (options->letter && options->letter == code)
            return options;
    return NULL;
}

/* getopt_long takes any beginning of a name; a later version's options would change what it means. */
static bool is_abbreviated(const char *argument, const char *name)
{
    return !strncmp(argument, "--", 2) &&
           (strcspn(argument + 2, "=") != strlen(name) || strncmp(argument + 2, name, strlen(name)) != 0);
}

static enum ps_status fail_getopt(const struct cli_command *command, int result, const char *argument,
                                  struct ps_error *error)
{
    const struct cli_option *row = find_row(command->options, optopt);
    const char *name = row ? row->name : "help";
    if (result == ':')
        return cli_fail(error, PS_ERR_USAGE, "usage.option", "--%s needs a value; see packshot help %s", name,
                        command->name);
    if (optopt && strchr(argument, '=') && !is_abbreviated(argument, name))
        return cli_fail(error, PS_ERR_USAGE, "usage.option", "--%s takes no value; see packshot help %s",
                        name, command->name);
    const char letter[] = {'-', (char)optopt, '\0'};
    return fail_option(command, argument[1] == '-' ? argument : letter, error);
}

static enum ps_status take_operand(const struct cli_command *command, const char *argument, void *values,
                                   struct ps_error *error)
{
    const char **operand = (const char **)((char *)values + command->operand_offset);
    if (!command->operand)
        return cli_fail(error, PS_ERR_USAGE, "usage.argument", "%s takes no \"%.100s\"; see packshot help %s",
                        command->name, argument, command->name);
    if (*operand)
        return cli_fail(error, PS_ERR_USAGE, "usage.argument",
                        "%s takes one %s, and \"%.100s\" is a second; see packshot help %s", command->name,
                        command->operand, argument, command->name);
    if (!*argument)
        return cli_fail(error, PS_ERR_USAGE, "usage.argument",
                        "%s: the name of the %s is empty; see packshot help %s", command->name,
                        command->operand, command->name);
    *operand = argument;
    return PS_OK;
}

static enum ps_status take_option(const struct cli_command *command, int result, const char *argument,
                                  struct cli_settings *settings, struct ps_error *error)
{
    if (result == '?' || result == ':')
        return fail_getopt(command, result, argument, error);
    const struct cli_option *option = find_row(command->options, result);
    if (result >= FIRST_ROW && is_abbreviated(argument, option->name))
        return fail_option(command, argument, error);
    const char *text = optarg ? optarg : "yes";
    if (!cli_accepts(option, text))
        return fail_value(command, option, text, error);
    cli_settings_set(settings, option, text, NULL, 0);
    return PS_OK;
}

enum ps_status cli_read_arguments(const struct cli_command *command, int argc, char **argv,
                                  struct cli_settings *settings, void *values, bool *help,
                                  struct ps_error *error)
{
    struct option longs[CLI_MAX_OPTIONS + 1];
    char shorts[2 * CLI_MAX_OPTIONS + 4];
    describe_to_getopt(command->options, longs, shorts);
    *help = false;
    opterr = 0;
    optind = 0;
    while (!error->status) {
        const int at = optind ? optind : 1;
        const int result = getopt_long(argc, argv, shorts, longs, NULL);
        if (result == -1)
            break;
        if (result == 'h' && (strncmp(argv[at], "--", 2) || !strcmp(argv[at], "--help"))) {
            *help = true;
            return PS_OK;
        }
        if (result == 1)
            take_operand(command, optarg, values, error);
        else if (result == 'h')
            fail_option(command, argv[at], error);
        else
            take_option(command, result, argv[at], settings, error);
    }
    for (int i = optind; i < argc && !error->status; i++)
        take_operand(command, argv[i], values, error);
    if (!error->status && command->operand && !command->operand_optional &&
        !*(const char **)((char *)values + command->operand_offset))
        cli_fail(error, PS_ERR_USAGE, "usage.argument", "%s needs a %s; see packshot help %s", command->name,
                 command->operand, command->name);
    return error->status;
}

bool cli_begin_settings(const struct cli_command *command, int argc, char **argv,
                        struct cli_settings *settings, void *values, struct cli_report *report,
                        struct ps_error *error)
{
    bool help;
    *report = (struct cli_report){.json = cli_wants_json(argc, argv)};
    cli_settings_begin(settings, command->options);
    if (cli_read_arguments(command, argc, argv, settings, values, &help, error))
        return false;
    if (help) {
        report->json = false;
        cli_help(report, command);
        return false;
    }
    if (cli_settings_check(settings, command, error))
        return false;
    cli_settings_store(settings, values);
    return true;
}

bool cli_begin(const struct cli_command *command, int argc, char **argv, void *values,
               struct cli_report *report, struct ps_error *error)
{
    struct cli_settings settings;
    return cli_begin_settings(command, argc, argv, &settings, values, report, error);
}
