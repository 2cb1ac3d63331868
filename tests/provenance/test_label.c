/* XMP packets, and the box that carries them. */
#include "provenance/origins.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provenance/label.h"
#include "provenance/xmp.h"

static void assert_has(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in %s", words, text);
}

static void assert_lacks(const char *text, const char *words)
{
    if (strstr(text, words))
        fail_msg("\"%s\" is in %s", words, text);
}

static char *packet_of(const struct ps_origin *origin, bool composite)
{
    struct ps_error error = {0};
    size_t size;
    char *packet = ps_xmp_packet(origin, composite, &size, &error);
    assert_non_null(packet);
    assert_int_equal(strlen(packet), size);
    assert_int_equal(
        strncmp(packet, "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>", 53), 0);
    return packet;
}

static void test_packet_tells_everything(void **state)
{
    (void)state;
    static const char *const told[] = {
        "<Iptc4xmpExt:DigitalSourceType>" PS_IPTC_GENERATED "</Iptc4xmpExt:DigitalSourceType>",
        "<xmp:CreatorTool>packshot " PS_VERSION "</xmp:CreatorTool>",
        "<packshot:Version>" PS_VERSION "</packshot:Version>",
        "<packshot:Model>Stable Video Diffusion</packshot:Model>",
        "<rdf:li>bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb</rdf:li>",
        "<rdf:li>cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc</rdf:li>",
        "<packshot:PhotoSHA256>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</"
        "packshot:PhotoSHA256>",
        "<packshot:Width>1024</packshot:Width>",
        "<packshot:Height>576</packshot:Height>",
        "<packshot:Frames>14</packshot:Frames>",
        "<packshot:FramesPerSecond>24</packshot:FramesPerSecond>",
        "<packshot:Fit>pad</packshot:Fit>",
        "<packshot:Focus>0.25:0.7</packshot:Focus>",
        "<packshot:PadColour>0a0b0c</packshot:PadColour>",
        "<packshot:Motion>60.5</packshot:Motion>",
        "<packshot:NoiseAugmentation>0.02</packshot:NoiseAugmentation>",
        "<packshot:Steps>25</packshot:Steps>",
        "<packshot:Schedule>ays</packshot:Schedule>",
        "<packshot:GuidanceMin>1.1</packshot:GuidanceMin>",
        "<packshot:GuidanceMax>3.3</packshot:GuidanceMax>",
        "<packshot:Seed>18446744073709551615</packshot:Seed>",
        "<packshot:RNG>torch-cpu</packshot:RNG>",
        "<packshot:DataType>f16</packshot:DataType>",
        "<packshot:Weights>q8</packshot:Weights>",
        "<packshot:DecodeChunk>8</packshot:DecodeChunk>",
        "<packshot:Device>A device</packshot:Device>",
    };
    struct ps_origin *origin = origin_new(0);
    char *packet = packet_of(origin, false);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        assert_has(packet, told[i]);
    for (const char *const *name =
             (const char *const[]){"shoe.png", "svd-xt", "one.safetensors", "NoiseSHA256", "Sigmas", NULL};
         *name; name++)
        assert_lacks(packet, *name);
    free(packet);
    ps_origin_free(&origin);
}

static void test_packet_of_a_composite(void **state)
{
    (void)state;
    struct ps_origin *origin = origin_new(3);
    char *packet = packet_of(origin, true);
    assert_has(packet,
               "<Iptc4xmpExt:DigitalSourceType>" PS_IPTC_COMPOSITE "</Iptc4xmpExt:DigitalSourceType>");
    assert_has(packet, "<rdf:li>700.1</rdf:li>\n     <rdf:li>350.05</rdf:li>\n     <rdf:li>0</rdf:li>");
    assert_lacks(packet, "Schedule");
    free(packet);
    ps_origin_free(&origin);
    packet = packet_of(NULL, false);
    assert_has(packet, PS_IPTC_GENERATED);
    assert_lacks(packet, "packshot:Seed");
    free(packet);
}

/* A driver may call its device what it likes. */
static void test_packet_is_xml_whatever_names_say(void **state)
{
    (void)state;
    struct ps_origin *origin = origin_new(0);
    snprintf(origin->device, sizeof origin->device, "a<b>&\"c\" \x01\x1b[2J \xff\xc3\xa9 \xef\xbf\xbf]]>");
    char *packet = packet_of(origin, false);
    assert_has(packet,
               "<packshot:Device>a&lt;b&gt;&amp;\"c\" \\x01\\x1b[2J \\xff\xc3\xa9 ]]&gt;</packshot:Device>");
    free(packet);
    ps_origin_free(&origin);
}

static void test_shortest_numbers(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0, "0"},        {0.02f, "0.02"}, {0.1f, "0.1"}, {127, "127"}, {1.0f / 3, "0.33333334"},
                 {1e6f, "1e+06"}, {-2.5f, "-2.5"}};
    char text[PS_REAL_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(ps_real_text(text, cases[i].value), cases[i].text);
}

/* ---- the box ---- */

#define XMP_UUID "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"

/* Reads the label of a file of these bytes; the packet, to be freed, or null. */
static char *label_of(const char *folder, const char *bytes, size_t size, struct ps_error *error)
{
    char path[512], *packet;
    size_t packet_size;
    write_file(join(path, folder, "file"), bytes, size);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const enum ps_status status = ps_label_read(fd, &packet, &packet_size, error);
    close(fd);
    assert_int_equal(status, error->status);
    if (packet)
        assert_int_equal(packet_size, strlen(packet));
    else
        assert_int_equal(packet_size, 0);
    return packet;
}

static void test_a_label_is_appended_and_found(void **state)
{
    (void)state;
    static const char file[] = "\0\0\0\x10"
                               "ftypisom\0\0\0\0"
                               "\0\0\0\x09"
                               "mdat!";
    char path[512];
    char *folder = folder_new();
    struct ps_error error = {0};
    struct ps_output *output;
    assert_ok(ps_output_open(&output, join(path, folder, "clip.mp4"), false, &error), error);
    assert_ok(ps_output_write(output, file, sizeof file - 1, 0, &error), error);
    assert_ok(ps_label_write(output, PS_CARRIER_ISO, "<x/>", 4, &error), error);
    assert_ok(ps_output_commit(output, NULL, NULL, &error), error);
    ps_output_close(&output);
    struct ps_file written = read_file(path);
    assert_int_equal(written.size, sizeof file - 1 + 28);
    assert_memory_equal(written.bytes, file, sizeof file - 1);
    assert_memory_equal(written.bytes + sizeof file - 1, "\0\0\0\x1cuuid" XMP_UUID "<x/>", 28);
    char *packet = label_of(folder, (const char *)written.bytes, written.size, &error);
    assert_ok(error.status, error);
    assert_string_equal(packet, "<x/>");
    free(packet);
    free(written.bytes);
    folder_remove(folder);
}

#define BYTES(literal) literal, sizeof literal - 1

static void test_boxes_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *packet; /* null: none, and no error */
    } cases[] = {
        {BYTES(""), NULL},
        {BYTES("\0\0\0\x08"
               "free"),
         NULL},
        {BYTES("\0\0\0\x1a"
               "uuid"
               "0123456789abcdef"
               "ab"),
         NULL},
        {BYTES("\0\0\0\x08"
               "uuid"),
         NULL},
        {BYTES("\0\0\0\x01"
               "mdat\0\0\0\0\0\0\0\x11"
               "!\0\0\0\x1a"
               "uuid" XMP_UUID "ab"),
         "ab"},
        {BYTES("\0\0\0\x01"
               "uuid\0\0\0\0\0\0\0\x22" XMP_UUID "ab\0\0\0\x08"
               "free"),
         "ab"},
        {BYTES("\0\0\0\0uuid" XMP_UUID "to the end"), "to the end"},
    };
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error = {0};
        char *packet = label_of(folder, cases[i].bytes, cases[i].size, &error);
        assert_ok(error.status, error);
        if (cases[i].packet)
            assert_string_equal(packet, cases[i].packet);
        else
            assert_null(packet);
        free(packet);
    }
    folder_remove(folder);
}

static void test_boxes_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {BYTES("\0\0\0")},
        {BYTES("\0\0\0\x07"
               "free....")},
        {BYTES("\0\0\0\x09"
               "free")},
        {BYTES("\0\0\0\x01"
               "mdat\0\0\0\0\0\0\0\x0f")},
        {BYTES("\0\0\0\x01"
               "mdat\xff\xff\xff\xff\xff\xff\xff\xff")},
        {BYTES("\0\0\0\x08"
               "free\0\0\0\x1c"
               "uuid" XMP_UUID "ab")},
    };
    char *folder = folder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ps_error error = {0};
        assert_null(label_of(folder, cases[i].bytes, cases[i].size, &error));
        assert_error(&error, PS_ERR_INPUT, "clip.damaged");
    }
    /* A box that claims more XMP than anybody writes is not read into memory. */
    char *large = calloc(1, 2 << 20);
    memcpy(large, "\0\0\0\0uuid" XMP_UUID, 24);
    struct ps_error error = {0};
    assert_null(label_of(folder, large, 2 << 20, &error));
    assert_error(&error, PS_ERR_INPUT, "clip.damaged");
    free(large);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_packet_tells_everything),
        silent_unit_test(test_packet_of_a_composite),
        silent_unit_test(test_packet_is_xml_whatever_names_say),
        silent_unit_test(test_shortest_numbers),
        silent_unit_test(test_a_label_is_appended_and_found),
        silent_unit_test(test_boxes_of_others),
        silent_unit_test(test_boxes_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
