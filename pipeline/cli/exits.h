/* The exit codes: one table for the overview, the manual and whoever tests them. */
#ifndef PS_CLI_EXITS_H
#define PS_CLI_EXITS_H

struct cli_exit {
    int code;
    const char *name;    /* that of ps_status_name, which error events have */
    const char *meaning; /* short, for the overview */
    const char *detail;  /* one or more sentences, for the manual */
};

/* By rising code; ends with a row without a name. */
extern const struct cli_exit cli_exits[];

#endif
