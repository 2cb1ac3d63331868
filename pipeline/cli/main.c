/* packshot: the program. Everything it does is in the library; here are words in and words out. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guess.h"
#include "cli/commands.h"

static const struct cli_command *const commands[] = {
    &cli_render_command,       &cli_batch_command,         &cli_status_command, &cli_resume_command,
    &cli_retry_command,        &cli_cancel_command,        &cli_report_command, &cli_presets_command,
    &cli_presets_show_command, &cli_presets_check_command, &cli_config_command, &cli_inspect_command,
    &cli_devices_command,      &cli_doctor_command,        &cli_bench_command,  &cli_verify_command,
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const char *command_name(const void *from, size_t i)
{
    static const char *const others[] = {"help", "version", NULL};
    (void)from;
    return i < COMMANDS ? commands[i]->name : others[i - COMMANDS];
}

/* The command whose name the arguments begin with, the longest where there are two, and how many words it has. */
static const struct cli_command *find_command(int argc, char **argv, int *words)
{
    const struct cli_command *found = NULL;
    char pair[64] = "";
    if (argc > 1)
        snprintf(pair, sizeof pair, "%s %s", argv[0], argv[1]);
    for (size_t i = 0; i < COMMANDS; i++) {
        const bool whole = !strcmp(commands[i]->name, pair);
        if (!whole && (found || argc < 1 || strcmp(commands[i]->name, argv[0])))
            continue;
        found = commands[i];
        *words = whole ? 2 : 1;
    }
    return found;
}

static void print_overview(struct cli_report *report)
{
    cli_print(report, "packshot %s: one product photo in, a short clip out, on this machine\n", ps_version());
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i]->examples)
            cli_print(report, "  packshot %s", commands[i]->examples[0]);
    cli_print(report, "\ncommands:");
    for (size_t i = 0; i < COMMANDS; i++)
        cli_print(report, "  %-14s %s", commands[i]->name, commands[i]->summary);
    cli_print(report, "  %-14s %s", "help", "this, or with a command's name its options");
    cli_print(report, "  %-14s %s", "version", "the version");
    cli_print(report,
              "\nexit codes:\n"
              "   0  done                          6  no usable device or encoder, or a feature is missing\n"
              "   1  a defect in packshot          7  it does not fit into the memory\n"
              "   2  the command line is wrong     8  the output cannot be written\n"
              "   3  some jobs of a batch failed   9  the device stopped answering\n"
              "   4  photo, preset or clip is bad  10  nothing to do, with --fail-if-empty\n"
              "   5  the checkpoint is not usable  75  a photo changes while it is read; try again\n"
              "                                 128 + N  stopped by signal N; 130 is Ctrl-C");
}

static enum ps_status fail_command(const char *name, struct ps_error *error)
{
    const char *guess = ps_guess(name, command_name, NULL);
    return cli_fail(error, PS_ERR_USAGE, "usage.command", "unknown command \"%.64s\"%s%s%s see packshot help",
                    name, guess ? "; did you mean " : "", guess ? guess : "", guess ? "?" : ";");
}

/* `packshot help [COMMAND]`. */
static int run_help(struct cli_report *report, int argc, char **argv)
{
    struct ps_error error = {0};
    int words = 1;
    const struct cli_command *command = find_command(argc - 1, argv + 1, &words);
    report->json = false;
    if (argc > 1 + words)
        cli_fail(&error, PS_ERR_USAGE, "usage.argument", "help takes one command; see packshot help");
    else if (command)
        cli_help(report, command);
    else if (argc > 1 && strcmp(argv[1], "help") && strcmp(argv[1], "version"))
        fail_command(argv[1], &error);
    else
        print_overview(report);
    return cli_finish(report, &error);
}

static int run_version(struct cli_report *report, int argc)
{
    struct ps_error error = {0};
    if (argc > 1)
        cli_fail(&error, PS_ERR_USAGE, "usage.argument", "version takes no arguments; see packshot help");
    else
        cli_print(report, "packshot %s", ps_version());
    return cli_finish(report, &error);
}

/* A stream that the caller closed would be the number of the next file opened, and words would go into it. */
static void keep_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            /* Written to, the descriptor that can only be read fails as the closed one would. */
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

int main(int argc, char **argv)
{
    struct cli_report report = {0};
    struct ps_error error = {0};
    keep_streams();
    /* A file that grows past its limit and a pipe without a reader are errors of a write, with a message. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    /* What libraries have to say about an error is in packshot's own message. */
    ps_silence_libav();
    setenv("SVT_LOG", "1", 0);
    if (argc < 2) {
        cli_fail(&error, PS_ERR_USAGE, "usage.command", "no command given; see packshot help");
        return cli_finish(&report, &error);
    }
    const char *name = argv[1];
    int words;
    const struct cli_command *command = find_command(argc - 1, argv + 1, &words);
    if (command)
        return command->run(command, argc - words, argv + words);
    if (is_one_of(name, "help", "--help", "-h"))
        return run_help(&report, argc - 1, argv + 1);
    if (is_one_of(name, "version", "--version", "-V"))
        return run_version(&report, argc - 1);
    report.json = cli_wants_json(argc, argv);
    if (name[0] == '-')
        cli_fail(&error, PS_ERR_USAGE, "usage.command",
                 "\"%.64s\" stands where a command should; see packshot help", name);
    else
        fail_command(name, &error);
    return cli_finish(&report, &error);
}
