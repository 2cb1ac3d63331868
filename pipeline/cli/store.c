#include "cli/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format.h"
#include "cli/value.h"

static bool store_choice(const struct cli_option *option, const char *value, int *to)
{
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(value, option->choices[i]))
            continue;
        *to = (int)option->low + i;
        return true;
    }
    return false;
}

static bool store_whole(const struct cli_option *option, const char *value, uint32_t *to)
{
    uint64_t whole;
    if (option->kind == CLI_AUTO_WHOLE && !strcmp(value, "auto")) {
        *to = 0;
        return true;
    }
    if (!cli_read_whole(value, (uint64_t)option->low, (uint64_t)option->high, &whole) ||
        (option->step && whole % option->step))
        return false;
    *to = (uint32_t)whole;
    return true;
}

static bool store_real(const struct cli_option *option, const char *value, float *to)
{
    double real;
    if (!cli_read_real(value, option->low, option->high, &real))
        return false;
    *to = (float)real;
    if (option->kind == CLI_AMOUNT && !(*to > 0))
        *to = -1;
    return true;
}

static bool store_span(const struct cli_option *option, const char *value, float to[2])
{
    char first[64];
    const char *colon = strchr(value, ':');
    if (!colon || (size_t)(colon - value) >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(colon - value), value);
    return store_real(option, first, &to[0]) && store_real(option, colon + 1, &to[1]);
}

static bool store_focus(const struct cli_option *option, const char *text, struct cli_focus *to)
{
    to->how = strcmp(text, "auto") ? PS_FOCUS_POINT : PS_FOCUS_AUTO;
    return to->how == PS_FOCUS_AUTO || store_span(option, text, to->at);
}

static bool store_pair(const struct cli_option *option, const char *value, uint32_t to[2])
{
    char first[16];
    uint64_t sides[2];
    const size_t length = strcspn(value, "x");
    snprintf(first, sizeof first, "%.*s", (int)(length < sizeof first ? length : sizeof first), value);
    if (!value[length] || length >= sizeof first ||
        !cli_read_whole(first, (uint64_t)option->low, (uint64_t)option->high, &sides[0]) ||
        !cli_read_whole(value + length + 1, (uint64_t)option->low, (uint64_t)option->high, &sides[1]))
        return false;
    to[0] = (uint32_t)sides[0];
    to[1] = (uint32_t)sides[1];
    return true;
}

static bool store_shard(const struct cli_option *option, const char *value, struct cli_shard *to)
{
    char part[16];
    uint64_t numbers[2];
    const size_t length = strcspn(value, "/");
    snprintf(part, sizeof part, "%.*s", (int)(length < sizeof part ? length : sizeof part), value);
    if (!value[length] || length >= sizeof part ||
        !cli_read_whole(value + length + 1, 1, (uint64_t)option->high, &numbers[1]) ||
        !cli_read_whole(part, 1, numbers[1], &numbers[0]))
        return false;
    *to = (struct cli_shard){(uint32_t)numbers[0], (uint32_t)numbers[1]};
    return true;
}

static bool store_rate(const struct cli_option *option, const char *value, struct ps_rate *to)
{
    return cli_read_rate(value, &to->num, &to->den) && to->num >= option->low * to->den &&
           to->num <= option->high * to->den;
}

static bool store_list(const struct cli_option *option, const char *value, struct cli_list *to)
{
    static const double largest = 1e6;
    const size_t capacity = (size_t)option->high;
    free(to->values);
    *to = (struct cli_list){malloc(capacity * sizeof *to->values), 0};
    while (to->values && to->count < capacity) {
        char item[64];
        double real;
        const size_t length = strcspn(value, ",");
        snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item), value);
        if (length >= sizeof item || !cli_read_real(item, 0, largest, &real))
            return false;
        to->values[to->count++] = (float)real;
        value += length;
        if (!*value++)
            return to->count >= (uint32_t)option->low;
    }
    return false;
}

static bool store_flag(const char *value, bool *to)
{
    *to = !strcmp(value, "yes");
    return *to || !strcmp(value, "no");
}

bool cli_store(const struct cli_option *option, const char *text, void *values)
{
    void *to = (char *)values + option->offset;
    switch (option->kind) {
    case CLI_FLAG:
        return store_flag(text, to);
    case CLI_TEXT:
    case CLI_PATH:
        *(const char **)to = text;
        return *text != '\0';
    case CLI_CHOICE:
        return store_choice(option, text, to);
    case CLI_WHOLE:
    case CLI_AUTO_WHOLE:
        return store_whole(option, text, to);
    case CLI_SEED:
        return cli_read_whole(text, 0, UINT64_MAX, to);
    case CLI_SIZE:
        return cli_read_size(text, to);
    case CLI_REAL:
    case CLI_AMOUNT:
        return store_real(option, text, to);
    case CLI_PAIR:
        return store_pair(option, text, to);
    case CLI_RATE:
        return store_rate(option, text, to);
    case CLI_SPAN:
        return store_span(option, text, to);
    case CLI_FOCUS:
        return store_focus(option, text, to);
    case CLI_FORMATS:
        return cli_read_formats(text, to);
    case CLI_LIST:
        return store_list(option, text, to);
    case CLI_HOURS:
        return cli_hours_read(text, to);
    case CLI_SHARD:
        return store_shard(option, text, to);
    case CLI_COLOUR:
        return cli_read_colour(text, to);
    case CLI_BACKGROUND:
        return cli_read_background(text, to);
    }
    return false;
}

bool cli_accepts(const struct cli_option *option, const char *text)
{
    max_align_t value[32] = {0};
    _Static_assert(sizeof value >= sizeof(struct cli_formats), "room for what any kind stores");
    struct cli_option alone = *option;
    alone.offset = 0;
    const bool accepted = cli_store(&alone, text, value);
    if (option->kind == CLI_LIST)
        free(((struct cli_list *)value)->values);
    return accepted;
}

bool cli_is_path(const struct cli_option *option, const char *text)
{
    struct ps_photo_params params;
    return option->kind == CLI_PATH ||
           (option->kind == CLI_BACKGROUND && cli_read_background(text, &params) &&
            params.background_kind == PS_BACKGROUND_IMAGE);
}
