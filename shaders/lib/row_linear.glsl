/* The rows of a linear layer's input, for lib/gather.glsl. */
#define TAPS 1

/* The row of y that row m of the product is. */
uint out_row(uint m)
{
    return m;
}

struct place {
    uint start;
};

place place_of(uint m)
{
    return place(m * push.k);
}

uint row_start(place row, uint tap)
{
    return row.start;
}
