"""The rules of the house that a compiler does not check. Prints one line a breach; exits 1 where there is one.

usage: rules.py SOURCE [BUILD]
SOURCE is the repository; BUILD, a build folder of it with libpackshot_core.a, adds the rules on what was compiled.
Each rule is a function that yields breaches; test_rules.py breaks a copy for each and expects to see it.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import spirv

# Who may include whom, beside itself; what those may include comes with them. "public" is include/packshot.h, "shaders"
# the headers that C and GLSL share, which do not come along.
ROOMS = {
    "base": {"public"},
    "sandbox": {"base"},
    "tensor": {"base"},
    "run": {"tensor", "shaders"},
    "vk": {"run", "shaders"},
    "ref": {"run", "shaders"},
    "cpu": {"run", "shaders"},
    "ops": {"run", "shaders"},
    "weights": {"run"},
    "model": {"ops", "weights"},
    "sample": {"ops", "model"},
    "frame": {"base"},
    "provenance": {"base"},
    "media": {"sandbox", "frame", "provenance"},
    "finish": {"media"},
    "quality": {"media"},
    "verify": {"media", "weights"},
    "preset": {"base"},
    "render": {"vk", "ref", "cpu", "model", "sample", "media"},
    "about": {"vk", "cpu", "finish", "jobs"},
    "jobs": {"provenance"},
    "cli": {"public", "base", "preset", "jobs"},
}
# Libraries that only some rooms see.
FOREIGN = {"vulkan/": {"vk"}, "volk.h": {"vk"}, "libav": {"media", "finish", "verify"}, "libavfilter/": {"finish"},
           "libavformat/": {"finish", "verify"}, "libsw": {"finish"}, "png.h": {"media"}, "ft2build.h": {"finish"},
           "ini.h": {"preset"}, "sqlite3.h": {"jobs"}, "csv.h": {"jobs"}, "openssl/": {"provenance"}, "lcms2": {"media"},
           "zlib.h": {"media", "provenance"}, "linux/seccomp.h": {"sandbox"}}

# What the library must not call, and the sections that hold what can change.
FORBIDDEN_CALLS = set(
    "printf vprintf puts putchar putc perror stdout stderr exit _exit _Exit quick_exit abort getenv secure_getenv setenv "
    "putenv system popen rand srand __printf_chk __vprintf_chk".split())
MUTABLE = (".data", ".bss", ".tdata", ".tbss", "*COM*")
# volk.c keeps the loader's entry points in globals, written once, under a once flag: see pipeline/vk/loader.c.
VOLK_OBJECT = "loader.c.o"
# What sanitizers add beside a program's own variables.
SANITIZERS = ("__asan", "__odr_asan", "___asan", "__ubsan", "__tsan")

TEXT = (".c", ".h", ".def", ".comp", ".glsl", ".py", ".txt", ".sh", ".json")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def files(root, folder, endings):
    for where, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = [f for f in folders if f not in ("build", "__pycache__", "golden", "data", "corpus")]
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(where, name), root)


def closure(room):
    seen, waiting = set(), [room]
    while waiting:
        for other in ROOMS.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    if "shaders" not in ROOMS[room]:
        seen.discard("shaders")
    return seen | {room}


def included_room(root, path, name):
    """The room that an #include "name" in the file `path` reaches, or None where there is no such file."""
    if name == "packshot.h":
        return "public"
    if os.path.exists(os.path.join(root, "shaders", name)):
        return "shaders"
    for base in (os.path.join(root, "pipeline"), os.path.dirname(os.path.join(root, path))):
        full = os.path.normpath(os.path.join(base, name))
        if os.path.exists(full):
            return os.path.relpath(full, os.path.join(root, "pipeline")).split(os.sep)[0]
    return None


def rule_includes(root):
    for path in files(root, "pipeline", (".c", ".h")):
        room = path.split(os.sep)[1]
        if room not in ROOMS:
            yield f"{path}: {room} is not a room"
            continue
        for opening, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', read(os.path.join(root, path)), re.M):
            for library, rooms in FOREIGN.items():
                if name.startswith(library) and room not in rooms:
                    yield f"{path}: {name} is for {', '.join(rooms)} alone"
            if opening == '"':
                other = included_room(root, path, name)
                if other is None and not name.endswith(".inc"):
                    yield f"{path}: {name} is not found"
                elif other is not None and other not in closure(room):
                    yield f"{path}: {room} may not include {other} ({name})"


def kernels(root):
    """(name, operands read, operands written) of every row."""
    table = read(os.path.join(root, "pipeline/run/kernels.def"))
    for name, reads, writes in re.findall(r'^PS_KERNEL\((\w+), "(\w+)", "(\w+)"\)', table, re.M):
        yield name, len(reads), len(writes)


def rule_kernel_parts(root):
    names = [name for name, _, _ in kernels(root)]
    if not names:
        yield "pipeline/run/kernels.def: no rows"
    for name in names:
        for part in (f"shaders/{name}.h", f"shaders/{name}.comp", f"pipeline/ref/{name}.c", f"tests/kernels/test_{name}.c"):
            if not os.path.exists(os.path.join(root, part)):
                yield f"kernel {name} lacks {part}"
    variants = [f"{kernel}_{variant}" for kernel, variant, _, _ in prebuilder(root).variants(os.path.join(root, "shaders"))]
    for path in files(root, "shaders", (".comp",)):
        if os.path.basename(path)[:-5] not in names + variants:
            yield f"{path}: no row of kernels.def or variants.def"
    for name in variants:
        if not os.path.exists(os.path.join(root, f"shaders/{name}.comp")):
            yield f"variant {name} lacks shaders/{name}.comp"


def prebuilder(root):
    """The script that makes shaders/prebuilt/ as a module."""
    spec = importlib.util.spec_from_file_location("prebuilder", os.path.join(root, "shaders/prebuilt/make.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rule_prebuilt(root):
    """Shaders that the oldest glslc cannot compile are there compiled, of the sources as they are."""
    maker, shaders = prebuilder(root), os.path.join(root, "shaders")
    wanted = {f"{name}_{storage}.inc": (name, storage) for name, storage in maker.prebuilt(shaders)}
    for file in sorted(set(wanted) | {f for f in os.listdir(os.path.join(shaders, "prebuilt")) if f.endswith(".inc")}):
        path = os.path.join(shaders, "prebuilt", file)
        if file not in wanted:
            yield f"shaders/prebuilt/{file}: no row of variants.def"
        elif not os.path.exists(path):
            yield f"shaders/prebuilt/{file} is missing: run shaders/prebuilt/make.py"
        elif not os.path.exists(os.path.join(shaders, wanted[file][0] + ".comp")):
            yield f"shaders/prebuilt/{file}: its shader is missing"
        elif not read(path).startswith(f"/* {maker.digest(shaders, *wanted[file])} "):
            yield f"shaders/prebuilt/{file} is of other sources: run shaders/prebuilt/make.py"


def push_bytes(header, name):
    struct = re.search(r"struct ps_%s_push \{(.*?)\n\};" % name, header, re.S)
    body = re.sub(r"/\*.*?\*/", "", struct.group(1), flags=re.S) if struct else ""
    return sum(4 * len(names.split(",")) for names in re.findall(r"ps_(?:uint|float)\s+([^;]+);", body))


def rule_spirv(root, build):
    for name, reads, writes in kernels(root):
        header = read(os.path.join(root, f"shaders/{name}.h"))
        ids = {int(i) for i in re.findall(r"#define PS_%s_SPEC_\w+\s+(\d+)" % name.upper(), header)}
        for storage in ("f32", "f16", "bf16"):
            path = os.path.join(build, "shaders", f"{name}_{storage}.inc")
            if not os.path.exists(path):
                yield f"{name}_{storage}: not compiled"
                continue
            try:
                problems = spirv.check(read(path), reads, writes, push_bytes(header, name), ids)
            except (ValueError, KeyError, IndexError) as error:
                problems = [f"unreadable: {error!r}"]
            for problem in problems:
                yield f"{name}_{storage}: {problem}"
    yield from rule_spirv_of_variants(root, build)


def rule_spirv_of_variants(root, build):
    rows = {name: (reads, writes) for name, reads, writes in kernels(root)}
    tiles = {int(i) for i in re.findall(r"#define PS_TILE_\w+\s+(\d+)", read(os.path.join(root, "shaders/lib/variant.h")))}
    for kernel, variant, storages, extension in prebuilder(root).variants(os.path.join(root, "shaders")):
        header = read(os.path.join(root, f"shaders/{kernel}.h"))
        ids = {int(i) for i in re.findall(r"#define PS_%s_SPEC_\w+\s+(\d+)" % kernel.upper(), header)}
        for storage in storages:
            name = f"{kernel}_{variant}_{storage}.inc"
            places = [os.path.join(build, "shaders", name), os.path.join(root, "shaders/prebuilt", name)]
            path = next((place for place in places if os.path.exists(place)), None)
            if path is None:
                yield f"{name}: not compiled"
                continue
            for problem in spirv.check(read(path), *rows[kernel], push_bytes(header, kernel), ids | tiles, bool(extension)):
                yield f"{name}: {problem}"


def rule_public_header(root):
    header = os.path.join(root, "include/packshot.h")
    compilers = [(os.environ.get("CC", "cc"), "c", "c11"), (os.environ.get("CXX", "c++"), "c++", "c++11")]
    for compiler, language, standard in compilers:
        if not shutil.which(compiler):
            print(f"note: no {compiler}: the public header is not tried as {standard}")
            continue
        result = subprocess.run([compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                                 "-fsyntax-only", "-"], input=f'#include "{header}"\n', capture_output=True, text=True)
        if result.returncode:
            yield f"include/packshot.h as {standard}: {result.stderr.strip().splitlines()[0]}"


def rule_public_comments(root):
    """Every paragraph of declarations begins with a comment, or is a struct that begins with one inside."""
    lines = read(os.path.join(root, "include/packshot.h")).splitlines()
    documented = False
    depth = 0
    for number, line in enumerate(lines, 1):
        if not depth:
            if not line.strip():
                documented = False
            elif line.rstrip().endswith("*/"):
                documented = True
            elif re.match(r"(PS_API|struct \w+( \{|;)|enum \w+ \{|typedef)", line) and not documented:
                inside = line.startswith("struct") and "/*" in lines[number]
                if not inside and not re.match(r"enum \w+ \{.*\};", line):
                    yield f"include/packshot.h:{number}: undocumented: {line.strip()}"
        depth += line.count("{") - line.count("}")
        if line.startswith(('extern "C"', "}")):
            depth = 0


def rule_version(root):
    header = re.search(r'#define PS_VERSION "([^"]+)"', read(os.path.join(root, "include/packshot.h")))
    project = re.search(r"project\(packshot VERSION (\S+)", read(os.path.join(root, "CMakeLists.txt")))
    if not header or not project or header.group(1) != project.group(1):
        yield "PS_VERSION and the project's version in CMakeLists.txt differ"


def rule_words(root):
    for folder in ("include", "pipeline", "shaders", "samples", "tests"):
        for path in files(root, folder, TEXT):
            if path.startswith(os.path.join("tests", "rules")):
                continue
            for number, line in enumerate(read(os.path.join(root, path)).splitlines(), 1):
                if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(\w)", line):
                    yield f"{path}:{number}: work left over, with no owner: {line.strip()}"
                if re.search(r"(?<![\w.])/(home|root|work|Users)/\w", line):
                    yield f"{path}:{number}: a path of somebody's machine: {line.strip()}"


def rule_calls(archive):
    """The library never prints, exits or reads the environment."""
    found = subprocess.run(["nm", "-A", "--undefined-only", archive], capture_output=True, text=True, check=True).stdout
    for line in found.splitlines():
        where, _, symbol = line.rpartition(" ")
        if symbol in FORBIDDEN_CALLS:
            yield f"{where.split(':')[1]}: refers to {symbol}"


def rule_globals(archive):
    """The library keeps no state that can change, and its names begin with ps_."""
    listing = subprocess.run(["objdump", "-t", archive], capture_output=True, text=True, check=True).stdout
    member = ""
    for line in listing.splitlines():
        header = re.match(r"(\S+):\s+file format", line)
        if header:
            member = header.group(1)
        symbol = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+[0-9a-f]+ (?:\.hidden |\.protected )?(\S+)$", line)
        if not symbol or member == VOLK_OBJECT or symbol.group(3).startswith(SANITIZERS):
            continue
        flags, section, name = symbol.groups()
        if "d" not in flags and section.startswith(MUTABLE) and not section.startswith(".data.rel.ro"):
            yield f"{member}: {name} can change ({section})"
        if flags[0] == "g" and section != "*UND*" and not name.startswith("ps_"):
            yield f"{member}: {name} does not begin with ps_"


def breaches(root, build=None):
    rules = [rule_includes, rule_kernel_parts, rule_prebuilt, rule_public_header, rule_public_comments, rule_version, rule_words]
    for rule in rules:
        for breach in rule(root):
            yield f"{rule.__name__[5:]}: {breach}"
    if build:
        archive = os.path.join(build, "libpackshot_core.a")
        for rule, subject in ((rule_calls, (archive,)), (rule_globals, (archive,)), (rule_spirv, (root, build))):
            for breach in rule(*subject):
                yield f"{rule.__name__[5:]}: {breach}"


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__)
        return 2
    count = 0
    for breach in breaches(*arguments):
        print(breach)
        count += 1
    print(f"{count} breaches of the rules" if count else "the rules hold")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
