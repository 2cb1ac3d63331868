"""Reads what the rules ask of a compiled kernel."""

import re

CAPABILITIES = {1: "Shader", 4433: "StorageBuffer16BitAccess", 5347: "PhysicalStorageBufferAddresses",
                61: "GroupNonUniform", 65: "GroupNonUniformShuffle"}
# What a variant may ask for beside, which pipeline/vk makes sure of before it takes one.
CAPABILITIES_OF_VARIANTS = {9: "Float16", 5345: "VulkanMemoryModel", 6022: "CooperativeMatrixKHR",
                            5430: "CooperativeMatrixReductionsNV", 5431: "CooperativeMatrixConversionsNV",
                            5432: "CooperativeMatrixPerElementOperationsNV",
                            5433: "CooperativeMatrixTensorAddressingNV", 5439: "TensorAddressingNV",
                            5116: "BFloat16TypeKHR", 5118: "BFloat16CooperativeMatrixKHR"}
LANES_OF_VARIANTS = 9  # PS_TILE_LANES of shaders/lib/variant.h: the specialisation constant with the size of a work group
BUILTINS_PER_PIECE = {24: "gl_NumWorkGroups", 28: "gl_GlobalInvocationID"}
PUSH_CONSTANT, WORKGROUP, PHYSICAL = 9, 4, 5349


class Module:
    """The instructions of a SPIR-V module, indexed by what they define."""

    def __init__(self, words):
        if len(words) < 5 or words[0] != 0x07230203:
            raise ValueError("not SPIR-V")
        self.instructions = []
        at = 5
        while at < len(words):
            count, opcode = words[at] >> 16, words[at] & 0xFFFF
            if not count or at + count > len(words):
                raise ValueError("cut SPIR-V")
            self.instructions.append((opcode, words[at + 1 : at + count]))
            at += count
        self.types, self.constants, self.chains, self.variables = {}, {}, {}, {}
        self.decorations, self.members = {}, {}
        self.capabilities, self.local_size = [], None
        for opcode, operands in self.instructions:
            self._index(opcode, operands)

    def _index(self, opcode, o):
        if opcode == 17:
            self.capabilities.append(o[0])
        elif opcode == 16 and o[1] == 17:
            self.local_size = o[2:5]
        elif opcode == 71:
            self.decorations.setdefault(o[0], []).append(o[1:])
        elif opcode == 72:
            self.members.setdefault((o[0], o[1]), []).append(o[2:])
        elif 19 <= opcode <= 32:
            self.types[o[0]] = (opcode, o[1:])
        elif opcode == 43:
            self.constants[o[1]] = o[2]
        elif opcode in (65, 66):
            self.chains[o[1]] = (o[0], o[2], o[3:])
        elif opcode == 59:
            self.variables[o[1]] = (o[0], o[2])

    def pointee(self, pointer_type):
        """(storage class, type) of a pointer type, or None."""
        opcode, operands = self.types.get(pointer_type, (None, None))
        return operands if opcode == 32 else None

    def qualifiers(self, struct):
        """For every member of a struct, whether it is declared never to be written and never to be read."""
        members = self.types[struct][1]
        marks = [[m[0] for m in self.members.get((struct, i), [])] for i in range(len(members))]
        return [(24 in m, 25 in m) for m in marks]

    def size(self, type_id):
        """Bytes of a type without padding, for shared memory."""
        opcode, o = self.types[type_id]
        if opcode in (21, 22):
            return o[0] // 8
        if opcode == 20:
            return 4
        if opcode == 23:
            return self.size(o[0]) * o[1]
        if opcode == 28:
            return self.size(o[0]) * self.constants.get(o[1], 1)
        if opcode == 30:
            return sum(self.size(member) for member in o)
        raise ValueError("a type without a size")


def words_of(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return [int(word, 16) for word in re.findall(r"0x[0-9a-fA-F]+", text)]


def push_members(module):
    """The types of the push constant block's members and their offsets."""
    for variable_type, storage in module.variables.values():
        if storage == PUSH_CONSTANT:
            block = module.pointee(variable_type)[1]
            types = module.types[block][1]
            offsets = [next(d[1] for d in module.members[(block, i)] if d[0] == 35) for i in range(len(types))]
            return list(zip(types, offsets))
    return []


def check(text, reads, writes, push_bytes, spec_ids, extended=False):
    """What is wrong with a kernel that reads and writes so many operands. `extended`: a variant for devices that have more
    than packshot asks of any."""
    problems = []
    module = Module(words_of(text))
    for capability in module.capabilities:
        if capability not in CAPABILITIES and not (extended and capability in CAPABILITIES_OF_VARIANTS):
            problems.append(f"capability {capability} is not among those a device must have")
    for decorations in module.decorations.values():
        for decoration in decorations:
            if decoration[0] == 11 and decoration[1] in BUILTINS_PER_PIECE:
                problems.append(f"{BUILTINS_PER_PIECE[decoration[1]]} counts within a piece of a launch: use ITEM or GROUP")
            if decoration[0] == 1 and decoration[1] not in spec_ids:
                problems.append(f"specialisation constant {decoration[1]} is not in the header")
    problems += check_push(module, reads, writes, push_bytes)
    problems += check_accesses(module)
    problems += check_sizes(module)
    return problems


def check_push(module, reads, writes, push_bytes):
    members = push_members(module)
    operands = reads + writes
    wanted = 8 * operands + push_bytes + 12
    if not members or members[-1][1] + 4 != wanted:
        return [f"the push constants end at {members[-1][1] + 4 if members else 0} bytes, not {wanted}: "
                "operands, push struct, PS_PIECE"]
    if wanted > 128:
        return [f"the push constants are {wanted} bytes, more than 128"]
    problems = []
    for i in range(operands):
        target = module.pointee(members[i][0])
        if members[i][1] != 8 * i or not target or target[0] != PHYSICAL:
            problems.append(f"push constant {i} is not the address of operand {i}")
            continue
        for never_written, never_read in module.qualifiers(target[1]):
            if i < reads and not never_written:
                problems.append(f"operand {i} is read but not declared readonly")
            if i >= reads and not never_read:
                problems.append(f"operand {i} is written but not declared writeonly")
    return problems


def root_member(module, pointer):
    """The (struct, member) in device memory that a pointer made by access chains lies in, or None."""
    while pointer in module.chains:
        _, base, indices = module.chains[pointer]
        result = next((o for op, o in module.instructions if op in (61, 124) and o[1] == base), None)
        if base in module.chains:
            pointer = base
            continue
        target = module.pointee(result[0]) if result else None
        if target and target[0] == PHYSICAL and module.types[target[1]][0] == 30:
            return target[1], module.constants[indices[0]]
        return None
    return None


def check_accesses(module):
    problems = []
    for opcode, o in module.instructions:
        if opcode == 61:
            place = root_member(module, o[2])
            if place and module.qualifiers(place[0])[place[1]][1]:
                problems.append("a load from a writeonly buffer")
        elif opcode == 62:
            place = root_member(module, o[0])
            if place and module.qualifiers(place[0])[place[1]][0]:
                problems.append("a store to a readonly buffer")
    for type_id, (opcode, o) in module.types.items():
        if opcode == 32 and o[0] == PHYSICAL and module.types[o[1]][0] == 30:
            if any(written == read for written, read in module.qualifiers(o[1])):
                problems.append("a buffer reference is neither readonly nor writeonly")
    return sorted(set(problems))


def check_sizes(module):
    problems = []
    if any(d[:2] == [1, LANES_OF_VARIANTS] for decorations in module.decorations.values() for d in decorations):
        return problems  # its size and what it shares are chosen for the device: pipeline/vk/variant.c
    size = module.local_size
    if not size or size[0] % 64 or size[0] > 256 or size[1] * size[2] != 1:
        problems.append(f"the work group {size} is not a row of 64, 128, 192 or 256 invocations")
    shared = sum(module.size(module.pointee(kind)[1]) for kind, storage in module.variables.values() if storage == WORKGROUP)
    if shared > 16384:
        problems.append(f"{shared} bytes of shared memory: Vulkan promises 16384")
    return problems
