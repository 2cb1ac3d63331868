/* What `packshot bench` tells of a device. */
#ifndef PS_CLI_BENCH_REPORT_H
#define PS_CLI_BENCH_REPORT_H

#include "cli/report.h"

/* `model` is the checkpoint's path, null for random weights; `resident` the most memory in bytes that the process
 * has had, 0 where the system does not tell. */
void cli_tell_bench(struct cli_report *report, const struct ps_device *device, const char *model,
                    const struct ps_bench *bench, uint64_t resident);

#endif
