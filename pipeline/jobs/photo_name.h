/* Which files of a folder are photos, as far as their names tell. */
#ifndef PS_JOBS_PHOTO_NAME_H
#define PS_JOBS_PHOTO_NAME_H

#include <sys/types.h>

/* Why a file of that name (a single component) and st_mode is no photo to render, or null where it may be one. A static
 * string. */
const char *ps_photo_problem(const char *name, mode_t mode);

#endif
