/* Clusters: eight consecutive lanes of a subgroup that hand each other registers. A cluster is a whole
 * subgroup on eight-lane devices, and a part of one on wider ones; a subgroup never has fewer than eight
 * lanes. */
#ifndef PS_CLUSTER_GLSL
#define PS_CLUSTER_GLSL

#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_control_flow_attributes : require

#define CLUSTER 8

/* This lane's place in its cluster, and the cluster's in its work group. */
#define LANE (gl_SubgroupInvocationID % CLUSTER)
#define CLUSTER_ID ((gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID) / CLUSTER)

/* What lane `lane` of the cluster holds. All lanes of the cluster must take part. */
float from_lane(float value, uint lane)
{
    return subgroupShuffle(value, gl_SubgroupInvocationID - LANE + lane);
}

/* What the lane holds whose number differs in one bit. */
float from_other(float value, uint bit)
{
    return subgroupShuffle(value, gl_SubgroupInvocationID ^ bit);
}

/* Largest and sum over the cluster, the same bits in all its lanes. */
float cluster_max(float value)
{
    value = max(value, from_other(value, 1));
    value = max(value, from_other(value, 2));
    return max(value, from_other(value, 4));
}

float cluster_sum(float value)
{
    value += from_other(value, 1);
    value += from_other(value, 2);
    return value + from_other(value, 4);
}

#endif
