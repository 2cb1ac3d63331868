#include "cli/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/paths.h"
#include "cli/value.h"
#include "cli/watch.h"

static const char *const own_keys[] = {"preset", "min-size", "hours", NULL};

static const struct cli_file_kind client_kind = {.what = "a watched folder's packshot.ini",
                                                 .scope = CLI_ANYWHERE,
                                                 .confined = true,
                                                 .own = "folder",
                                                 .own_keys = own_keys,
                                                 .own_options = cli_watch_options,
                                                 .command = "render"};

/* Lays the packshot.ini of one folder, if it has one. */
static void lay(struct cli_client *client, const char *folder)
{
    char path[CLI_PATH_SIZE];
    struct ps_ini **ini = &client->files[client->file_count];
    if (!cli_path_join(path, folder, "packshot.ini") || access(path, F_OK))
        return;
    cli_settings_layer(&client->settings);
    if (ps_ini_open(ini, path, &client->error))
        return;
    client->file_count++;
    const struct ps_ini_entry *preset = ps_ini_find(*ini, "folder", "preset");
    if (cli_read_keys(*ini, &client_kind, &client->settings, &client->error) ||
        cli_fail_file(*ini, "its first lines", &client->error))
        return;
    if (preset && cli_preset_is_file(preset->value))
        cli_fail(&client->error, PS_ERR_INPUT, "ini.value",
                 "%.200s:%u: \"%.100s\" is not the name of a preset", path, preset->line, preset->value);
    else if (preset)
        client->preset = preset->value;
    const struct ps_ini_entry *size = ps_ini_find(*ini, "folder", "min-size"),
                              *hours = ps_ini_find(*ini, "folder", "hours");
    uint64_t pixels;
    if (size && cli_read_whole(size->value, 1, UINT32_MAX, &pixels))
        client->min_size = (uint32_t)pixels;
    if (hours)
        cli_hours_read(hours->value, &client->hours);
}

/* From the watched folder inwards. */
static void lay_all(struct cli_client *client, const char *root)
{
    char path[CLI_PATH_SIZE], part[CLI_PATH_SIZE];
    lay(client, root);
    for (const char *at = client->folder; *at && !client->error.status;) {
        at += strcspn(at, "/");
        snprintf(part, sizeof part, "%.*s", (int)(at - client->folder), client->folder);
        if (cli_path_join(path, root, part))
            lay(client, path);
        at += *at == '/';
    }
}

static const char *find_name(const struct cli_preset_list *list, const char *name, size_t length)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->presets[i].name) == length && !strncmp(list->presets[i].name, name, length))
            return list->presets[i].name;
    return NULL;
}

/* The innermost folder that is called like a preset. */
static void look_at_names(struct cli_client *client)
{
    struct cli_place places[CLI_PLACES];
    struct cli_preset_list list;
    cli_places_find(places);
    cli_preset_list_make(&list, places);
    for (const char *at = client->folder; *at;) {
        const size_t length = strcspn(at, "/");
        const char *name = find_name(&list, at, length);
        if (name)
            client->preset = cli_settings_keep(&client->settings, name);
        at += length;
        at += *at == '/';
    }
    cli_preset_list_free(&list);
}

static void fill_cells(struct cli_client *client)
{
    for (const struct cli_option *option = client->settings.options; option->name; option++) {
        const char *text = cli_settings_of(&client->settings, option)->text;
        if (text)
            client->cells[client->cell_count++] =
                (struct ps_manifest_cell){.key = option->name, .value = text, .kind = PS_COLUMN_SETTING};
    }
}

static void judge(struct cli_client *client, struct cli_clients *clients)
{
    lay_all(client, clients->root);
    if (client->error.status)
        return;
    if (!client->preset)
        look_at_names(client);
    if (!client->preset)
        client->preset = clients->preset;
    fill_cells(client);
    cli_bases_find(clients->bases, clients->shared, client->preset, &client->error);
}

const struct cli_client *cli_clients_find(struct cli_clients *clients, const char *folder)
{
    struct cli_client *client = clients->list;
    while (client && strcmp(client->folder, folder) != 0)
        client = client->next;
    if (client || !(client = calloc(1, sizeof *client)))
        return client;
    client->folder = strdup(folder);
    if (!client->folder) {
        free(client);
        return NULL;
    }
    cli_settings_begin(&client->settings, cli_request_options);
    client->next = clients->list;
    clients->list = client;
    judge(client, clients);
    return client;
}

void cli_clients_free(struct cli_clients *clients)
{
    while (clients->list) {
        struct cli_client *next = clients->list->next;
        cli_settings_end(&clients->list->settings);
        for (size_t i = 0; i < clients->list->file_count; i++)
            ps_ini_close(&clients->list->files[i]);
        free(clients->list->folder);
        free(clients->list);
        clients->list = next;
    }
}
