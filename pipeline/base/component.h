/* Lists of what the library works with on this machine; each room that sees a foreign library adds it, see ps_components. */
#ifndef PS_BASE_COMPONENT_H
#define PS_BASE_COMPONENT_H

#include "base/error.h"

struct ps_component_list {
    struct ps_component *at;
    size_t capacity, count; /* the count goes on where there is no room */
};

/* Adds one; the version is made printable, and cut where it is too long. */
void ps_component_add(struct ps_component_list *list, const char *name, const char *format, ...)
    PS_PRINTF(3, 4);

#endif
