#include "base/guess.h"

#include <string.h>

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters have to be inserted, deleted, replaced or swapped with their neighbour; more than `limit` for
 * words that are too long to be compared. */
static unsigned count_edits(const char *a, const char *b, unsigned limit)
{
    enum { LONGEST = 31 };
    const size_t rows = strlen(a), columns = strlen(b);
    unsigned distance[LONGEST + 1][LONGEST + 1];
    if (rows > LONGEST || columns > LONGEST)
        return limit + 1;
    for (size_t i = 0; i <= rows; i++)
        distance[i][0] = (unsigned)i;
    for (size_t j = 0; j <= columns; j++)
        distance[0][j] = (unsigned)j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            unsigned best = distance[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least_of(best, least_of(distance[i - 1][j], distance[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least_of(best, distance[i - 2][j - 2] + 1);
            distance[i][j] = best;
        }
    }
    return distance[rows][columns];
}

const char *ps_guess(const char *word, const char *(*next)(const void *from, size_t i), const void *from)
{
    const size_t length = strlen(word);
    const char *best = NULL, *name;
    unsigned least = length < 4 ? 1 : 2;
    for (size_t i = 0; (name = next(from, i)); i++) {
        /* The beginning of a name is meant to be that name. */
        const unsigned edits =
            length > 1 && !strncmp(word, name, length) ? 1 : count_edits(word, name, least);
        if (edits > least || (best && edits == least))
            continue;
        best = name;
        least = edits;
    }
    return best;
}
