#include "base/component.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

void ps_component_add(struct ps_component_list *list, const char *name, const char *format, ...)
{
    const size_t at = list->count++;
    if (at >= list->capacity)
        return;
    struct ps_component *component = &list->at[at];
    char text[sizeof component->version];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(component->name, sizeof component->name, "%s", name);
    ps_printable(component->version, sizeof component->version, text, false);
}
