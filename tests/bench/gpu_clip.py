#!/usr/bin/env python3
"""SVD-XT on a GPU by packshot and by diffusers on PyTorch, side by side: seconds and memory of one forward of the UNet, of
decoding, and of a whole clip; whether the goals are met.

usage: gpu_clip.py BUILD [--only unet,decoder,clip] [--model FOLDER] [--width N] [--height N] [--frames N] [--steps N]
                   [--dtype f16|f32|bf16] [--device NAME] [--torch-device D] [--rounds N] [--turns N] [--backend NAME]

BUILD is a build folder with the program and tests/golden's golden_fill, as the preset release makes it. Without --model the
weights are the goldens' of SVD-XT's own size, 4.5 GB that are written into BUILD/golden/full where they are missing; time does
not depend on what they are. Needs torch, diffusers, transformers and pillow.

The two take turns, so that both see the card in the same state; a figure is the median over the turns of the medians of the
rounds in a turn, after forwards that warm up. PyTorch's convolutions are channels last, its attention is
scaled_dot_product_attention, its UNet is measured as it is and through torch.compile (--backend none does without,
for it takes minutes). Its clip is called with all loaded; packshot's is the whole command, from reading the photo and the
weights to the encoded file. A clip has one round a turn. PyTorch's memory is what its allocator had given out at most (on CUDA
alone), packshot's what it reports to have allocated.

The defaults are meant for an NVIDIA H100 to take less than ten minutes for each of the three parts; --only runs one. On a
machine without a GPU all of it can be tried with a toy model:

    gpu_clip.py build/release --model build/release/golden/pipelines/mini --width 40 --height 24 --frames 3 --steps 2 \\
                --dtype f32 --device 0 --torch-device cpu --rounds 2 --turns 1 --backend eager
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch

import vs_pytorch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTO = ROOT / "samples" / "photos" / "jar.png"
PARTS = ("unet", "decoder", "clip")
PHASES = ("vision", "encoder", "unet", "decoder")
CLIP_SECONDS = 15


def arguments():
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--height", type=int, default=576)
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--dtype", choices=("f16", "f32", "bf16"), default="f16")
    parser.add_argument("--device", default="auto", help="packshot's")
    parser.add_argument("--torch-device", default="cuda" if cuda else "cpu")
    parser.add_argument("--rounds", type=int, default=5, help="forwards of each in a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--backend", default="inductor", help="of torch.compile, or none")
    args = parser.parse_args()
    args.backend = None if args.backend == "none" else args.backend
    args.only = args.only.split(",")
    if not set(args.only) <= set(PARTS):
        parser.error("--only takes " + ", ".join(PARTS))
    args.channels_last = True
    args.packshot = args.build / "packshot"
    return args


def find_model(args):
    if args.model:
        return args.model
    folder = args.build / "golden" / "full"
    weights = ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "image_encoder/model")
    if not all((folder / (name + ".safetensors")).exists() for name in weights):
        print(f"writing SVD-XT's own size to {folder}, 4.5 GB", flush=True)
        subprocess.run([args.build / "tests" / "golden" / "golden_fill", ROOT / "tests" / "golden" / "full", folder], check=True)
    return folder


class Measure:
    """Seconds by turn, and the memory that was taken at most, of one way to do one thing."""

    def __init__(self, what, way):
        self.what, self.way, self.seconds, self.peak = what, way, [], 0

    def add(self, seconds, peak):
        self.seconds.append(seconds)
        self.peak = max(self.peak, peak)

    @property
    def median(self):
        return statistics.median(self.seconds)


class Torch(Measure):
    """By PyTorch: `make` loads what it needs and returns the call that is timed, `rounds` times a turn, and the one that warms
    up. Memory is its own weights and what its calls take beside them, for other ways' weights are on the card too."""

    def __init__(self, args, what, way, make):
        super().__init__(what, "PyTorch" + way)
        self.cuda, self.rounds = args.torch_device.startswith("cuda"), args.rounds
        before = self.allocated()
        self.call, warm_up = make()
        self.weights = self.allocated() - before
        begin = time.perf_counter()
        for _ in range(2):
            self.once(warm_up)
        print(f"{what}, {self.way}: warm after {time.perf_counter() - begin:.1f} s", flush=True)

    def allocated(self):
        return torch.cuda.memory_allocated() if self.cuda else 0

    def once(self, call):
        with torch.inference_mode():
            if self.cuda:
                torch.cuda.synchronize()
            begin = time.perf_counter()
            call()
            if self.cuda:
                torch.cuda.synchronize()
            return time.perf_counter() - begin

    def turn(self):
        """Leaves the card's memory to the next one but for the weights."""
        others = self.allocated() - self.weights
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        seconds = statistics.median(self.once(self.call) for _ in range(self.rounds))
        self.add(seconds, torch.cuda.max_memory_allocated() - others if self.cuda else 0)
        if self.cuda:
            torch.cuda.empty_cache()


def events(command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def own_options(args):
    return ["--json", "--quiet", "--model", args.model, "--device", args.device, "--dtype", args.dtype, "--width", args.width,
            "--height", args.height, "--frames", args.frames]


class Forward(Measure):
    """By packshot bench; `device` has the same by the device's clock, where it has one."""

    def __init__(self, args, part):
        super().__init__(part, "packshot")
        self.command = [args.packshot, "bench", *own_options(args), "--part", part, "--rounds", args.rounds]
        self.device = Measure(part, "packshot, device's clock")

    def turn(self):
        told = events(self.command)[-1]
        self.add(told["seconds"], told["peak_bytes"])
        self.device.add(sum(row["seconds"] for row in told["rows"] if row["what"] != "uploads"), told["peak_bytes"])
        self.note = (f"{told['device_name']}: {told['flops'] / told['seconds'] * 1e-12:.2f} TFLOP/s, multiply-adds in registers "
                     f"{told['ceiling_flops_per_second'] * 1e-12:.2f} TFLOP/s")


class Clip(Measure):
    """By packshot render."""

    def __init__(self, args):
        super().__init__("clip", "packshot")
        self.args = args

    def turn(self):
        with tempfile.TemporaryDirectory() as folder:
            told = events([self.args.packshot, "render", PHOTO, "-o", pathlib.Path(folder) / "clip.mp4", *own_options(self.args),
                           "--steps", self.args.steps])
        self.add(told[-1]["seconds"], told[-1]["peak_bytes"])
        ends = {event["phase"]: event["seconds"] for event in told if event.get("phase") in PHASES}
        begins = [0, *ends.values()]
        self.note = "phases: " + ", ".join(f"{name} {end - begin:.2f} s" for (name, end), begin in zip(ends.items(), begins))


def take_turns(args, measures):
    """Prints what was measured and returns it."""
    for _ in range(args.turns):
        for measure in measures:
            measure.turn()
    own = measures[-1]
    for measure in [*measures, *filter(None, [getattr(own, "device", None)])]:
        peak = f"{measure.peak / 2**30:8.2f} GiB" if measure.peak else f"{'-':>12}"
        print(f"{measure.what:8} {measure.way:26} {measure.median:10.4f} s  from {min(measure.seconds):.4f} to "
              f"{max(measure.seconds):.4f} {peak}  {measure.median / own.median:6.2f} of packshot's time")
    print(own.note, flush=True)
    return {measure.way: measure.median for measure in measures}


def measure_unet(args):
    peers = [Torch(args, "unet", "", lambda: [vs_pytorch.unet(args)] * 2)]
    if args.backend:
        peers.append(Torch(args, "unet", " compiled", lambda: [vs_pytorch.unet(args, args.backend)] * 2))
    return take_turns(args, [*peers, Forward(args, "unet")])


def measure_decoder(args):
    return take_turns(args, [Torch(args, "decoder", "", lambda: [vs_pytorch.decoder(args)] * 2), Forward(args, "decoder")])


def measure_clip(args):
    from diffusers import StableVideoDiffusionPipeline
    from PIL import Image

    image = Image.open(PHOTO).convert("RGB").resize((args.width, args.height))

    def make(backend):
        pipeline = StableVideoDiffusionPipeline.from_pretrained(args.model, torch_dtype=vs_pytorch.DTYPES[args.dtype])
        pipeline.to(args.torch_device).set_progress_bar_config(disable=True)
        for part in (pipeline.unet, pipeline.vae):
            vs_pytorch.channels_last(part)
        if backend:
            pipeline.unet.compile(backend=backend, dynamic=False)

        def call(steps=args.steps):
            pipeline(image, width=args.width, height=args.height, num_frames=args.frames, num_inference_steps=steps,
                     decode_chunk_size=args.frames, output_type="np")

        return call, lambda: call(1)

    def peer(backend):
        measure = Torch(args, "clip", " compiled" if backend else "", lambda: make(backend))
        measure.rounds = 1
        return measure

    peers = [peer(backend) for backend in ([None, args.backend] if args.backend else [None])]
    return take_turns(args, [*peers, Clip(args)])


def judge(args, found):
    at = f"{args.width}x{args.height}, {args.frames} frames, {args.dtype}"
    compiled = found.get("unet", {}).get("PyTorch compiled")
    if compiled:
        times = compiled / found["unet"]["packshot"]
        print(f"goal: UNet forward at least 1.00 times as fast as torch.compile: {'met' if times >= 1 else 'not met'}, {times:.2f} ({at})")
    else:
        print(f"goal: UNet forward at least 1.00 times as fast as torch.compile: not measured ({at})")
    if "clip" in found:
        seconds = found["clip"]["packshot"]
        print(f"goal: clip of {args.steps} steps below {CLIP_SECONDS} s: {'met' if seconds < CLIP_SECONDS else 'not met'}, {seconds:.2f} s ({at})")
    else:
        print(f"goal: clip of {args.steps} steps below {CLIP_SECONDS} s: not measured ({at})")


def main():
    args = arguments()
    args.model = find_model(args)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    card = torch.cuda.get_device_name() if args.torch_device.startswith("cuda") else "processor"
    print(f"PyTorch {torch.__version__} on {args.torch_device} ({card}); {args.width}x{args.height}, {args.frames} frames, "
          f"{args.steps} steps, {args.dtype}, {args.model}", flush=True)
    measures = {"unet": measure_unet, "decoder": measure_decoder, "clip": measure_clip}
    judge(args, {part: measures[part](args) for part in PARTS if part in args.only})


if __name__ == "__main__":
    main()
