/* Numbers of the specialisation constants that a variant has beside its kernel's own, for the interpreter to fit it to a
 * device: the tile of the result that a work group computes, and who computes what of it. */
#ifndef PS_VARIANT_H
#define PS_VARIANT_H

#define PS_TILE_LANES 9     /* invocations of a work group */
#define PS_TILE_ROWS 10     /* of the result, in a work group's tile */
#define PS_TILE_COLUMNS 11  /* likewise */
#define PS_TILE_DEPTH 12    /* channels that are in shared memory at a time; a multiple of 8 and of the matrices' */
#define PS_TILE_SUBGROUP 13
#define PS_TILE_ACROSS 14   /* portable: lanes of a subgroup that lie side by side in the tile */
#define PS_TILE_PART_ROWS 14 /* coop: rows and columns of the tile that a subgroup computes */
#define PS_TILE_PART_COLUMNS 15
#define PS_TILE_M 16       /* coop: a matrix of the device is M x K times K x N */
#define PS_TILE_N 17
#define PS_TILE_K 18
#define PS_TILE_WIDE 19    /* coop: 1 where rows of x begin at multiples of eight elements */
#define PS_TILE_HALVES 20  /* coop: how the sum over K is cut in two: PS_HALVES_... */
#define PS_TILE_END 21
#define PS_TILE_PATCH_FRAMES 14 /* coop2: the tile's rows as a patch of the output; their product is PS_TILE_ROWS */
#define PS_TILE_PATCH_H 15
#define PS_TILE_PATCH_W 16

/* Attention (shaders/attention_*.comp) has LANES and SUBGROUP as above; its matrices, where they are the device's, are M, N
 * and K as above. */
#define PS_TILE_QUERIES 10  /* coop: rows of matrices that a subgroup has; coop2: rows of its one matrix */
#define PS_TILE_KEYS 11     /* at a time; a multiple of 8 and of the matrices' sizes */
#define PS_TILE_CHANNELS 12 /* of a slice of a head, with those that are added for it to be a multiple of the matrices' */
#define PS_TILE_SLICES 14   /* coop: parts that a head's channels are cut into, a subgroup for each */
#define PS_TILE_PACKED 15   /* 1 where each team of subgroups has a head of its own instead of queries of one */

#define PS_HALVES_NONE 0    /* one sum */
#define PS_HALVES_SERIAL 1  /* the sum of the first half, then that of the second, added in the end */
#define PS_HALVES_APART 2   /* the same bits, each half by half of the work group */

#endif
