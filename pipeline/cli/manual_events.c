#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/manual.h"

/* Where a schema is defined: "params" of "#/$defs/params"; null for one without a name. */
static const char *name_of(const json_t *schema)
{
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    return reference ? strrchr(reference, '/') + 1 : NULL;
}

static void write_type(FILE *page, const json_t *schema);

/* "f32, f16 or bf16", or the same of types. */
static void write_alternatives(FILE *page, const json_t *list)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        fputs(!i ? "" : i + 1 < json_array_size(list) ? ", " : " or ", page);
        if (json_is_string(item))
            cli_manual_text(page, json_string_value(item));
        else
            write_type(page, item);
    }
}

static void write_constant(FILE *page, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    cli_manual_text(page, text ? text : "");
    free(text);
}

static void write_type(FILE *page, const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type"), *value = json_object_get(schema, "const");
    const char *name = name_of(schema);
    if (name)
        fprintf(page, "_%s_", name);
    else if (value)
        write_constant(page, value);
    else if (json_object_get(schema, "enum"))
        write_alternatives(page, json_object_get(schema, "enum"));
    else if (json_object_get(schema, "oneOf"))
        write_alternatives(page, json_object_get(schema, "oneOf"));
    else if (json_is_array(type))
        write_alternatives(page, type);
    else if (!strcmp(json_string_value(type), "array")) {
        fputs("array of ", page);
        write_type(page, json_object_get(schema, "items"));
    } else
        cli_manual_text(page, json_string_value(type));
}

static bool is_required(const json_t *object, const char *member)
{
    const json_t *name;
    size_t i;
    json_array_foreach(json_object_get(object, "required"), i,
                       name) if (!strcmp(json_string_value(name), member)) return true;
    return false;
}

static void write_object(FILE *page, const char *name, const json_t *object)
{
    const char *commands = json_string_value(json_object_get(object, "x-commands")), *key;
    json_t *member;
    fprintf(page, "## %s\n\n", name);
    cli_manual_text(page, json_string_value(json_object_get(object, "description")));
    if (commands) {
        fputs(" Commands: ", page);
        cli_manual_text(page, commands);
        fputc('.', page);
    }
    fputs("\n\n", page);
    json_object_foreach(json_object_get(object, "properties"), key, member)
    {
        if (!strcmp(key, "v") || !strcmp(key, "event"))
            continue;
        fputc('*', page);
        cli_manual_text(page, key);
        fputs("* (", page);
        write_type(page, member);
        fputs(is_required(object, key) ? ")\n\t" : ", not always there)\n\t", page);
        cli_manual_text(page, json_string_value(json_object_get(member, "description")));
        fputs("\n\n", page);
    }
}

static bool is_event(const json_t *schema, const char *name)
{
    const json_t *event;
    size_t i;
    json_array_foreach(json_object_get(schema, "oneOf"), i,
                       event) if (!strcmp(name_of(event), name)) return true;
    return false;
}

static void write_objects(FILE *page, const json_t *schema, bool events)
{
    const char *name;
    json_t *object;
    json_object_foreach(json_object_get(schema, "$defs"), name, object) if (is_event(schema, name) == events)
        write_object(page, name, object);
}

void cli_manual_events(FILE *page, const json_t *schema)
{
    write_objects(page, schema, true);
}

void cli_manual_objects(FILE *page, const json_t *schema)
{
    write_objects(page, schema, false);
}

/* Whether `command` is one of a list with commas between. */
static bool is_listed(const char *list, const char *command)
{
    const size_t length = strlen(command);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (!strncmp(at, command, length) && (!at[length] || at[length] == ','))
            return true;
    }
    return false;
}

void cli_manual_events_of(FILE *page, const json_t *schema, const char *command)
{
    const char *name;
    json_t *object;
    bool any = false;
    fputs("With *--json*: ", page);
    json_object_foreach(json_object_get(schema, "$defs"), name, object)
    {
        const char *commands = json_string_value(json_object_get(object, "x-commands"));
        if (!commands || !is_listed(commands, command))
            continue;
        fprintf(page, "%s*", any ? ", " : "");
        cli_manual_text(page, name);
        fputc('*', page);
        any = true;
    }
    fputs(", and *error* where it fails; *packshot-events*(7) describes them.\n\n", page);
}
