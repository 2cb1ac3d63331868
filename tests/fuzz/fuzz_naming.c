/* libFuzzer target: any line is a template, and what follows it the value of all its tokens; a name that comes out is one
 * that every system takes. Seeds: tests/fuzz/corpus/naming. */
#include <stdlib.h>
#include <string.h>

#include "jobs/naming.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static const char *value_of(void *user, const char *token)
{
    require(token[0] != '\0');
    return user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    char *value = strchr(text, '\n');
    if (value)
        *value++ = '\0';
    struct ps_naming *naming;
    struct ps_name name;
    struct ps_error error = {0}, made = {0};
    const size_t reserve = size % 7;
    if (!ps_naming_new(&naming, text, &error)) {
        if (!ps_naming_make(naming, &name, reserve, value_of, value, &made))
            require(!ps_output_path_problem(name.text, reserve) && !strchr(name.text, '/'));
        else
            require(made.status == PS_ERR_INPUT);
        ps_naming_free(&naming);
    } else {
        require(error.status == PS_ERR_USAGE);
    }
    ps_output_path_problem(text, reserve);
    free(text);
    return 0;
}
