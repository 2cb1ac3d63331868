#include "cli/exits.h"

#include <stddef.h>

#include "cli/report.h"

const struct cli_exit cli_exits[] = {
    {PS_OK, "ok", "done", "Everything that was asked for was done."},
    {PS_ERR_INTERNAL, "internal", "a defect in packshot",
     "A defect in packshot or in a driver, such as a message of the validation layer. Please report it."},
    {PS_ERR_USAGE, "usage", "the command line is wrong",
     "An unknown command or option, a value out of its range, or two options that contradict each other. "
     "Nothing "
     "was started."},
    {CLI_SOME_FAILED, "some-failed", "some jobs of a batch failed",
     "All jobs of a batch came to an end, and some of them failed. Reports and events say which and why; "
     "retry and "
     "resume try them again."},
    {PS_ERR_INPUT, "input", "photo, manifest, preset or clip is bad",
     "A photo, manifest, journal, preset, sidecar, font or other input file is missing, damaged, too large "
     "or of another kind."},
    {PS_ERR_CHECKPOINT, "checkpoint", "the checkpoint is not usable",
     "The model's files are missing, damaged, incomplete or of another model."},
    {PS_ERR_DEVICE, "device", "no usable device or encoder, or a feature is missing",
     "There is no device of that name, it or the kernel lacks a feature, libavcodec lacks an encoder, or a "
     "check of "
     "the doctor failed."},
    {PS_ERR_MEMORY, "memory", "it does not fit into the memory",
     "The render fits into no plan within the memory given, or memory ran out. The message has the numbers."},
    {PS_ERR_OUTPUT, "output", "the output cannot be written",
     "The output exists already, its folder is missing or may not be written to, the disk is full or "
     "failing, a "
     "signer failed, or standard output could not be written."},
    {PS_ERR_DEVICE_LOST, "device-lost", "the device stopped answering",
     "The GPU was lost or hung. Trying again may help; the driver's log says why."},
    {CLI_NOTHING_TO_DO, "nothing-to-do", "nothing to do, with --fail-if-empty",
     "A batch had no job to do, and --fail-if-empty was given."},
    {PS_ERR_TRY_AGAIN, "try-again", "try again: a photo or the journal is in use, or stopped with --requeue",
     "A photo was being written while it was read, another program held a journal for half a minute, or a "
     "signal stopped a "
     "batch that has --requeue. The same call may succeed later, or goes on. Within a batch causes that may "
     "pass, the first "
     "two, short memory and a lost device, are tried three times."},
    {PS_ERR_CANCELLED, "cancelled", "stopped by Ctrl-C; 128 + N by signal N",
     "Stopped as asked, after the step at hand; nothing was written. 128 + N stands for signal N: 143 is "
     "SIGTERM."},
    {0, NULL, NULL, NULL},
};
