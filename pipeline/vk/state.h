/* The state of an open device, shared by the files of this room. */
#ifndef PS_VK_STATE_H
#define PS_VK_STATE_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <stdatomic.h>

#include "run/arena.h"
#include "vk/check.h"
#include "vk/coop.h"
#include "vk/coop2.h"
#include "vk/flexible.h"
#include "vk/hazard.h"
#include "vk/variant.h"
#include "vk/vk.h"

/* Variants of linear whose tiles are timed. */
enum { PS_VK_PACES_COOP, PS_VK_PACES_COOP2, PS_VK_PACED };
_Static_assert(PS_VK_COOP_TILES <= PS_VK_TILES && PS_VK_COOP2_TILES <= PS_VK_TILES, "tiles of a variant");

#define PS_VK_INSTALL_HINT                                                                                   \
    "Install a Vulkan driver; on Debian and Ubuntu: apt install libvulkan1 mesa-vulkan-drivers"

/* Function pointers of one context, so that contexts share none. */
struct ps_vk_functions {
#define PS_VK_ENTRY(name) PFN_vk##name name;
#define PS_VK_INSTANCE PS_VK_ENTRY
#define PS_VK_OPTIONAL PS_VK_ENTRY
#define PS_VK_DEVICE PS_VK_ENTRY
#include "vk/functions.def"
#undef PS_VK_ENTRY
#undef PS_VK_INSTANCE
#undef PS_VK_OPTIONAL
#undef PS_VK_DEVICE
};

/* A buffer with memory of its own. */
struct ps_vk_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    VkDeviceAddress address;
    uint64_t bytes;     /* usable */
    uint64_t allocated; /* with the driver's rounding */
    unsigned char *mapped;
};

/* One submission: launches recorded together, and what they touch. Those of a queue's ring are recorded again and again,
 * those of a repeat once. */
#define PS_VK_SLOTS 4
#define PS_VK_SLOT_LAUNCHES 64
#define PS_VK_SLOT_RANGES (PS_VK_SLOT_LAUNCHES * PS_MAX_OPERANDS)

struct ps_vk_slot {
    VkCommandBuffer commands;
    VkFence fence;
    VkQueryPool clock; /* two timestamps, at begin and end; null where the queue has none */
    enum { PS_VK_IDLE, PS_VK_RECORDING, PS_VK_PENDING } stage;
    uint32_t launches;
    uint64_t number;  /* of this submission, once it is handed over */
    uint64_t awaited; /* the other queue's submission that it waits for; 0: none */
    uint64_t work;    /* operations, bytes counted as some */
    VkPipeline bound;
    uint32_t upto;   /* of a repeat's launches, one behind the last that has a piece here */
    uint32_t pieces; /* of that last one, here and before */
    uint32_t range_count;
    struct ps_range ranges[PS_VK_SLOT_RANGES];
};

/* A queue, with a ring of submissions, numbered from 1. Commands of two queues meet where their bytes do: the later one's
 * submission waits for the earlier one's. */
struct ps_vk_queue {
    VkQueue handle;
    VkPipelineStageFlags stages; /* that its commands touch memory in */
    VkCommandPool pool;
    VkSemaphore reached; /* its value is the last submission that is done; null where there is one queue */
    uint64_t submitted;  /* the last submission */
    uint64_t retired;    /* the last that the host has waited for */
    uint64_t awaited;    /* the other queue's last submission that this one has waited for */
    struct ps_vk_slot slots[PS_VK_SLOTS];
    struct ps_vk_slot
        *ring[PS_VK_SLOTS]; /* submissions under way: of `slots`, each in its place, or of a repeat */
    uint32_t at; /* in the ring, the place of what comes next; what is under way there is the oldest */
    bool behind; /* the next command comes behind a barrier, whatever it touches */
    struct ps_hazards hazards;
};
enum { PS_VK_COMPUTE, PS_VK_UPLOAD, PS_VK_QUEUES };

/* Launches between repeat_begin and repeat_end, and the submissions that they were recorded into. */
struct ps_vk_repeat {
    enum {
        PS_VK_APART,     /* not between them; or what is launched is not to be kept */
        PS_VK_KEEPING,   /* recorded, to be kept */
        PS_VK_REPLAYING, /* held against what was kept, and handed over again */
    } stage;
    bool is_kept;    /* from one repeat_begin to its end */
    uint32_t at;     /* launches so far, of this time */
    uint32_t handed; /* slots handed over, of this time */
    uint32_t launch_count, launch_capacity, slot_count, slot_capacity;
    struct ps_launch *launches;
    struct ps_vk_slot **slots;
};

struct ps_vk_pipelines {
    VkPipelineCache cache;
    size_t kept_bytes; /* of the cache as it was found */
    VkPipelineLayout layout;
    struct ps_vk_pipeline *entries; /* open addressing; capacity is a power of two */
    uint32_t count, capacity;
};

struct ps_vk {
    struct ps_backend base;
    struct ps_vk_functions fn;
    struct ps_log log;
    atomic_uint_least64_t messages; /* of the validation layer, which has threads of its own */

    VkInstance instance;
    VkDebugUtilsMessengerEXT messenger;
    uint32_t known_version; /* of Vulkan, by the validation layer; UINT32_MAX without it */
    VkPhysicalDevice physical;
    VkDevice device;
    uint32_t queue_count; /* PS_VK_QUEUES where uploads of weights have a queue of their own, else 1 */
    uint32_t families[PS_VK_QUEUES];
    struct ps_vk_queue queues[PS_VK_QUEUES];
    struct ps_device info;
    VkPhysicalDeviceType kind;
    bool has_budget;     /* VK_EXT_memory_budget */
    bool full_subgroups; /* pipelines can ask for them */
    uint32_t max_groups[3];
    uint32_t subgroup; /* lanes; a shader's own where full_subgroups, else what the driver says is usual */
    uint32_t shared_bytes; /* of a work group */
    uint32_t max_lanes;    /* of a work group */
    bool fixed_subgroup;   /* pipelines can ask for subgroups of that size */
    bool half_arithmetic;  /* shaders can compute in float16 */
    struct ps_vk_matrix matrix;
    bool has_bfloat16;            /* it is one for bfloat16 too */
    struct ps_vk_matrix flexible; /* what sizes are multiples of where it has any size and reduces rows */
    struct ps_vk_wide wide;       /* likewise of the matrices of a work group */
    uint32_t tile;                /* as ps_vk_params.tile */
    struct ps_vk_pace paces[PS_VK_PACED][PS_VK_TILES]; /* of the tiles of linear_coop and linear_coop2 */
    uint32_t unequal;      /* tiles of coop2, by bits, whose results are not bit for bit those of the first */
    uint32_t variants;     /* in use, by bits: see variant.c */
    uint32_t not_bfloat16; /* of them, those that are not for bfloat16 */
    uint64_t dispatch_flops; /* the most that one dispatch does */
    uint64_t timeout_ns;     /* of one wait */

    char *cache;  /* the folder for what is kept; null: nothing is */
    uint64_t key; /* of device, driver and shaders, for what is kept */
    bool try_all; /* as ps_vk_params, like the next */
    enum ps_vk_spoil spoil_trials;
    const struct ps_vk_stand_in *stand_in;

    uint32_t device_memory, staging_memory; /* memory types */
    struct {
        uint32_t count;
        struct ps_vk_buffer segments[PS_MAX_SEGMENTS];
    } spaces[PS_SPACES];
    struct ps_vk_buffer staging;
    uint64_t staging_head;   /* bytes; where the next upload begins */
    struct ps_tensor upload; /* the one between its begin and end */

    struct ps_vk_pipelines pipelines;

    struct ps_vk_repeat repeat;

    uint64_t clock_mask; /* of the bits of a timestamp that count; 0: the compute queue has no clock */
    double tick_seconds, busy_seconds;
    bool lost; /* the device stopped answering: nothing is handed to it any more, nor waited for */
    struct ps_vk_counts counts;
};

/* loader.c: looks functions up. */
bool ps_vk_load_entry(struct ps_vk_functions *fn, struct ps_error *error);
bool ps_vk_load_instance(struct ps_vk *vk, struct ps_error *error);
bool ps_vk_load_device(struct ps_vk *vk, struct ps_error *error);

/* instance.c */
bool ps_vk_instance_open(struct ps_vk *vk, bool validate, struct ps_error *error);
void ps_vk_instance_close(struct ps_vk *vk);

/* device.c */
bool ps_vk_device_open(struct ps_vk *vk, const char *selector, struct ps_error *error);
void ps_vk_device_close(struct ps_vk *vk);

/* memory.c */
bool ps_vk_memory_open(struct ps_vk *vk, bool stage, struct ps_error *error);
bool ps_vk_buffer_create(struct ps_vk *vk, uint64_t bytes, bool staging, struct ps_vk_buffer *buffer,
                         struct ps_error *error);
void ps_vk_buffer_destroy(struct ps_vk *vk, struct ps_vk_buffer *buffer);

/* The device addresses of a tensor's bytes and (if asked) the buffer that they lie in. */
bool ps_vk_locate(struct ps_vk *vk, struct ps_tensor t, struct ps_range *range,
                  const struct ps_vk_buffer **buffer, struct ps_error *error);

/* pipeline.c */
bool ps_vk_pipelines_open(struct ps_vk *vk, struct ps_error *error);
void ps_vk_pipelines_close(struct ps_vk *vk);
/* The pipeline of a shader for a type and specialisation constants; null after an error. */
VkPipeline ps_vk_pipeline(struct ps_vk *vk, const struct ps_vk_choice *choice, enum ps_type type,
                          struct ps_error *error);

/* kept.c: bytes under a name of the folder `cache`, for this key. What cannot be read or written is not there; a
 * warning is logged for what cannot be written. What is read is to be freed. */
#define PS_VK_HASH_BEGIN 14695981039346656037u /* FNV-1a of 64 bits */
uint64_t ps_vk_hash(uint64_t hash, const void *bytes, size_t count);
void *ps_vk_kept_read(const struct ps_vk *vk, const char *name, size_t *bytes);
void ps_vk_kept_write(const struct ps_vk *vk, const char *name, const void *content, size_t bytes);

/* trial.c: takes variants out of use that compute wrong results, and times tiles. Before any memory is reserved. */
bool ps_vk_trials(struct ps_vk *vk, struct ps_error *error);

/* record.c */
bool ps_vk_recorder_open(struct ps_vk *vk, struct ps_error *error);
void ps_vk_recorder_close(struct ps_vk *vk);
/* The slot of a queue to record a command in that makes these accesses, behind whatever it must wait for; null after an
 * error. */
struct ps_vk_slot *ps_vk_record(struct ps_vk *vk, struct ps_vk_queue *queue, const struct ps_range *ranges,
                                uint32_t count, struct ps_error *error);
/* Hands over what has been recorded. */
bool ps_vk_submit(struct ps_vk *vk, struct ps_vk_queue *queue, struct ps_error *error);
/* Waits until nothing recorded or handed over accesses the range, the whole of memory where it is null. */
bool ps_vk_wait(struct ps_vk *vk, const struct ps_range *range, struct ps_error *error);
/* Before a close: waits for what the device works on, also for a lost one. False where it does not get through. */
bool ps_vk_drain(struct ps_vk *vk);
/* A slot of the compute queue beyond those of its ring, for ps_vk_resubmit; freed with ps_vk_slot_free, when it is not under
 * way. Null after an error. */
struct ps_vk_slot *ps_vk_slot_new(struct ps_vk *vk, struct ps_error *error);
void ps_vk_slot_free(struct ps_vk *vk, struct ps_vk_slot *slot);
/* Hands a slot's commands over once more; nothing may be recorded that has not been submitted. */
bool ps_vk_resubmit(struct ps_vk *vk, struct ps_vk_slot *slot, struct ps_error *error);

/* repeat.c: calls of ps_backend_ops. */
bool ps_vk_repeat_begin(struct ps_backend *backend, struct ps_error *error);
bool ps_vk_repeat_end(struct ps_backend *backend, struct ps_error *error);
/* Of a launch between them: whether commands that were kept stand for it. If not, and there is no error, it is to be
 * recorded. */
bool ps_vk_repeat_covers(struct ps_vk *vk, const struct ps_launch *launch, struct ps_error *error);
/* The slot that is to be recorded next, where it is one to keep; else null, as after an error. */
struct ps_vk_slot *ps_vk_repeat_slot(struct ps_vk *vk, const struct ps_vk_queue *queue,
                                     struct ps_error *error);
/* Before the host touches memory, or copies: launches before that are the device's, and nothing is kept. */
bool ps_vk_repeat_leave(struct ps_vk *vk, struct ps_error *error);
/* Forgets what is kept; nothing of it may be under way. */
void ps_vk_repeat_forget(struct ps_vk *vk);

/* dispatch.c: records a launch, without the first so many of the dispatches that it is cut into. */
bool ps_vk_dispatch(struct ps_vk *vk, const struct ps_launch *launch, uint32_t skipped,
                    struct ps_error *error);

/* dispatch.c and transfer.c: calls of ps_backend_ops. */
bool ps_vk_launch(struct ps_backend *backend, const struct ps_launch *launch, struct ps_error *error);
void *ps_vk_upload_begin(struct ps_backend *backend, struct ps_tensor to, struct ps_error *error);
bool ps_vk_upload_end(struct ps_backend *backend, struct ps_error *error);
bool ps_vk_download(struct ps_backend *backend, struct ps_tensor from, void *to, struct ps_error *error);

#endif
