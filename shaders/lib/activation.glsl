/* Activations by the numbers of lib/shared.h. */
#ifndef PS_ACTIVATION_GLSL
#define PS_ACTIVATION_GLSL

/* The error function, within 1.5e-7 of it absolutely. Below 1 it is x p(x^2), above 1 - exp(q(|x|)), with q
 * the logarithm of the complementary function; p and q are minimax polynomials of degree 6, fitted by
 * Lawson's iteration (1961) on Chebyshev points of [0, 1] and [1, 4]. From 4 on float cannot tell the
 * function from 1. */
float erf(float x)
{
    const float s = x * x, t = min(abs(x), 4);
    const float p_high = 0.0051883277 + s * (-0.00080101925 + s * 7.8538578e-05);
    const float p = 1.1283791 + s * (-0.37612626 + s * (0.11283585 + s * (-0.026853811 + s * p_high)));
    const float q_high = 0.021805352 + t * (-0.0029396159 + t * 0.00018557490);
    const float q = -0.00035370892 + t * (-1.12704 + t * (-0.63822562 + t * (-0.10303744 + t * q_high)));
    return t < 1 ? x * p : sign(x) * (1 - exp(q));
}

float sigmoid(float x)
{
    return 1 / (1 + exp(-x));
}

float gelu(float x)
{
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}

/* `act` is a specialisation constant, so all but one branch go away. */
float activation(uint act, float x)
{
    switch (act) {
    case PS_ACT_SILU:
        return x * sigmoid(x);
    case PS_ACT_GELU:
        return gelu(x);
    case PS_ACT_QUICK_GELU:
        return x * sigmoid(1.702 * x);
    default:
        return x;
    }
}

#endif
