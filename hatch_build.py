"""Build hook: generate the typed gRPC stubs of protos/ into graft/v1, which git does not hold."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


def generate(root: Path = ROOT) -> list[Path]:
    """Write graft/v1/*_pb2.py, *_pb2_grpc.py and their .pyi files under `root`; return what was written.

    Raises:
        RuntimeError: protoc refused the proto files (it prints why to standard error).
    """
    from grpc_tools import protoc

    protos = root / "protos"
    out = root / "graft" / "v1"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # google/rpc/status.proto comes with googleapis-common-protos; google/protobuf/* with grpcio-tools.
    common = googleapis()
    wellknown = Path(protoc.__file__).parent / "_proto"
    # mypy-protobuf's plugins are console scripts of the environment that runs this build.
    plugins = [
        f"--plugin={name}={found}"
        for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
        if (found := shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name))
    ]
    arguments = [
        "protoc",
        f"-I{protos}",
        f"-I{common}",
        f"-I{wellknown}",
        *plugins,
        f"--python_out={root}",
        f"--grpc_python_out={root}",
        f"--mypy_out=quiet:{root}",
        f"--mypy_grpc_out=quiet:{root}",
        *(str(path) for path in sorted(protos.glob("graft/v1/*.proto"))),
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError("protoc failed on protos/graft/v1")
    (out / "__init__.py").write_text('"""Generated from protos/graft/v1: the messages and stubs of the wire."""\n')
    return sorted(out.iterdir())


def googleapis() -> Path:
    """Return the directory that holds google/rpc/status.proto, inside the installed googleapis-common-protos."""
    import google.rpc

    return Path(next(iter(google.rpc.__path__))).parent.parent


def lay_out_googleapis(root: Path = ROOT) -> None:
    """Put google/rpc/status.proto where buf.yaml and clients in other languages find it: build/googleapis."""
    target = root / "build" / "googleapis" / "google" / "rpc"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(googleapis() / "google" / "rpc" / "status.proto", target / "status.proto")


class StubsHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves its generic parameter open
    """Generate the stubs before hatch collects the files of a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's signature
        """Run once for each build target; the sdist carries protos/ instead of stubs."""
        if self.target_name != "wheel":
            return
        generate(Path(self.root))
        if version == "editable":
            lay_out_googleapis(Path(self.root))


if __name__ == "__main__":
    lay_out_googleapis()
    for written in generate():
        sys.stdout.write(f"{written.relative_to(ROOT)}\n")
