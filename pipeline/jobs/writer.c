#include "jobs/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

bool ps_has_writer(int fd)
{
    /* Who opens the file at this very moment makes the kernel send the lease's holder a signal: one that nobody minds, as
     * the usual SIGIO would end the process. */
    if (fcntl(fd, F_SETSIG, SIGURG))
        return false;
    if (!fcntl(fd, F_SETLEASE, F_RDLCK)) {
        fcntl(fd, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}
