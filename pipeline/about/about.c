#include "cpu/components.h"
#include "finish/libraries.h"
#include "jobs/components.h"
#include "media/components.h"
#include "provenance/components.h"
#include "vk/components.h"

enum ps_status ps_components(struct ps_component *components, size_t capacity, size_t *count)
{
    struct ps_component_list list = {.at = components, .capacity = capacity};
    ps_media_components(&list);
    ps_save_components(&list);
    ps_provenance_components(&list);
    ps_jobs_components(&list);
    ps_vk_components(&list);
    ps_cpu_components(&list);
    *count = list.count;
    return PS_OK;
}
