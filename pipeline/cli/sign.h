/* A program of the user's that signs the clip. */
#ifndef PS_CLI_SIGN_H
#define PS_CLI_SIGN_H

#include "packshot.h"

struct cli_signer {
    const char *program; /* a path; null for none */
    const char *clip;    /* the final name, which tells the program the format */
    float seconds;       /* that it may take; 0 means 60 */
};

/* Runs `PROGRAM path clip` without a shell and waits: ps_provenance.sign with a struct cli_signer. Its words go to
 * standard error. Status: PS_ERR_OUTPUT where it cannot be started, fails or takes too long, PS_ERR_CANCELLED. */
enum ps_status cli_sign(void *user, const char *path, struct ps_error *error);

#endif
