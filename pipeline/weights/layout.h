/* How the files of each checkpoint layout become the tables of the parts. */
#ifndef PS_WEIGHTS_LAYOUT_H
#define PS_WEIGHTS_LAYOUT_H

#include "weights/checkpoint.h"

#define PS_MODEL_PATH_BYTES 4096

/* "FOLDER/NAME", or "FOLDER/SUB/NAME" if sub is not empty; false where it does not fit. */
bool ps_model_path(char path[PS_MODEL_PATH_BYTES], const char *folder, const char *sub, const char *name);

/* Opens a file that the checkpoint then owns. */
enum ps_status ps_checkpoint_add_file(struct ps_checkpoint *checkpoint, const char *path,
                                      struct ps_safetensors **file, struct ps_error *error);

/* True if the folder holds weights, so that ps_folder_open finds something to open. */
bool ps_folder_has_weights(const char *folder);

/* Opens the weights of one part that lie in a folder and adds them to `part`, not yet sealed. Looked for in
 * this order: diffusion_pytorch_model, then model; plain, then fp16, then bf16; one file, then a sharded
 * index. The plain file comes first because the others are rounded from it. A Git-LFS pointer is passed over
 * if another one is there. */
enum ps_status ps_folder_open(struct ps_checkpoint *checkpoint, struct ps_part *part, const char *folder,
                              struct ps_error *error);

/* Adds all tensors of a file under their own names. */
enum ps_status ps_add_as_named(struct ps_part *part, const struct ps_safetensors *file,
                               struct ps_error *error);

/* Distributes the tensors of a single sgm file, or of a UNet file with sgm's or diffusers' names, over the
 * parts. */
enum ps_status ps_single_add(struct ps_checkpoint *checkpoint, const struct ps_safetensors *file,
                             struct ps_error *error);

/* How the tensors of a file are named. */
enum ps_naming { PS_NAMING_OTHER, PS_NAMING_DIFFUSERS_UNET, PS_NAMING_SGM_UNET, PS_NAMING_SGM_FILE };
enum ps_naming ps_naming_of(const struct ps_safetensors *file);

/* Writes what model the names in `files` belong to; true if it is Stable Video Diffusion. */
bool ps_family_of(struct ps_safetensors *const *files, uint32_t count, char *family, size_t size);

/* Records `fault` in `error`. */
enum ps_status ps_pass_on(struct ps_error *error, const struct ps_error *fault);

#endif
