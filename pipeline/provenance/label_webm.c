/* WebM, which is Matroska: elements of an id, a size and a body (RFC 8794). Matroska has no place for XMP, but tags of any
 * name and text. Readers look for them before the pictures, so that the muxer has to write them. */
#include <string.h>

#include "base/checked.h"
#include "provenance/carriers.h"

/* Of the elements on the way to a tag's text. Ids keep the marker bits of their length. */
enum {
    ID_SEGMENT = 0x18538067,
    ID_TAGS = 0x1254c367,
    ID_TAG = 0x7373,
    ID_SIMPLE = 0x67c8,
    ID_NAME = 0x45a3,
    ID_STRING = 0x4487
};

enum { SIZE_BYTES = 8, MOST_HEAD = 12 };

static const char tag_name[] = PS_LABEL_WEBM_TAG;

struct element {
    uint64_t id, body, end; /* positions in the file; `end` is the parent's where the size is not known */
};

/* The length of a number by its first byte: 1 to 8, 9 for none. */
static size_t length_of(uint8_t first)
{
    return first ? (size_t)__builtin_clz(first) - 23 : 9;
}

static enum ps_status read_element(struct element *element, const struct ps_label_search *search, uint64_t at,
                                   uint64_t limit)
{
    uint8_t head[MOST_HEAD + 4] = {0};
    if (ps_label_read_at(search->fd, head, MOST_HEAD, at) < 2)
        return ps_label_damaged(search, at, "the element has no head");
    const size_t id = length_of(head[0]), size = id <= 4 ? length_of(head[id]) : 9;
    if (id > 4 || size > SIZE_BYTES)
        return ps_label_damaged(search, at, "the element has no possible head");
    const uint64_t all = (UINT64_C(1) << 7 * size) - 1, value = ps_read_big(head + id, size) & all;
    *element = (struct element){.id = ps_read_big(head, id), .body = at + id + size, .end = limit};
    if (element->body > limit ||
        (value != all && (!ps_add_u64(element->body, value, &element->end) || element->end > limit)))
        return ps_label_damaged(search, at, "the element does not fit what it is in");
    return PS_OK;
}

/* The first child of that id; `found` has end 0 where there is none. */
static enum ps_status find_child(struct element *found, const struct ps_label_search *search,
                                 const struct element *parent, uint64_t id)
{
    *found = (struct element){0};
    for (uint64_t at = parent->body; at < parent->end; at = found->end) {
        if (read_element(found, search, at, parent->end))
            return search->error->status;
        if (found->id == id)
            return PS_OK;
    }
    found->end = 0;
    return PS_OK;
}

static enum ps_status find_segment(struct element *segment, const struct ps_label_search *search)
{
    const struct element file = {.end = search->end};
    if (find_child(segment, search, &file, ID_SEGMENT))
        return search->error->status;
    return segment->end ? PS_OK : ps_label_damaged(search, 0, "no Matroska Segment");
}

/* Takes the text of a SimpleTag whose name is the label's. */
static enum ps_status take_simple(struct ps_label_search *search, const struct element *simple)
{
    struct element name = {0}, text = {0};
    char found[sizeof tag_name];
    const size_t length = sizeof tag_name - 1;
    if (find_child(&name, search, simple, ID_NAME) || find_child(&text, search, simple, ID_STRING))
        return search->error->status;
    if (!name.end || !text.end || name.end - name.body != length ||
        ps_label_read_at(search->fd, found, length, name.body) != (ssize_t)length ||
        memcmp(found, tag_name, length))
        return PS_OK;
    return ps_label_take(search, text.body, text.end - text.body);
}

/* Calls `each` for every child of that id until a packet is found. */
static enum ps_status for_each(struct ps_label_search *search, const struct element *parent, uint64_t id,
                               enum ps_status (*each)(struct ps_label_search *, const struct element *))
{
    struct element child = {0};
    for (uint64_t at = parent->body; at < parent->end && !search->packet; at = child.end)
        if (read_element(&child, search, at, parent->end) || (child.id == id && each(search, &child)))
            return search->error->status;
    return PS_OK;
}

static enum ps_status search_tag(struct ps_label_search *search, const struct element *tag)
{
    return for_each(search, tag, ID_SIMPLE, take_simple);
}

static enum ps_status search_tags(struct ps_label_search *search, const struct element *tags)
{
    return for_each(search, tags, ID_TAG, search_tag);
}

enum ps_status ps_label_find_webm(struct ps_label_search *search)
{
    struct element segment = {0};
    if (find_segment(&segment, search))
        return search->error->status;
    return for_each(search, &segment, ID_TAGS, search_tags);
}
