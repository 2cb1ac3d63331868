/* What of VK_NV_cooperative_matrix2 is used, of what a driver lists: a driver made up here, for no software driver has matrices
 * of a work group. */
#include "base/suite.h"

#include <string.h>

#include "vk/state.h"

#define MOST_ROWS 8

/* A product of float16 matrices that the driver offers: granularities of its sizes, bits of its sums, and how many lanes its
 * work groups have, 0 for matrices of a subgroup. */
struct row {
    uint32_t m, n, k, bits, lanes;
};

static struct {
    const struct row *rows; /* up to MOST_ROWS; the first without a size ends them */
    uint32_t most_lanes, most_size;
    bool lacks_addressing;
} driver;

static VKAPI_ATTR void VKAPI_CALL get_features(VkPhysicalDevice physical, VkPhysicalDeviceFeatures2 *features)
{
    (void)physical;
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV *has = features->pNext;
    has->cooperativeMatrixWorkgroupScope = has->cooperativeMatrixFlexibleDimensions = VK_TRUE;
    has->cooperativeMatrixReductions = has->cooperativeMatrixConversions = VK_TRUE;
    has->cooperativeMatrixPerElementOperations = VK_TRUE;
    has->cooperativeMatrixTensorAddressing = !driver.lacks_addressing;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice physical,
                                                 VkPhysicalDeviceProperties2 *properties)
{
    (void)physical;
    VkPhysicalDeviceCooperativeMatrix2PropertiesNV *limits = properties->pNext;
    limits->cooperativeMatrixWorkgroupScopeMaxWorkgroupSize = driver.most_lanes;
    limits->cooperativeMatrixFlexibleDimensionsMaxDimension = driver.most_size;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_sizes(VkPhysicalDevice physical, uint32_t *count,
                                                VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list)
{
    (void)physical;
    uint32_t there = 0;
    while (there < MOST_ROWS && driver.rows[there].m)
        there++;
    for (uint32_t i = 0; list && i < there; i++) {
        const struct row row = driver.rows[i];
        const VkComponentTypeKHR sums =
            row.bits == 16 ? VK_COMPONENT_TYPE_FLOAT16_KHR : VK_COMPONENT_TYPE_FLOAT32_KHR;
        assert_int_equal(list[i].sType,
                         VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV);
        list[i].MGranularity = row.m;
        list[i].NGranularity = row.n;
        list[i].KGranularity = row.k;
        list[i].AType = list[i].BType = VK_COMPONENT_TYPE_FLOAT16_KHR;
        list[i].CType = list[i].ResultType = sums;
        list[i].scope = row.lanes ? VK_SCOPE_WORKGROUP_KHR : VK_SCOPE_SUBGROUP_KHR;
        list[i].workgroupInvocations = row.lanes;
    }
    *count = there;
    return VK_SUCCESS;
}

/* A device of that driver with what is found of its matrices. */
static struct ps_vk *device(const struct row *rows)
{
    static struct ps_vk vk;
    memset(&vk, 0, sizeof vk);
    driver.rows = rows;
    vk.fn.GetPhysicalDeviceFeatures2 = get_features;
    vk.fn.GetPhysicalDeviceProperties2 = get_properties;
    vk.fn.GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV = get_sizes;
    vk.subgroup = 32;
    vk.max_lanes = 1024;
    vk.flexible = ps_vk_find_flexible(&vk);
    vk.wide = ps_vk_find_wide(&vk);
    return &vk;
}

static void expect(struct ps_vk_matrix found, uint32_t m, uint32_t n, uint32_t k)
{
    assert_int_equal(found.m, m);
    assert_int_equal(found.n, n);
    assert_int_equal(found.k, k);
}

/* Which of the four tiles are possible, a digit each. */
static void expect_tiles(const struct ps_vk *vk, const char *possible)
{
    for (uint32_t i = 0; i < PS_VK_COOP2_TILES; i++)
        assert_int_equal(ps_vk_coop2_area(vk, i).rows != 0, possible[i] == '1');
    assert_int_equal(ps_vk_coop2_can(vk), strchr(possible, '1') != NULL);
}

static int begin(void **state)
{
    (void)state;
    driver.most_lanes = driver.most_size = 1024;
    driver.lacks_addressing = false;
    return 0;
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct row rows[] = {{16, 16, 16, 32, 0},   {16, 8, 16, 16, 0},    {16, 8, 16, 32, 0},
                                      {64, 32, 16, 32, 128}, {32, 32, 16, 32, 128}, {32, 32, 16, 16, 128},
                                      {32, 64, 16, 32, 256}, {32, 64, 16, 16, 256}};
    const struct ps_vk *vk = device(rows);
    expect(vk->flexible, 16, 8, 16);
    expect(vk->wide.units[0], 32, 32, 16);
    expect(vk->wide.units[1], 32, 64, 16);
    expect_tiles(vk, "1111");
    driver.most_size = 128;
    expect_tiles(device(rows), "0111");
    driver.most_size = 32;
    expect_tiles(device(rows), "0000");
    driver.most_size = 1024;
    driver.most_lanes = 128;
    expect_tiles(device(rows), "0011");
    driver.most_lanes = 1024;
    driver.lacks_addressing = true;
    expect_tiles(device(rows), "0000");
    assert_true(device(rows)->flexible.m);
}

/* A residual and what is stored are float16 matrices with the use of sums: VUID-RuntimeSpirv-cooperativeMatrixFlexibleDimensions-
 * 10165 wants their sizes listed too. */
static void test_halves_have_to_be_possible(void **state)
{
    (void)state;
    static const struct row none[] = {{16, 16, 16, 32, 0}, {32, 32, 16, 32, 128}, {32, 32, 16, 32, 256}, {0}};
    expect(device(none)->flexible, 0, 0, 0);
    expect_tiles(device(none), "0000");
    static const struct row coarser[] = {{16, 8, 16, 32, 0},
                                         {8, 16, 32, 16, 0},
                                         {32, 32, 16, 32, 128},
                                         {32, 64, 16, 16, 128},
                                         {32, 32, 16, 32, 256},
                                         {48, 32, 16, 16, 256},
                                         {0}};
    const struct ps_vk *vk = device(coarser);
    expect(vk->flexible, 16, 16, 16);
    expect(vk->wide.units[0], 32, 64, 16);
    expect(vk->wide.units[1], 96, 32, 16);
    expect_tiles(vk, "0000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sizes, begin),
        cmocka_unit_test_setup(test_halves_have_to_be_possible, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
