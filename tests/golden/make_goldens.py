"""Writes every golden of this folder. Usage: python make_goldens.py [NAME ...]

NAME picks some of: pipelines blocks image sampling, or one pipeline by its name.
README.md says what each file is.
"""

import os
import sys

import common
import configs

HERE = os.path.dirname(os.path.abspath(__file__))


def main(wanted):
    common.single_thread()
    everything = not wanted
    for name in configs.PIPELINES:
        if everything or "pipelines" in wanted or name in wanted:
            import pipelines

            config = configs.PIPELINES[name]
            _, tables = pipelines.make(name, HERE)
            if config.get("single_file"):
                import singlefile

                singlefile.make(f"{HERE}/pipelines/{name}/single.recipe", name, config, tables, config["dtype"])
    if everything or "blocks" in wanted:
        import blocks

        blocks.make(HERE)
    if everything or "image" in wanted:
        import images

        images.make(HERE)
    if everything or "sampling" in wanted:
        import sampling

        sampling.make(HERE)
    with open(f"{HERE}/VERSIONS", "w", newline="\n") as f:
        for name, version in common.versions().items():
            f.write(f"{name} {version}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
