/* Writes the checkpoints that the recipes of this folder describe.
 *
 *   fill [--dtype F32|F16|BF16] RECIPE OUT.safetensors
 *   fill [--dtype F32|F16|BF16] FOLDER OUT_FOLDER
 *
 * A recipe names every tensor of a safetensors file and the formula of its
 * values; recipe.py is the other implementation and documents the format.
 * The second form copies a folder and turns every NAME.recipe in it into
 * NAME.safetensors. Every value is a small integer over a power of two and
 * therefore the same number in all three types. */

#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PARTS = 4, MAX_DIMS = 6, MAX_LINE = 1024, MAX_PATH = 4096 };

struct part {
    int e, K, B;
    char key[256];
    int transposed;
};

struct tensor {
    char name[256];
    uint64_t dims[MAX_DIMS];
    int rank;
    struct part parts[MAX_PARTS];
    int part_count;
};

struct recipe {
    char prefix[256];
    char dtype[8];
    struct tensor *tensors;
    size_t count;
};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "fill: %s: %s\n", name, what);
    exit(1);
}

static uint64_t fnv1a(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

/* Uniform in [-K, K]. */
static int draw(uint64_t seed, uint64_t i, int K)
{
    uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (int)(((z >> 32) * (uint64_t)(2 * K + 1)) >> 32) - K;
}

static uint64_t element_count(const struct tensor *t)
{
    uint64_t n = 1;
    for (int d = 0; d < t->rank; d++)
        n *= t->dims[d];
    return n;
}

/* ---- values in the three types; n / 2^e with |n| <= 256 is exact in each ---- */

static uint32_t f32_bits(double v)
{
    float f = (float)v;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static uint16_t f16_bits(double v)
{
    uint32_t u = f32_bits(v), sign = u >> 16 & 0x8000, mantissa = u & 0x7fffff;
    int exponent = (int)(u >> 23 & 0xff) - 127 + 15;
    if (exponent >= 1)
        return (uint16_t)(sign | (uint32_t)exponent << 10 | mantissa >> 13);
    if (exponent < -9)
        return (uint16_t)sign; /* zero: smaller values do not occur */
    return (uint16_t)(sign | (mantissa | 0x800000) >> (14 - exponent)); /* subnormal */
}

static size_t type_size(const char *dtype)
{
    if (!strcmp(dtype, "F32"))
        return 4;
    if (!strcmp(dtype, "F16") || !strcmp(dtype, "BF16"))
        return 2;
    return 0;
}

/* Little-endian, whatever the machine. Returns the number of bytes. */
static size_t put(unsigned char *p, double v, size_t size, int brain)
{
    uint32_t u = size == 4 ? f32_bits(v) : brain ? f32_bits(v) >> 16 : f16_bits(v);
    for (size_t b = 0; b < size; b++)
        p[b] = (unsigned char)(u >> (8 * b));
    return size;
}

/* ---- reading ---- */

static void read_part(struct part *p, char *text, const char *name)
{
    char flag[4] = "";
    int n = sscanf(text, "%d:%d:%d:%255[^:]:%3s", &p->e, &p->K, &p->B, p->key, flag);
    if (n < 3)
        die("malformed part", name);
    if (n == 3)
        memcpy(p->key, name, strlen(name) + 1);
    p->transposed = n == 5 && flag[0] == 'T';
}

static void read_tensor(struct tensor *t, char *line)
{
    memset(t, 0, sizeof *t);
    char *save = NULL;
    char *word = strtok_r(line, " \n", &save);
    snprintf(t->name, sizeof t->name, "%s", word);
    word = strtok_r(NULL, " \n", &save);
    if (!word)
        die("no shape", t->name);
    for (char *p = word; *p && *p != '-';) {
        if (t->rank == MAX_DIMS)
            die("too many dimensions", t->name);
        t->dims[t->rank++] = strtoull(p, &p, 10);
        if (*p == ',')
            p++;
    }
    while ((word = strtok_r(NULL, " \n", &save))) {
        if (t->part_count == MAX_PARTS)
            die("too many parts", t->name);
        read_part(&t->parts[t->part_count++], word, t->name);
    }
    if (!t->part_count || element_count(t) % (uint64_t)t->part_count)
        die("parts do not divide the tensor", t->name);
}

static struct recipe read_recipe(const char *path)
{
    struct recipe r = {.dtype = "F32"};
    FILE *f = fopen(path, "r");
    if (!f)
        die(strerror(errno), path);
    size_t capacity = 0;
    char line[MAX_LINE];
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '\n' || sscanf(line, "prefix %255s", r.prefix) == 1 ||
            sscanf(line, "dtype %7s", r.dtype) == 1)
            continue;
        if (r.count == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            r.tensors = realloc(r.tensors, capacity * sizeof *r.tensors);
            if (!r.tensors)
                die("out of memory", path);
        }
        read_tensor(&r.tensors[r.count++], line);
    }
    fclose(f);
    return r;
}

/* ---- writing ---- */

/* The header is padded with spaces so that the data starts at a multiple of 8. */
static void write_header(FILE *f, const struct recipe *r)
{
    size_t capacity = 64 + r->count * 512, used = 0;
    char *text = malloc(capacity);
    if (!text)
        die("out of memory", r->prefix);
    used += (size_t)sprintf(text + used, "{\"__metadata__\":{\"format\":\"pt\"}");
    uint64_t offset = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct tensor *t = &r->tensors[i];
        uint64_t end = offset + element_count(t) * type_size(r->dtype);
        used += (size_t)sprintf(text + used, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, r->dtype);
        for (int d = 0; d < t->rank; d++)
            used += (size_t)sprintf(text + used, "%s%" PRIu64, d ? "," : "", t->dims[d]);
        used += (size_t)sprintf(text + used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset, end);
        offset = end;
    }
    text[used++] = '}';
    while (used % 8)
        text[used++] = ' ';
    unsigned char length[8];
    for (int b = 0; b < 8; b++)
        length[b] = (unsigned char)((uint64_t)used >> (8 * b));
    fwrite(length, 1, 8, f);
    fwrite(text, 1, used, f);
    free(text);
}

static void write_part(FILE *f, const struct recipe *r, const struct part *p, uint64_t count, uint64_t rows,
                       uint64_t columns)
{
    enum { CHUNK = 4096 };
    static unsigned char bytes[CHUNK * 4];
    uint64_t seed = fnv1a(fnv1a(UINT64_C(0xcbf29ce484222325), r->prefix), p->key);
    double unit = ldexp(1.0, -p->e);
    size_t size = type_size(r->dtype), used = 0;
    int brain = r->dtype[0] == 'B';
    for (uint64_t i = 0; i < count; i++) {
        /* Written [rows, columns]; where transposed, the source is [columns, rows]. */
        uint64_t source = p->transposed ? i % columns * rows + i / columns : i;
        used += put(bytes + used, (p->B + draw(seed, source, p->K)) * unit, size, brain);
        if (used == CHUNK * size || i + 1 == count) {
            fwrite(bytes, 1, used, f);
            used = 0;
        }
    }
}

/* It has its name once it is whole: whoever stops this program finds none. */
static void write_checkpoint(const char *recipe_path, const char *out, const char *dtype)
{
    char part[MAX_PATH];
    if (snprintf(part, sizeof part, "%s.part", out) >= MAX_PATH)
        die("path too long", out);
    struct recipe r = read_recipe(recipe_path);
    if (dtype)
        snprintf(r.dtype, sizeof r.dtype, "%s", dtype);
    if (!type_size(r.dtype))
        die("unknown dtype", r.dtype);
    FILE *f = fopen(part, "wb");
    if (!f)
        die(strerror(errno), part);
    write_header(f, &r);
    for (size_t i = 0; i < r.count; i++) {
        const struct tensor *t = &r.tensors[i];
        uint64_t count = element_count(t) / (uint64_t)t->part_count;
        uint64_t columns = t->rank ? t->dims[t->rank - 1] : 1;
        for (int p = 0; p < t->part_count; p++)
            write_part(f, &r, &t->parts[p], count, count / columns, columns);
    }
    if (ferror(f) | fclose(f))
        die("write failed", part);
    if (rename(part, out))
        die(strerror(errno), out);
    free(r.tensors);
}

/* ---- folders ---- */

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (!in || !out)
        die(strerror(errno), in ? to : from);
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        fwrite(block, 1, n, out);
    if (ferror(in) | ferror(out) | fclose(in) | fclose(out))
        die("copy failed", to);
}

static void expand(const char *from, const char *to, const char *dtype)
{
    DIR *dir = opendir(from);
    if (!dir)
        die(strerror(errno), from);
    if (mkdir(to, 0777) && errno != EEXIST)
        die(strerror(errno), to);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        char a[MAX_PATH], b[MAX_PATH];
        if (snprintf(a, sizeof a, "%s/%s", from, entry->d_name) >= MAX_PATH ||
            snprintf(b, sizeof b, "%s/%s", to, entry->d_name) >= MAX_PATH - 16)
            die("path too long", entry->d_name);
        struct stat st;
        if (stat(a, &st))
            die(strerror(errno), a);
        char *dot = strrchr(b, '.');
        if (S_ISDIR(st.st_mode)) {
            expand(a, b, dtype);
        } else if (dot && !strcmp(dot, ".recipe")) {
            strcpy(dot, ".safetensors");
            write_checkpoint(a, b, dtype);
        } else {
            copy_file(a, b);
        }
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    const char *dtype = NULL;
    if (argc > 2 && !strcmp(argv[1], "--dtype")) {
        dtype = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: fill [--dtype F32|F16|BF16] RECIPE OUT.safetensors\n"
                        "       fill [--dtype F32|F16|BF16] FOLDER OUT_FOLDER\n");
        return 2;
    }
    struct stat st;
    if (stat(argv[1], &st))
        die(strerror(errno), argv[1]);
    if (S_ISDIR(st.st_mode))
        expand(argv[1], argv[2], dtype);
    else
        write_checkpoint(argv[1], argv[2], dtype);
    return 0;
}
