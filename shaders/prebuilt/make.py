#!/usr/bin/env python3
"""Compiles the shaders that Debian 12's glslc cannot, for builds where there is no newer one.

usage: shaders/prebuilt/make.py GLSLC
Writes KERNEL_VARIANT_TYPE.inc beside this script for every row of variants.def that needs a GLSL extension, where it is not of
these sources yet. The first line of each has the SHA-256 of all its sources and of the flags; tests/rules fails where it is
another. GLSLC must know the extensions: shaderc 2025.2, as in Debian 13 (apt install glslc there), does but for
GL_EXT_bfloat16, which 2026.4 knows.
"""

import hashlib
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# As CMakeLists.txt has them.
FLAGS = ["-O", "-Werror"]
ENVIRONMENTS = {"GL_NV_cooperative_matrix2": "vulkan1.3"}
TYPES = {"f32": ["-DPS_F16=0", "-DPS_BF16=0"], "f16": ["-DPS_F16=1", "-DPS_BF16=0"], "bf16": ["-DPS_F16=0", "-DPS_BF16=1"]}


def variants(shaders):
    """(kernel, variant, types, extension) of every row of variants.def."""
    with open(os.path.join(shaders, "variants.def"), encoding="utf-8") as file:
        rows = re.findall(r'^PS_VARIANT\((\w+), (\w+), "([^"]*)", "([^"]*)"\)$', file.read(), re.M)
    return [(kernel, variant, types.split(), extension) for kernel, variant, types, extension in rows]


def sources(shaders, name):
    """The shader and all that it includes, as paths below the folder of the shaders."""
    found, waiting = [], [name]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.append(path)
        with open(os.path.join(shaders, path), encoding="utf-8") as file:
            waiting += re.findall(r'^\s*#\s*include\s*"([^"]+)"', file.read(), re.M)
    return sorted(found)


def flags(shaders, name, storage):
    """How a shader is compiled for a storage type."""
    extension = next(extension for kernel, variant, _, extension in variants(shaders) if f"{kernel}_{variant}" == name)
    environment = ENVIRONMENTS.get(extension, "vulkan1.2")
    return ["-fshader-stage=compute", f"--target-env={environment}", *FLAGS, *TYPES[storage]]


def digest(shaders, name, storage):
    """What the prebuilt result of a shader for a storage type must say it was made of."""
    total = hashlib.sha256(" ".join(flags(shaders, name, storage)).encode())
    for path in sources(shaders, name + ".comp"):
        with open(os.path.join(shaders, path), "rb") as file:
            total.update(f"\n{path}\n".encode() + file.read())
    return total.hexdigest()


def prebuilt(shaders):
    """(name of the shader, storage type) of everything that must lie here."""
    return [(f"{kernel}_{variant}", storage) for kernel, variant, types, extension in variants(shaders) if extension
            for storage in types]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    shaders = os.path.dirname(HERE)
    compiler = subprocess.run([arguments[0], "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    for name, storage in prebuilt(shaders):
        head, result = f"/* {digest(shaders, name, storage)} ", os.path.join(HERE, f"{name}_{storage}.inc")
        if os.path.exists(result):
            with open(result, encoding="utf-8") as file:
                if file.read(len(head)) == head:
                    continue
        command = [arguments[0], *flags(shaders, name, storage), "-I", shaders, "-mfmt=num", "-o", "-",
                   os.path.join(shaders, name + ".comp")]
        words = re.findall(r"0x[0-9a-f]+", subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        lines = [",".join(words[i : i + 12]) for i in range(0, len(words), 12)]
        with open(result, "w", encoding="utf-8") as file:
            file.write(f"{head}{compiler} */\n{{" + ",\n".join(lines) + "}\n")
        print(f"{name}_{storage}: {4 * len(words)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
