/* What the doctor looks at, one line a check. */
#ifndef PS_CLI_DOCTOR_H
#define PS_CLI_DOCTOR_H

#include "cli/report.h"

enum { CLI_DOCTOR_DEVICES = 16 };

enum cli_verdict { CLI_FINE, CLI_WARN, CLI_FAIL };

struct cli_examination {
    struct cli_report report;
    const char *folder; /* where clips are meant to go */
    struct ps_device devices[CLI_DOCTOR_DEVICES];
    size_t count; /* of devices listed */
    char note[512];
    bool failed;
};

/* Tells one line. `cure` may be empty where all is fine, and there alone. */
void cli_examine(struct cli_examination *exam, enum cli_verdict verdict, const char *check,
                 const char *finding, const char *cure);

/* The text, or the other where it is empty. */
const char *cli_either(const char *text, const char *otherwise);

/* The folder for clips, its file system and room, encoders and the font. */
void cli_examine_output(struct cli_examination *exam);

/* Configuration and model, sandbox, libraries' patch levels, clock and limits. */
void cli_examine_system(struct cli_examination *exam);

#endif
