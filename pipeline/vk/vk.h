/* The interpreter that runs launches on a Vulkan device; the only room that sees Vulkan. */
#ifndef PS_VK_VK_H
#define PS_VK_VK_H

#include "base/log.h"
#include "run/backend.h"

/* Which trials of variants have their results spoilt: those of all launches, of weights in whole numbers, of convolutions in
 * phases, or of those stored as bfloat16. Or coop2 seems to take a hundred times as long. */
enum ps_vk_spoil {
    PS_VK_SPOIL_NONE,
    PS_VK_SPOIL_ALL,
    PS_VK_SPOIL_Q8,
    PS_VK_SPOIL_PHASES,
    PS_VK_SPOIL_BF16,
    PS_VK_SPOIL_PACE
};

struct ps_vk_stand_in;

/* How a device is opened. Zero is the default of every field. */
struct ps_vk_params {
    /* "auto" or null: the first real GPU, else a software device; an index; a part of a name, in any case. */
    const char *selector;
    struct ps_log log;
    /* Under the Khronos validation layer, synchronisation included. It may log from threads of its own. Variants whose
     * extensions the layer is too old for are not used. */
    bool validate;

    /* Null: each kernel's variant that is fastest on the device. PS_VK_OWN: no variants. Else the name of the
     * one to use wherever it can be, and no other: for tests, and to find a fault. */
    const char *variant;

    /* A folder, made where it is missing, that keeps what is found out about a device and driver: which variants
     * are sound, how fast their tiles are, and compiled pipelines. Null: each open finds out anew. */
    const char *cache;

    /* For tests. */
    bool try_all; /* variants are tried that would not be: on software devices, and those asked for by name */
    enum ps_vk_spoil spoil_trials;
    const struct ps_vk_stand_in *stand_in; /* shaders of "coop2"; see vk/spirv.h */
    bool stage; /* transfers pass through staging memory even where the device's own can be mapped */
    uint32_t
        tile; /* of the variant's tiles the one to take wherever it can be, counted from 1; 0: the best */
    uint64_t dispatch_flops; /* the most that one dispatch does, where not the device's own bound */
    uint64_t timeout_ns;     /* how long one wait may take, where not the device's own bound */
};

#define PS_VK_OWN "own"

/* Opens a device; null with the reason in `error`: PS_ERR_DEVICE, PS_ERR_MEMORY,
 * PS_ERR_USAGE for a variant that no kernel has. Close with ops->close. */
struct ps_backend *ps_vk_open(const struct ps_vk_params *params, struct ps_error *error);

/* The device in use; valid until it is closed. */
const struct ps_device *ps_vk_device(const struct ps_backend *backend);

/* Messages that the validation layer has given. */
uint64_t ps_vk_messages(const struct ps_backend *backend);

/* What was recorded or handed over again so far, for tests of their number. Pipelines, barriers and shaders count once, where
 * they were recorded. */
struct ps_vk_counts {
    uint64_t dispatches, barriers, submissions, pipelines;
    uint64_t by_variant;  /* dispatches recorded by other shaders than a kernel's own */
    const char *shader;   /* of the last dispatch recorded */
    uint64_t uploads;     /* copies of weights on a queue of their own */
    uint64_t round_trips; /* the host waited for bytes that the device was still at work on */
    uint64_t replays;     /* of the submissions, those of commands that had been recorded before */
};
struct ps_vk_counts ps_vk_counts(const struct ps_backend *backend);

/* Bytes that can still be reserved at this time, as far as the driver tells. */
uint64_t ps_vk_free_bytes(const struct ps_backend *backend);

/* Writes up to `capacity` devices and returns how many there are; where there are none, `note` says why. */
size_t ps_vk_devices(struct ps_device *devices, size_t capacity, char *note, size_t note_size);

#endif
