"""ctypes mirror of scene.h, and the compiled renderer, built on first use into the user's cache."""
import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SOURCES = ["trace.c", "light.c", "render.c"]
HEADERS = ["vec.h", "scene.h", "trace.h", "light.h"]
FLAGS = ["-std=c11", "-O3", "-march=native", "-ffast-math", "-Wall", "-Wextra", "-Wshadow", "-shared", "-fPIC"]
F, I = ctypes.c_float, ctypes.c_int32
PROFILE_POINTS, MATERIALS, SOFTBOXES = 64, 8, 6


class Material(ctypes.Structure):
    _fields_ = [("albedo", F * 3), ("metal", F), ("rough", F), ("specular", F), ("glass", F), ("labelled", I)]


class Softbox(ctypes.Structure):
    _fields_ = [("direction", F * 3), ("across", F * 3), ("up", F * 3), ("half_across", F), ("half_up", F),
                ("power", F), ("tint", F * 3)]


class Scene(ctypes.Structure):
    _fields_ = [("shape", I), ("points", I), ("radius", F * PROFILE_POINTS), ("height", F * PROFILE_POINTS),
                ("material_of", I * PROFILE_POINTS), ("box_half_x", F), ("box_height", F), ("box_half_z", F),
                ("box_round", F), ("material", Material * MATERIALS), ("label_low", F), ("label_high", F),
                ("label_width", I), ("label_height", I), ("label", ctypes.c_void_p), ("target", F), ("distance", F),
                ("pitch", F), ("yaw", F), ("field", F), ("shift_x", F), ("shift_y", F), ("softboxes", I),
                ("softbox", Softbox * SOFTBOXES), ("ambient", F), ("backdrop", I), ("floor", F * 3), ("wall", F * 3),
                ("grain", F), ("grain_seed", F), ("mirror", F), ("shadow", F), ("vignette", F), ("exposure", F), ("turn", F)]


class Pose(ctypes.Structure):
    _fields_ = [("turn", F), ("orbit", F), ("push", F), ("swing", F)]


def library():
    """Compiles the renderer unless this source has been compiled before."""
    text = b"".join((HERE / n).read_bytes() for n in SOURCES + HEADERS) + " ".join(FLAGS).encode()
    name = "studio-" + hashlib.sha256(text).hexdigest()[:16] + ".so"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "packshot"
    target = cache / name
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(suffix=".so", dir=cache)
        os.close(handle)
        subprocess.run(["gcc", *FLAGS, *[str(HERE / n) for n in SOURCES], "-o", made, "-lm"], check=True)
        os.replace(made, target)
    lib = ctypes.CDLL(str(target))
    if lib.studio_scene_size() != ctypes.sizeof(Scene):
        raise RuntimeError("scene.py and scene.h disagree about struct scene")
    return lib


_library = None


def render(scene, poses, width=256, height=192):
    """uint8 [frames, height, width, 3] for a list of Pose."""
    global _library
    if _library is None:
        _library = library()
    out = np.empty((len(poses), height, width, 3), np.uint8)
    array = (Pose * len(poses))(*poses)
    if _library.studio_render(ctypes.byref(scene), width, height, len(poses), array, out.ctypes.data_as(ctypes.c_void_p)):
        raise MemoryError("studio_render")
    return out
