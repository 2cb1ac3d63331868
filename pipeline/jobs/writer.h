/* Whether somebody still writes a file. */
#ifndef PS_JOBS_WRITER_H
#define PS_JOBS_WRITER_H

#include <stdbool.h>

/* Whether a process of this machine has the file at `fd`, open for reading, open for writing. Asks for a lease, which the
 * kernel refuses then, and gives it back at once. Only the file's owner and who may take any lease (CAP_LEASE) are told;
 * false where the system does not say. Network and user-space file systems say nothing true: see ps_file_system_unfit. */
bool ps_has_writer(int fd);

#endif
