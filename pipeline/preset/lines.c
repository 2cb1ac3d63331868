#include "preset/lines.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

/* Of inih's line buffer: a line end and the terminator. */
enum { INIH_SPARE = 2 };

/* A byte order mark in UTF-8. */
static const char mark[] = "\xef\xbb\xbf";

struct reading {
    struct ps_ini *ini;
    const char *section;
    uint32_t line;            /* that is being read */
    size_t longest;           /* bytes of a line that inih takes whole */
    bool full, out_of_memory; /* either ends the reading */
    /* What inih found in the line. */
    bool found;
    const char *name, *key, *value;
};

/* inih's own limit is a constant of its build. Debian's build made it a variable, which is always set to the same. */
static size_t longest_line(void)
{
#ifdef PACKSHOT_INIH_VARIABLES
    ini_max_line = PS_INI_LINE + INIH_SPARE;
    return PS_INI_LINE;
#else
    return INI_MAX_LINE - INIH_SPARE;
#endif
}

static void complain(struct reading *reading, size_t column, const char *id, const char *hint,
                     const char *what)
{
    ps_ini_complain(reading->ini, reading->line, (uint32_t)column, id, hint, "%s", what);
    reading->full = reading->ini->problem_count == PS_INI_PROBLEMS;
}

static const char *keep(struct reading *reading, const char *text)
{
    const char *kept = ps_ini_keep(reading->ini, text, strlen(text));
    reading->out_of_memory = reading->out_of_memory || !kept;
    return kept;
}

/* inih's callback; 0 would be an error of the line. */
static int on_found(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    reading->found = true;
    reading->name = keep(reading, section);
    reading->key = keep(reading, key);
    reading->value = keep(reading, value);
    return 1;
}

/* Lets inih read, a line at a time: it reports no line numbers, and takes an indented line for more of the value
 * before. False where it sees an error. */
static bool ask_inih(struct reading *reading, const char *text)
{
    reading->found = false;
    return ini_parse_string(text, on_found, reading) == 0;
}

static void add_section(struct reading *reading)
{
    struct ps_ini *ini = reading->ini;
    for (size_t i = 0; i < ini->section_count; i++) {
        if (strcmp(ini->sections[i].name, reading->name))
            continue;
        ps_ini_complain(ini, reading->line, 1, "ini.duplicate", "put the keys of both together",
                        "section [%s] stands here a second time; the first is in line %u", reading->name,
                        ini->sections[i].line);
        reading->section = ini->sections[i].name;
        return;
    }
    if (ini->section_count == PS_INI_ENTRIES) {
        complain(reading, 1, "ini.too-large", NULL, "more sections than an INI file may have");
        reading->full = true;
        return;
    }
    reading->section = reading->name;
    ini->sections[ini->section_count++] = (struct ps_ini_section){reading->section, reading->line};
}

/* inih tells of a section only with a key in it, so a nameless key follows; what stands after the ] it ignores. */
static void read_section(struct reading *reading, const char *text, size_t column)
{
    char lines[PS_INI_LINE + 8];
    const size_t length = strlen(text);
    memcpy(lines, text, length);
    memcpy(lines + length, "\n=\n", sizeof "\n=\n");
    if (!ask_inih(reading, lines)) {
        complain(reading, column, "ini.syntax", "a section is written as [name]",
                 "the section's name has no ] after it");
        return;
    }
    if (reading->out_of_memory)
        return;
    const char *rest = strchr(text, ']') + 1;
    if (strlen(reading->name) != (size_t)(rest - 1 - (text + 1))) {
        complain(reading, column, "ini.syntax", NULL, "the section's name is too long");
        return;
    }
    rest += strspn(rest, " \t");
    if (*rest && *rest != ';')
        complain(reading, column + (size_t)(rest - text), "ini.syntax", "write it in the next line",
                 "more text after the section's name");
    add_section(reading);
}

static void add_entry(struct reading *reading, size_t key_column, size_t value_column)
{
    struct ps_ini *ini = reading->ini;
    const struct ps_ini_entry *first = ps_ini_find(ini, reading->section, reading->key);
    if (first) {
        ps_ini_complain(ini, reading->line, (uint32_t)key_column, "ini.duplicate", "keep one of them",
                        "%s stands here a second time; the first is in line %u", reading->key, first->line);
        return;
    }
    if (ini->entry_count == PS_INI_ENTRIES) {
        complain(reading, key_column, "ini.too-large", NULL, "more keys than an INI file may have");
        reading->full = true;
        return;
    }
    ini->entries[ini->entry_count++] = (struct ps_ini_entry){.section = reading->section,
                                                             .key = reading->key,
                                                             .value = reading->value,
                                                             .line = reading->line,
                                                             .key_column = (uint32_t)key_column,
                                                             .value_column = (uint32_t)value_column};
}

static void read_key(struct reading *reading, const char *text, size_t column)
{
    const bool understood = ask_inih(reading, text);
    if (reading->out_of_memory || (understood && !reading->found))
        return;
    if (!understood) {
        complain(reading, column, "ini.syntax",
                 "a setting is written as key = value, a comment begins with ;",
                 "neither a section, nor a key with a value, nor a comment");
        return;
    }
    if (!*reading->key) {
        complain(reading, column, "ini.syntax", "a setting is written as key = value",
                 "no key before the value");
        return;
    }
    size_t value = strcspn(text, "=:") + 1;
    value += strspn(text + value, " \t");
    add_entry(reading, column, column + value);
}

/* Whether all of a line is text: UTF-8 without control characters other than the tab. */
static bool check_text(struct reading *reading, const char *text, size_t size)
{
    char what[64];
    /* inih would pass over it, and columns be wrong. */
    if (!strncmp(text, mark, sizeof mark - 1)) {
        complain(reading, 1, "ini.encoding", "remove it; files were put together",
                 "a byte order mark inside the file");
        return false;
    }
    for (size_t i = 0; i < size;) {
        const size_t bytes = text[i] == '\t' ? 1 : ps_character(text + i, false);
        i += bytes;
        if (bytes)
            continue;
        const unsigned byte = (unsigned char)text[i];
        snprintf(what, sizeof what,
                 byte < 0x80 ? "the control character \\x%02x" : "the byte \\x%02x is not UTF-8", byte);
        complain(reading, i + 1, "ini.encoding",
                 byte < 0x80 ? "only text can stand in an INI file"
                             : "save the file as UTF-8, not as Latin-1 or ANSI",
                 what);
        return false;
    }
    return true;
}

static void read_line(struct reading *reading, const char *raw, size_t size)
{
    char line[PS_INI_LINE + 1], what[80];
    if (size && raw[size - 1] == '\r')
        size--;
    if (size > reading->longest) {
        snprintf(what, sizeof what, "a line of %zu bytes; %zu are the most", size, reading->longest);
        complain(reading, reading->longest + 1, "ini.too-large", NULL, what);
        return;
    }
    memcpy(line, raw, size);
    line[size] = '\0';
    if (!check_text(reading, line, size))
        return;
    const size_t indent = strspn(line, " \t");
    if (line[indent] == '[')
        read_section(reading, line + indent, indent + 1);
    else
        read_key(reading, line + indent, indent + 1);
}

static bool is_utf16(const unsigned char *bytes, size_t size)
{
    if (size < 2)
        return false;
    const bool marked = (bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff);
    return marked || !bytes[0] != !bytes[1];
}

enum ps_status ps_ini_read_lines(struct ps_ini *ini, const char *bytes, size_t size, struct ps_error *error)
{
    struct reading reading = {.ini = ini, .section = "", .line = 1, .longest = longest_line()};
    if (is_utf16((const unsigned char *)bytes, size)) {
        complain(&reading, 1, "ini.encoding", "save the file as UTF-8", "the file is UTF-16");
        return PS_OK;
    }
    const size_t length = sizeof mark - 1;
    size_t at = size >= length && !memcmp(bytes, mark, length) ? length : 0;
    for (; at < size && !reading.full && !reading.out_of_memory; reading.line++) {
        const char *end = memchr(bytes + at, '\n', size - at);
        const size_t line = end ? (size_t)(end - bytes) - at : size - at;
        read_line(&reading, bytes + at, line);
        at += line + 1;
    }
    return reading.out_of_memory
               ? ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to read it", ini->name)
               : PS_OK;
}
