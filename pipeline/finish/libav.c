#include "finish/libav.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <unistd.h>

#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t sink_byte;
#else
typedef uint8_t sink_byte;
#endif

enum { BUFFER = 1 << 16 };

enum ps_status ps_fail_av(struct ps_error *error, int code, const char *doing)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (code == AVERROR(ENOMEM))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory while %s", doing);
    av_strerror(code, text, sizeof text);
    return ps_fail(error, PS_ERR_OUTPUT, "output.encode-failed", "the clip cannot be written: %s: %s", doing,
                   text);
}

void ps_silence_libav(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

static int sink_write(void *opaque, sink_byte *bytes, int size)
{
    struct ps_sink *sink = opaque;
    if (ps_output_write(sink->output, bytes, (size_t)size, sink->at, sink->error))
        return AVERROR(EIO);
    sink->at += (uint64_t)size;
    if (sink->at > sink->end)
        sink->end = sink->at;
    return size;
}

static int64_t sink_seek(void *opaque, int64_t offset, int whence)
{
    struct ps_sink *sink = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t)sink->end;
    if (whence == SEEK_CUR)
        offset += (int64_t)sink->at;
    else if (whence == SEEK_END)
        offset += (int64_t)sink->end;
    if (offset < 0)
        return AVERROR(EINVAL);
    sink->at = (uint64_t)offset;
    return offset;
}

static int file_read(void *opaque, uint8_t *to, int size)
{
    struct ps_source_file *file = opaque;
    ssize_t got;
    do
        got = pread(file->fd, to, (size_t)size, file->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return AVERROR(errno);
    file->at += got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t file_seek(void *opaque, int64_t offset, int whence)
{
    struct ps_source_file *file = opaque;
    if (whence == AVSEEK_SIZE)
        return file->size;
    if (whence == SEEK_CUR)
        offset += file->at;
    else if (whence == SEEK_END)
        offset += file->size;
    if (offset < 0)
        return AVERROR(EINVAL);
    file->at = offset;
    return offset;
}

AVIOContext *ps_io_write(struct ps_sink *sink)
{
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *io =
        buffer ? avio_alloc_context(buffer, BUFFER, 1, sink, NULL, sink_write, sink_seek) : NULL;
    if (!io)
        av_free(buffer);
    return io;
}

AVIOContext *ps_io_read(struct ps_source_file *file)
{
    uint8_t *buffer = av_malloc(BUFFER);
    AVIOContext *io = buffer ? avio_alloc_context(buffer, BUFFER, 0, file, file_read, NULL, file_seek) : NULL;
    if (!io)
        av_free(buffer);
    return io;
}

void ps_io_free(AVIOContext **io)
{
    if (*io)
        av_freep(&(*io)->buffer);
    avio_context_free(io);
}
