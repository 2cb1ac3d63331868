/* Functions of sixteen floats, within about two units in the last place of float. */
#ifndef PS_CPU_VEC_MATH_H
#define PS_CPU_VEC_MATH_H

#include "cpu/vec.h"

#include "lib/shared.h"

/* 2^x: the integer goes to the exponent; 2^f on [-1/2, 1/2] by its Taylor polynomial of degree 7, whose next
 * term is below 2^-29. Zero where x is less than -150. */
PS_INLINE v16 v_exp2(v16 x)
{
    x = v_max(v_min(x, v_set(128)), v_set(-150));
    const v16 n = v_round(x), f = v_sub(x, n);
    v16 p = v_set(1.525273380405984e-05f);
    p = v_fma(p, f, v_set(1.540353039338161e-04f));
    p = v_fma(p, f, v_set(1.333355814642844e-03f));
    p = v_fma(p, f, v_set(9.618129107628477e-03f));
    p = v_fma(p, f, v_set(5.550410866482158e-02f));
    p = v_fma(p, f, v_set(2.402265069591007e-01f));
    p = v_fma(p, f, v_set(6.931471805599453e-01f));
    p = v_fma(p, f, v_set(1));
    return v_scale(p, n);
}

/* e^x = 2^n e^r with r in [-ln(2)/2, ln(2)/2] found with ln(2) in two parts; Taylor's polynomial of degree 7.
 */
PS_INLINE v16 v_exp(v16 x)
{
    x = v_max(v_min(x, v_set(89)), v_set(-104));
    const v16 n = v_round(v_mul(x, v_set(1.44269504088896341f)));
    const v16 r = v_fma(n, v_set(-1.42860682030941723e-6f), v_fma(n, v_set(-6.93145751953125e-1f), x));
    v16 p = v_set(1.0f / 5040);
    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1));
    p = v_fma(p, r, v_set(1));
    return v_scale(p, n);
}

/* x / (1 + e^(-slope x)) */
PS_INLINE v16 v_swish(v16 x, float slope)
{
    return v_div(x, v_add(v_set(1), v_exp(v_mul(x, v_set(-slope)))));
}

/* x/2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x|/2 erfc(|x| / sqrt 2), with erfc as 2^(-t q(t)): a fit of q by
 * least squares over [0, 7], reweighted towards the least largest error of the result, 3e-8 apart from
 * rounding. */
PS_INLINE v16 v_gelu(v16 x)
{
    const v16 size = v_max(x, v_sub(v_set(0), x)), t = v_min(size, v_set(7));
    v16 q = v_set(1.90185879e-06f);
    q = v_fma(q, t, v_set(-2.80545017e-05f));
    q = v_fma(q, t, v_set(1.31461725e-04f));
    q = v_fma(q, t, v_set(2.72103572e-04f));
    q = v_fma(q, t, v_set(-7.24545816e-03f));
    q = v_fma(q, t, v_set(5.26276373e-02f));
    q = v_fma(q, t, v_set(4.59162134e-01f));
    q = v_fma(q, t, v_set(1.15111105f));
    const v16 tail = v_exp2(v_mul(q, v_sub(v_set(0), t)));
    return v_sub(v_max(x, v_set(0)), v_mul(v_mul(size, v_set(0.5f)), tail));
}

/* act(x) for PS_ACT_NONE, SILU, GELU and QUICK_GELU. */
PS_INLINE v16 v_act(uint32_t act, v16 x)
{
    switch (act) {
    case PS_ACT_SILU:
        return v_swish(x, 1);
    case PS_ACT_GELU:
        return v_gelu(x);
    case PS_ACT_QUICK_GELU:
        return v_swish(x, 1.702f);
    default:
        return x;
    }
}

#endif
