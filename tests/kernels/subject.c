#include "kernels/subject.h"

#include <stdio.h>
#include <string.h>

#include "kernels/emulation/emulation.h"
#include "vk/state.h"

static void print_line(void *user, enum ps_log_level level, const char *line)
{
    (void)user;
    if (level <= PS_LOG_WARNING)
        printf("vk: %s\n", line);
}

static struct ps_backend *open_device(const struct bed_subject_params *params, bool validate,
                                      struct ps_error *error)
{
    const struct ps_vk_params vk = {.selector = params->device,
                                    .log = {print_line, NULL},
                                    .validate = validate,
                                    .variant = params->variant,
                                    .tile = params->tile,
                                    .stand_in = params->emulate ? &coop2_emulation : NULL};
    struct ps_backend *subject = ps_vk_open(&vk, error);
    if (subject && params->variant && params->bf16 && strcmp(params->variant, "portable") != 0 &&
        !ps_vk_has_matrix_of((struct ps_vk *)subject, PS_BF16)) {
        ps_fail(error, PS_ERR_DEVICE, "device.variant", "it has no matrices of bfloat16");
        subject->ops->close(subject);
        subject = NULL;
    }
    return subject;
}

struct ps_backend *bed_subject_open(const struct bed_subject_params *params, struct ps_error *error)
{
    struct ps_backend *subject = open_device(params, params->validate, error);
    if (subject || !params->validate || !params->variant || error->status != PS_ERR_DEVICE)
        return subject;
    *error = (struct ps_error){0};
    subject = open_device(params, false, error);
    if (subject)
        printf("not validated: there is no layer that knows what the variant needs\n");
    return subject;
}

bool bed_subject_offers(const struct ps_backend *subject, enum ps_kernel kernel)
{
    bool offers = false;
    for (uint32_t i = 0; i < ps_vk_variant_count(); i++)
        offers |=
            ps_vk_variant_at(i)->kernel == kernel && ((const struct ps_vk *)subject)->variants & 1u << i;
    return offers;
}

uint64_t bed_subject_by_variant(const struct ps_backend *subject)
{
    return ps_vk_counts(subject).by_variant;
}

const char *bed_subject_shader(const struct ps_backend *subject)
{
    const char *shader = ps_vk_counts(subject).shader;
    return shader ? shader : "";
}

uint64_t bed_subject_close(struct ps_backend *subject)
{
    if (!subject)
        return 0;
    const uint64_t messages = ps_vk_messages(subject);
    if (messages)
        printf("the validation layer gave %llu messages\n", (unsigned long long)messages);
    subject->ops->close(subject);
    return messages;
}
