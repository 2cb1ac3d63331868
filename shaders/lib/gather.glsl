/* A lane's share of the matrix whose rows are the output's and whose columns are input channels, tap after tap: each tap has
 * a multiple of four, of which those beyond push.k are zero, as are those beyond the last tap. A lane has the rows first,
 * first + step, ..., and walks along the columns. For a shader that declares `push`, what a row is (lib/row_linear.glsl,
 * lib/row_conv.glsl) and GATHER_ROWS, how many rows a lane has. */
#ifndef PS_GATHER_GLSL
#define PS_GATHER_GLSL

#extension GL_EXT_control_flow_attributes : require

#define NOWHERE 0xffffffffu

place gather_places[GATHER_ROWS];
uint gather_starts[GATHER_ROWS]; /* the first element of each row at the tap; NOWHERE for one of zeros */
uint gather_tap, gather_channel, gather_channels;

void gather_find_starts()
{
    [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++)
        gather_starts[i] = gather_tap < TAPS ? row_start(gather_places[i], gather_tap) : NOWHERE;
}

/* Goes to a column. Rows beyond the last, of `rows`, are copies of it. */
void gather_begin(uint first, uint step, uint column, uint rows)
{
    [[unroll]] for (uint i = 0; i < GATHER_ROWS; i++)
        gather_places[i] = place_of(min(first + i * step, rows - 1));
    gather_channels = (push.k + 3) / 4 * 4;
    gather_tap = column / gather_channels;
    gather_channel = column % gather_channels;
    gather_find_starts();
}

void gather_walk(uint columns)
{
    gather_channel += columns;
    if (gather_channel < gather_channels)
        return;
    while (gather_channel >= gather_channels) {
        gather_channel -= gather_channels;
        gather_tap++;
    }
    gather_find_starts();
}

#endif
