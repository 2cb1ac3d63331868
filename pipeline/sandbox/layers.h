/* The layers, as a child puts them on; each returns false where the kernel has none. */
#ifndef PS_SANDBOX_LAYERS_H
#define PS_SANDBOX_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

/* Sanitizers write reports, and map terabytes that they never touch. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PS_SANITIZED 1
#endif
#endif
#ifndef PS_SANITIZED
#define PS_SANITIZED 0
#endif

/* Address space is limited to `address_space` bytes unless that is 0; processor time to `seconds`. */
bool ps_sandbox_limits(uint64_t address_space, unsigned seconds);

/* Needs no_new_privs, as the filter does. Leaves a descriptor open where it fails half way. */
bool ps_sandbox_landlock(void);

/* The last layer: after it there is no other call. */
bool ps_sandbox_filter(void);

#endif
