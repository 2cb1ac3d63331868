#include "cli/leftovers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"

/* Characters of a job's key in the name of its state. */
enum { KEY = 16 };

#define END ".state"

char *cli_state_path(const char *folder, const char *key)
{
    char *path = NULL;
    return asprintf(&path, "%s/%.*s" END, folder, KEY, key) < 0 ? NULL : path;
}

struct states {
    char (*keys)[KEY + 1]; /* empty where it is in use */
    size_t count;
};

/* The key in the name of a state, or of a temporary of one; null for other names. */
static const char *key_in(const char *name)
{
    const bool temporary = *name == '.';
    const char *key = name + temporary, *end = key + KEY;
    if (strspn(key, "0123456789abcdef") != KEY || strncmp(end, END, sizeof END - 1) != 0)
        return NULL;
    return temporary == (end[sizeof END - 1] != '\0') ? key : NULL;
}

static void find_states(struct states *states, const char *folder)
{
    DIR *list = opendir(folder);
    const struct dirent *entry;
    while (list && (entry = readdir(list))) {
        const char *key = key_in(entry->d_name);
        char(*more)[KEY + 1] = key ? realloc(states->keys, (states->count + 1) * sizeof *more) : NULL;
        if (!more)
            continue;
        states->keys = more;
        snprintf(states->keys[states->count++], sizeof *more, "%s", key);
    }
    if (list)
        closedir(list);
}

static bool leave_in_use(void *user, const struct ps_journal_job *job)
{
    const struct states *states = user;
    for (size_t i = 0; i < states->count; i++)
        if (!strncmp(states->keys[i], job->key, KEY))
            states->keys[i][0] = '\0';
    return true;
}

static bool is_one_journals(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return !strcmp(slash ? slash + 1 : folder, ".packshot");
}

void cli_states_sweep(struct ps_journal *journal, const char *folder)
{
    const struct ps_job_filter active = {.states = 1u << PS_JOB_WAITING | 1u << PS_JOB_RUNNING};
    struct states states = {0};
    struct ps_error problem = {0};
    if (!is_one_journals(folder))
        return;
    /* Found before the journal is asked: what is begun in between is not among them. */
    find_states(&states, folder);
    if (states.count && !ps_journal_each(journal, &active, leave_in_use, &states, &problem))
        for (size_t i = 0; i < states.count; i++) {
            char *path = states.keys[i][0] ? cli_state_path(folder, states.keys[i]) : NULL;
            if (path) {
                unlink(path);
                ps_output_sweep(path, true);
            }
            free(path);
        }
    free(states.keys);
}
