"""Breaks a copy of the sources once for each rule and expects the rule to say so.

usage: test_rules.py SOURCE [GLSLC]
"""

import os
import shutil
import subprocess
import sys
import tempfile

import rules
import spirv

KERNEL = """#version 460
#include "lib/kernel.glsl"
#include "widen.h"
layout(local_size_x = 64) in;
layout(constant_id = PS_WIDEN_SPEC_WIDTH) const uint WIDTH = 1;
layout(push_constant) uniform Arguments {
    ReadS x;
    WriteF y;
    ps_widen_push push;
    PS_PIECE
};
shared float cache[64];
void main()
{
    cache[gl_LocalInvocationID.x] = WIDTH * push.scale * load(x, ITEM.x);
    barrier();
    store_f32(y, ITEM.x, cache[0]);
}
"""

# (what a breach must say, text to replace in KERNEL, its replacement)
KERNEL_BREACHES = [
    ("PS_PIECE", "    PS_PIECE\n", "    uint first_x, first_y, first_z, more;\n"),
    ("operand 0 is read but not declared readonly", "ReadS x;", "WriteS x;"),
    ("operand 1 is written but not declared writeonly", "WriteF y;", "ReadF y;"),
    ("gl_NumWorkGroups", "ITEM.x, cache[0]", "ITEM.x * gl_NumWorkGroups.y, cache[0]"),
    ("gl_GlobalInvocationID", "ITEM.x, cache[0]", "gl_GlobalInvocationID.x, cache[0]"),
    ("the work group", "local_size_x = 64", "local_size_x = 512"),
    ("the work group", "local_size_x = 64", "local_size_x = 8, local_size_y = 8"),
    ("shared memory", "cache[64]", "cache[5000]"),
    ("specialisation constant 7", "constant_id = PS_WIDEN_SPEC_WIDTH", "constant_id = 7"),
    ("capability", "uint WIDTH = 1;", "uint WIDTH = 1;\n#extension GL_KHR_shader_subgroup_arithmetic : require"),
    ("neither readonly nor writeonly", "layout(local", "layout(buffer_reference) buffer Both { float at[]; };\nlayout(local"),
    ("a load from a writeonly buffer", None, None),
    ("a store to a readonly buffer", None, None),
]


def replace(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, f"{path} has no {old!r}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


# (rule, how to break it, what the breach must name)
SOURCE_BREACHES = [
    ("includes", lambda r: append(f"{r}/pipeline/base/error.c", '#include "run/arena.h"\n'), "base may not include run"),
    ("includes", lambda r: append(f"{r}/pipeline/ops/linear.c", '#include "vk/vk.h"\n'), "ops may not include vk"),
    ("includes", lambda r: append(f"{r}/pipeline/tensor/tensor.c", '#include "blend.h"\n'), "tensor may not include shaders"),
    ("includes", lambda r: append(f"{r}/pipeline/run/run.c", "#include <vulkan/vulkan.h>\n"), "vulkan/vulkan.h"),
    ("includes", lambda r: append(f"{r}/pipeline/run/run.c", '#include "run/nothing.h"\n'), "is not found"),
    ("includes", lambda r: (os.mkdir(f"{r}/pipeline/attic"), append(f"{r}/pipeline/attic/a.c", "")), "is not a room"),
    ("kernel_parts", lambda r: append(f"{r}/pipeline/run/kernels.def", 'PS_KERNEL(fresh, "S", "S")\n'),
     "fresh lacks shaders/fresh.comp"),
    ("kernel_parts", lambda r: os.remove(f"{r}/pipeline/ref/blend.c"), "blend lacks pipeline/ref/blend.c"),
    ("kernel_parts", lambda r: append(f"{r}/shaders/stray.comp", ""), "stray.comp: no row"),
    ("kernel_parts", lambda r: os.remove(f"{r}/shaders/linear_coop.comp"), "lacks shaders/linear_coop.comp"),
    ("prebuilt", lambda r: append(f"{r}/shaders/lib/epilogue.glsl", " "), "conv_coop_f16.inc is of other sources"),
    ("prebuilt", lambda r: os.remove(f"{r}/shaders/prebuilt/linear_coop_f16.inc"), "linear_coop_f16.inc is missing"),
    ("prebuilt", lambda r: append(f"{r}/shaders/prebuilt/stray.inc", ""), "stray.inc: no row"),
    ("public_header", lambda r: replace(f"{r}/include/packshot.h", "#include <stdbool.h>\n", ""), "c11"),
    ("public_header", lambda r: replace(f"{r}/include/packshot.h", "enum ps_fit {", "enum class {"), "c++"),
    ("public_comments", lambda r: replace(f"{r}/include/packshot.h", "#endif\n\n#endif", "PS_API void ps_secret(void);\n#endif\n\n#endif"),
     "ps_secret"),
    ("version", lambda r: replace(f"{r}/include/packshot.h", "#define PS_VERSION \"", "#define PS_VERSION \"9"), "differ"),
    ("words", lambda r: append(f"{r}/pipeline/run/run.c", "/* TODO: later */\n"), "no owner"),
    ("words", lambda r: append(f"{r}/pipeline/run/run.c", 'const char *p = "/home/someone/x";\n'), "somebody"),
]

OBJECT_BREACHES = [
    ("globals", "static int ps_count; int ps_next(void); int ps_next(void) { return ps_count++; }", "ps_count can change"),
    ("globals", "int ps_level = 3;", "ps_level can change"),
    ("globals", "_Thread_local int ps_mine;", "ps_mine can change"),
    ("globals", "void stranger(void); void stranger(void) {}", "stranger does not begin"),
    ("calls", "#include <stdio.h>\nvoid ps_say(int i); void ps_say(int i) { printf(\"%d\", i); }", "printf"),
    ("calls", "#include <stdio.h>\nvoid ps_say(void); void ps_say(void) { fputs(\"x\", stderr); }", "stderr"),
    ("calls", "#include <stdlib.h>\nconst char *ps_home(void); const char *ps_home(void) { return getenv(\"HOME\"); }", "getenv"),
]
SOUND_OBJECT = """static const char *const names[] = {"a", "b"};
const char *ps_name(int i);
const char *ps_name(int i) { return names[i]; }
"""


def copy_of(source, folder):
    for part in ("include", "pipeline", "shaders", "tests/kernels"):
        shutil.copytree(os.path.join(source, part), os.path.join(folder, part))
    shutil.copy(os.path.join(source, "CMakeLists.txt"), folder)
    os.makedirs(os.path.join(folder, "samples"))


def source_cases(source):
    with tempfile.TemporaryDirectory() as folder:
        sound = os.path.join(folder, "sound")
        copy_of(source, sound)
        before = set(rules.breaches(sound))
        for number, (rule, spoil, wanted) in enumerate(SOURCE_BREACHES):
            copy = os.path.join(folder, str(number))
            shutil.copytree(sound, copy)
            spoil(copy)
            found = [b.replace(copy, sound) for b in rules.breaches(copy)]
            hits = [b for b in found if b not in before and b.startswith(rule + ":") and wanted in b]
            yield f"{rule}: {wanted}", bool(hits)


def archive_of(folder, text):
    source, object_file, archive = (os.path.join(folder, name) for name in ("x.c", "x.o", "x.a"))
    append(source, text)
    subprocess.run([os.environ.get("CC", "cc"), "-fPIC", "-c", source, "-o", object_file], check=True)
    subprocess.run(["ar", "rc", archive, object_file], check=True)
    return archive


def object_cases():
    for rule, text, wanted in [(None, SOUND_OBJECT, None)] + OBJECT_BREACHES:
        with tempfile.TemporaryDirectory() as folder:
            archive = archive_of(folder, text)
            found = {"calls": list(rules.rule_calls(archive)), "globals": list(rules.rule_globals(archive))}
            if rule is None:
                yield "a sound object", not found["calls"] and not found["globals"]
            else:
                yield f"{rule}: {wanted}", any(wanted in breach for breach in found[rule])


def compile_kernel(source, glslc, text):
    command = [glslc, "-fshader-stage=compute", "--target-env=vulkan1.2", "-O", "-DPS_F16=1",
               "-I", os.path.join(source, "shaders"), "-mfmt=c", "-o", "-", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    assert not result.returncode, text + result.stderr
    return result.stdout


def flip_qualifiers(text):
    """The same module with every NonWritable and NonReadable exchanged: glslang itself refuses such accesses."""
    module = spirv.words_of(text)
    at = 5
    while at < len(module):
        count, opcode = module[at] >> 16, module[at] & 0xFFFF
        if opcode == 72 and module[at + 3] in (24, 25):
            module[at + 3] = 49 - module[at + 3]
        at += count
    return "{" + ",".join(hex(word) for word in module) + "}"


def kernel_cases(source, glslc):
    sound = compile_kernel(source, glslc, KERNEL)
    problems = spirv.check(sound, 1, 1, 8, {0})
    yield f"a sound kernel {problems}", not problems
    flipped = spirv.check(flip_qualifiers(sound), 1, 1, 8, {0})
    for wanted, old, new in KERNEL_BREACHES:
        if old is None:
            yield f"spirv: {wanted}", wanted in flipped
            continue
        assert old in KERNEL
        text = KERNEL.replace(old, new, 1)
        if "subgroup" in new:
            text = text.replace("cache[0]);", "subgroupAdd(cache[0]));")
        if "Both" in new:
            text = text.replace("    PS_PIECE", "    Both z;\n    PS_PIECE")
        if old == "ReadS x;":
            text = text.replace("load(x, ITEM.x)", "1")
        if old == "WriteF y;":
            text = text.replace("store_f32(y,", "store_f32(WriteF(y),")
        problems = spirv.check(compile_kernel(source, glslc, text), 1, 1, 8, {0})
        yield f"spirv: {wanted}", any(wanted in problem for problem in problems)


def main(arguments):
    source = arguments[0]
    cases = list(source_cases(source)) + list(object_cases())
    if len(arguments) > 1:
        cases += kernel_cases(source, arguments[1])
    missed = [name for name, seen in cases if not seen]
    for name in missed:
        print(f"not noticed: {name}")
    print(f"{len(cases) - len(missed)} of {len(cases)} breaches noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
