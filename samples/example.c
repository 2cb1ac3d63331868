#include <packshot.h>
#include <stdio.h>

int main(void)
{
    struct ps_error error = {0};
    struct ps_context *context = NULL;
    struct ps_model *model = NULL;
    struct ps_photo *photo = NULL;
    struct ps_clip *clip = NULL;
    struct ps_render_params params = {.width = 1024, .height = 576, .seed = 7};

    if (ps_context_open(&context, NULL, &error) || ps_model_open(&model, context, "svd-xt", NULL, &error) ||
        ps_photo_load(&photo, "shoe.png", NULL, &error) ||
        ps_render(&clip, model, photo, &params, NULL, &error) ||
        ps_clip_save(clip, "shoe.mp4", NULL, &error))
        fprintf(stderr, "error: %s\nhint: %s\n", error.message, error.hint);

    ps_clip_free(&clip);
    ps_photo_free(&photo);
    ps_model_close(&model);
    ps_context_close(&context);
    return (int)error.status;
}
