#include "run/plan.h"

#include "base/checked.h"

static bool plan_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes,
                         uint32_t count, struct ps_error *error)
{
    (void)backend, (void)space, (void)bytes, (void)count, (void)error;
    return true;
}

static bool plan_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    (void)backend, (void)bytes, (void)error;
    return true;
}

static bool plan_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error)
{
    (void)error;
    const struct ps_backend *like = backend->like;
    if (like->ops->launch_bytes)
        backend->launch_bytes = ps_max_u64(backend->launch_bytes, like->ops->launch_bytes(like, launch));
    return true;
}

static void *plan_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error)
{
    (void)backend, (void)to, (void)error;
    return 0;
}

static bool plan_nothing(struct ps_backend *backend, struct ps_error *error)
{
    (void)backend, (void)error;
    return true;
}

static bool plan_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error)
{
    (void)backend, (void)from, (void)to, (void)error;
    return true;
}

static void plan_close(struct ps_backend *backend)
{
    (void)backend;
}

static const struct ps_backend_ops plan_ops = {
    .name = "plan",
    .close = plan_close,
    .reserve = plan_reserve,
    .reserve_staging = plan_reserve_staging,
    .launch = plan_launch,
    .upload_begin = plan_upload_begin,
    .upload_end = plan_nothing,
    .download = plan_download,
    .finish = plan_nothing,
};

struct ps_backend ps_plan_backend(const struct ps_backend *like)
{
    return (struct ps_backend){.ops = &plan_ops,
                               .segment_limit = like->segment_limit,
                               .staging_needed = like->staging_needed,
                               .matrices_staged = like->matrices_staged,
                               .plan_only = true,
                               .like = like};
}
