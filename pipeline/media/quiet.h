/* libav writes to standard error unless it is told otherwise, and its switch is global. Each codec context
 * has an offset of its own that is added to the level of a message. One message has no context and gets
 * through: "Invalid code ... in init_vlc", of a damaged lossless WebP. */
#ifndef PS_MEDIA_QUIET_H
#define PS_MEDIA_QUIET_H

/* Lifts an AV_LOG_ERROR (16) above AV_LOG_TRACE (56), and stays within the 8 bits that a level has. */
#define PS_QUIET_OFFSET 128

#endif
