/* What a checkpoint's folder says about its licence. packshot does not judge it. */
#ifndef PS_PROVENANCE_LICENCE_H
#define PS_PROVENANCE_LICENCE_H

#include <stddef.h>

/* Writes "LICENSE.md" or "NAME (README.md)", where NAME is the licence that the model card names, or both, or
 * "unknown". `path` is the checkpoint's folder, or its file: then the folder that it lies in is looked into. */
void ps_licence_note(char *note, size_t size, const char *path);

#endif
