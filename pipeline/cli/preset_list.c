#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guess.h"
#include "cli/preset.h"

static int is_preset(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && !strcmp(entry->d_name + length - 4, ".ini");
}

/* Adds a name, which is taken over, unless a stronger place has it. */
static void add(struct cli_preset_list *list, char *name, size_t place)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->presets[i].name, name)) {
            list->presets[i].hides++;
            free(name);
            return;
        }
    if (list->count == CLI_PRESET_NAMES) {
        free(name);
        return;
    }
    list->presets[list->count].name = name;
    list->presets[list->count].place = place;
    list->presets[list->count++].hides = 0;
}

static void add_folder(struct cli_preset_list *list, const char *folder, size_t place)
{
    struct dirent **entries;
    const int count = *folder ? scandir(folder, &entries, is_preset, alphasort) : -1;
    if (count < 0)
        return;
    for (int i = 0; i < count; i++) {
        char *name = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - 4);
        if (name)
            add(list, name, place);
        free(entries[i]);
    }
    free(entries);
}

void cli_preset_list_make(struct cli_preset_list *list, const struct cli_place places[CLI_PLACES])
{
    list->count = 0;
    for (size_t i = 0; i < CLI_PLACES; i++)
        add_folder(list, places[i].presets, i);
}

void cli_preset_list_free(struct cli_preset_list *list)
{
    while (list->count)
        free(list->presets[--list->count].name);
}

static const char *name_of(const void *from, size_t i)
{
    const struct cli_preset_list *list = from;
    return i < list->count ? list->presets[i].name : NULL;
}

void cli_preset_describe_unknown(char *to, size_t size, const char *name,
                                 const struct cli_place places[CLI_PLACES])
{
    struct cli_preset_list list;
    cli_preset_list_make(&list, places);
    const char *guess = ps_guess(name, name_of, &list);
    snprintf(to, size, "there is no preset \"%.64s\"%s%s%s", name, guess ? "; did you mean " : "",
             guess ? guess : "", guess ? "?" : "");
    cli_preset_list_free(&list);
}
