/* Integers out of untrusted bytes; the caller has checked that they are there. */
#ifndef PS_MEDIA_BYTES_H
#define PS_MEDIA_BYTES_H

#include <stdint.h>

static inline uint32_t ps_be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t ps_be32(const uint8_t *at)
{
    return ps_be16(at) << 16 | ps_be16(at + 2);
}

static inline uint32_t ps_le16(const uint8_t *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static inline uint32_t ps_le24(const uint8_t *at)
{
    return (uint32_t)at[2] << 16 | ps_le16(at);
}

static inline uint32_t ps_le32(const uint8_t *at)
{
    return ps_le16(at + 2) << 16 | ps_le16(at);
}

#endif
