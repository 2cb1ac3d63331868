/* Spies before the functions of the driver: they note each command that the Vulkan interpreter records, with the bytes that it
 * touches, taken from its push constants, and each submission. Of two commands of which one writes what the other touches, a
 * barrier must stand between, or in two queues a wait; and the host must not be handed memory that something not waited for
 * still touches. No layer checks that for accesses by device address. */
#ifndef RUNROOM_SPY_H
#define RUNROOM_SPY_H

#include "vk/state.h"

#define SPY_COMMANDS 60000
#define SPY_SUBMISSIONS 60000

struct spy_command {
    bool barrier; /* a full one; it touches nothing itself */
    bool again;   /* handed over before */
    VkCommandBuffer owner;
    uint32_t queue;
    uint32_t submission;
    uint32_t count;
    struct ps_range ranges[3];
};

/* What the spies saw. The driver's functions have no argument to carry it. */
struct spy {
    struct ps_vk *vk;
    struct ps_vk_functions real;
    uint32_t push[32];
    uint32_t command_count, submission_count;
    struct spy_command commands[SPY_COMMANDS];
    struct {
        VkFence fence;
        VkCommandBuffer commands;
        bool waited, host_barrier;
        uint64_t number, awaited; /* of the other queue, by this one or one before it */
    } submissions[SPY_SUBMISSIONS];
    uint64_t awaited[PS_VK_QUEUES];
    bool host_barrier[PS_VK_QUEUES];
    uint64_t groups; /* of all dispatches */
};
extern struct spy spy;

/* Places the spies, which have seen nothing yet. Every launch from here on is a blend. */
void spy_install(struct ps_backend *backend);

/* Holds every two commands against each other. `repeats` barriers, and as many as hazards cannot be remembered for, may be there
 * without need. Returns how many were recorded. */
uint32_t spy_check_commands(uint32_t repeats);

/* The host is about to write (or read) the range: no command that clashes may still be under way. */
void spy_check_host_access(struct ps_range range);

/* The range of device addresses of memory that the host was handed. */
struct ps_range spy_host_range(const void *at, uint64_t bytes, bool write);

#endif
