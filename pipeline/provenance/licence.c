#include "provenance/licence.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"

enum { PATH_BYTES = 4096, CARD_BYTES = 4096, NAME_BYTES = 80 };

static const char *const files[] = {"LICENSE.md", "LICENSE", "LICENSE.txt",
                                    "LICENCE.md", "LICENCE", "LICENCE.txt"};

/* FOLDER/NAME, where FOLDER is `path` or the folder that the file `path` lies in. */
static bool beside(char to[PATH_BYTES], const char *path, const char *name)
{
    struct stat about;
    size_t length = strlen(path);
    if (stat(path, &about))
        return false;
    if (!S_ISDIR(about.st_mode)) {
        while (length && path[length - 1] != '/')
            length--;
    }
    const char *between = length && path[length - 1] != '/' ? "/" : "";
    const int written = snprintf(to, PATH_BYTES, "%.*s%s%s", (int)length, path, between, name);
    return written > 0 && written < PATH_BYTES && !stat(to, &about) && S_ISREG(about.st_mode);
}

/* The value of "KEY: VALUE" in the front matter, lines between two of "---", of a model card. */
static bool front_matter(char value[NAME_BYTES], const char *card, const char *key)
{
    const size_t length = strlen(key);
    if (strncmp(card, "---\n", 4))
        return false;
    for (const char *line = card + 4; *line && strncmp(line, "---", 3); line++) {
        if (!strncmp(line, key, length) && line[length] == ':') {
            const char *at = line + length + 1;
            at += strspn(at, " \"'");
            snprintf(value, NAME_BYTES, "%.*s", (int)strcspn(at, "\"'\r\n"), at);
            return *value != '\0';
        }
        line += strcspn(line, "\n");
        if (!*line)
            break;
    }
    return false;
}

/* Hugging Face's model cards: license_name where license is "other". */
static bool card_names(char name[NAME_BYTES], const char *path)
{
    char card_path[PATH_BYTES], card[CARD_BYTES];
    if (!beside(card_path, path, "README.md"))
        return false;
    const int fd = open(card_path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t got = pread(fd, card, sizeof card - 1, 0);
    close(fd);
    card[got > 0 ? got : 0] = '\0';
    return front_matter(name, card, "license_name") || front_matter(name, card, "license");
}

void ps_licence_note(char *note, size_t size, const char *path)
{
    char found[PATH_BYTES], name[NAME_BYTES], text[2 * NAME_BYTES];
    const char *file = NULL;
    for (size_t i = 0; i < sizeof files / sizeof *files && !file; i++)
        file = beside(found, path, files[i]) ? files[i] : NULL;
    const bool named = card_names(name, path);
    snprintf(text, sizeof text, "%s%s%s%s", named ? name : "", named ? " (README.md)" : "",
             named && file ? ", " : "",
             file    ? file
             : named ? ""
                     : "unknown");
    ps_printable(note, size, text, false);
}
