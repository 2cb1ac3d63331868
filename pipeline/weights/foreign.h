/* Tells what a file is that is no safetensors file. */
#ifndef PS_WEIGHTS_FOREIGN_H
#define PS_WEIGHTS_FOREIGN_H

#include "base/error.h"

#define PS_FOREIGN_BYTES 512

/* Fails with the name of what the file is and the way out, if its first bytes (up to PS_FOREIGN_BYTES) tell;
 * PS_OK if they do not. */
enum ps_status ps_foreign_file(const char *label, const uint8_t *bytes, size_t size, struct ps_error *error);

#endif
