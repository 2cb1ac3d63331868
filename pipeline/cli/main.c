/* packshot: the program. Everything it does is in the library; here are words in and words out. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guess.h"
#include "cli/commands.h"
#include "cli/exits.h"

/* What can stand where a command does, for suggestions. */
static const char *command_name(const void *from, size_t i)
{
    (void)from;
    if (!i)
        return "help";
    const struct cli_command *command = cli_commands[i - 1];
    return command ? command->name : NULL;
}

static void print_overview(struct cli_report *report)
{
    cli_print(report, "packshot %s: one product photo in, a short clip out, on this machine\n", ps_version());
    for (size_t i = 0; cli_commands[i]; i++)
        if (cli_commands[i]->examples)
            cli_print(report, "  packshot %s", cli_commands[i]->examples[0]);
    cli_print(report, "\ncommands:");
    for (size_t i = 0; cli_commands[i]; i++)
        cli_print(report, "  %-14s %s", cli_commands[i]->name, cli_commands[i]->summary);
    cli_print(report, "  %-14s %s", "help", "this, or with a command's name its options");
    cli_print(report, "\nexit codes:");
    for (const struct cli_exit *row = cli_exits; row->name; row++)
        cli_print(report, "  %3d  %s", row->code, row->meaning);
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
    const struct cli_command *command = cli_find_command(argc - 1, argv + 1, &words);
    report->json = false;
    if (argc > 1 + words)
        cli_fail(&error, PS_ERR_USAGE, "usage.argument", "help takes one command; see packshot help");
    else if (command)
        cli_help(report, command);
    else if (argc > 1 && strcmp(argv[1], "help"))
        fail_command(argv[1], &error);
    else
        print_overview(report);
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
    int words = 1;
    const struct cli_command *command = cli_find_command(argc - 1, argv + 1, &words);
    if (!strcmp(name, "--version") || !strcmp(name, "-V"))
        command = &cli_version_command;
    if (command)
        return command->run(command, argc - words, argv + words);
    if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
        return run_help(&report, argc - 1, argv + 1);
    report.json = cli_wants_json(argc, argv);
    if (name[0] == '-')
        cli_fail(&error, PS_ERR_USAGE, "usage.command",
                 "\"%.64s\" stands where a command should; see packshot help", name);
    else
        fail_command(name, &error);
    return cli_finish(&report, &error);
}
