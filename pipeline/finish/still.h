/* Single pictures: the files of a PNG sequence, and posters. */
#ifndef PS_FINISH_STILL_H
#define PS_FINISH_STILL_H

#include "base/output_folder.h"
#include "base/output.h"
#include "finish/video.h"

/* Finishes the clip into frame_00001.png and on, each read back. Status: as ps_video_write. */
enum ps_status ps_sequence_write(struct ps_output_folder *folder, const struct ps_save *save,
                                 struct ps_error *error);

/* True for the names of such files. */
bool ps_sequence_owns(const char *name);

/* What a poster is encoded as, by the end of its path; PNG or JPEG. Status: PS_ERR_USAGE. */
enum ps_status ps_poster_target(struct ps_target *target, const char *path, struct ps_error *error);

/* Writes the first frame of the result that the fade in leaves alone. */
enum ps_status ps_poster_write(struct ps_output *output, const struct ps_save *save, struct ps_error *error);

/* Reads it back. */
enum ps_status ps_poster_verify(int fd, const struct ps_save *save, struct ps_error *error);

#endif
