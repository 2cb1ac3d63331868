#include "bench/onednn.h"

#ifndef PACKSHOT_ONEDNN

double onednn_product(enum ps_type type, uint32_t m, uint32_t k, uint32_t n)
{
    (void)type, (void)m, (void)k, (void)n;
    return 0;
}

double onednn_conv3x3(enum ps_type type, uint32_t frames, uint32_t h, uint32_t w, uint32_t k, uint32_t n)
{
    (void)type, (void)frames, (void)h, (void)w, (void)k, (void)n;
    return 0;
}

#else

#include <stdio.h>
#include <stdlib.h>

#include <dnnl.h>

#include "base/clock.h"

#define RUNS 7

static void check(dnnl_status_t status)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "oneDNN: status %d\n", (int)status);
    exit(1);
}

static dnnl_data_type_t data_type(enum ps_type type)
{
    return type == PS_BF16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *desc, dnnl_engine_t engine)
{
    dnnl_memory_t result;
    check(dnnl_memory_create(&result, desc, engine, DNNL_MEMORY_ALLOCATE));
    return result;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Runs the primitive on memory of the forms that it asks for. */
static double rate(dnnl_primitive_desc_t desc, dnnl_engine_t engine, double flops)
{
    static const int arguments[3] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    static const dnnl_query_t queries[3] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
    dnnl_exec_arg_t execute[3];
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    double seconds[RUNS];
    check(dnnl_primitive_create(&primitive, desc));
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    for (int i = 0; i < 3; i++)
        execute[i] = (dnnl_exec_arg_t){arguments[i],
                                       memory(dnnl_primitive_desc_query_md(desc, queries[i], 0), engine)};
    for (int i = -2; i < RUNS; i++) {
        const double begin = ps_seconds();
        check(dnnl_primitive_execute(primitive, stream, 3, execute));
        check(dnnl_stream_wait(stream));
        seconds[i < 0 ? 0 : i] = ps_seconds() - begin;
    }
    for (int i = 0; i < 3; i++)
        dnnl_memory_destroy(execute[i].memory);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(desc);
    qsort(seconds, RUNS, sizeof *seconds, compare);
    return flops / seconds[RUNS / 2];
}

static dnnl_memory_desc_t form(int count, const dnnl_dims_t dims, enum ps_type type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    check(dnnl_memory_desc_init_by_tag(&desc, count, dims, data_type(type), tag));
    return desc;
}

double onednn_product(enum ps_type type, uint32_t m, uint32_t k, uint32_t n)
{
    dnnl_engine_t engine;
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_desc_t desc;
    const dnnl_memory_desc_t x = form(2, (dnnl_dims_t){m, k}, type, dnnl_ab),
                             w = form(2, (dnnl_dims_t){k, n}, type, dnnl_format_tag_any),
                             y = form(2, (dnnl_dims_t){m, n}, type, dnnl_ab);
    check(dnnl_engine_create(&engine, dnnl_cpu, 0));
    check(dnnl_matmul_desc_init(&matmul, &x, &w, NULL, &y));
    check(dnnl_primitive_desc_create(&desc, &matmul, NULL, engine, NULL));
    const double result = rate(desc, engine, 2.0 * m * k * n);
    dnnl_engine_destroy(engine);
    return result;
}

double onednn_conv3x3(enum ps_type type, uint32_t frames, uint32_t h, uint32_t w, uint32_t k, uint32_t n)
{
    dnnl_engine_t engine;
    dnnl_convolution_desc_t conv;
    dnnl_primitive_desc_t desc;
    const dnnl_memory_desc_t x = form(4, (dnnl_dims_t){frames, k, h, w}, type, dnnl_nhwc),
                             weight = form(4, (dnnl_dims_t){n, k, 3, 3}, type, dnnl_format_tag_any),
                             y = form(4, (dnnl_dims_t){frames, n, h, w}, type, dnnl_nhwc);
    const dnnl_dims_t ones = {1, 1};
    check(dnnl_engine_create(&engine, dnnl_cpu, 0));
    check(dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct, &x,
                                             &weight, NULL, &y, ones, ones, ones));
    check(dnnl_primitive_desc_create(&desc, &conv, NULL, engine, NULL));
    const double result = rate(desc, engine, 18.0 * frames * h * w * k * n);
    dnnl_engine_destroy(engine);
    return result;
}

#endif
