"""What starting the command costs."""

from __future__ import annotations

import subprocess
import sys


def test_help_imports_nothing_heavy() -> None:
    """`graft --help` loads no TensorFlow, NumPy, gRPC nor the client."""
    code = (
        "import sys\n"
        "from graft.cli.main import main\n"
        "sys.argv = ['graft', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, *sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code_of_exit, *loaded = done.stderr.split()
    assert code_of_exit == "0"
    assert not {"tensorflow", "numpy", "grpc", "google.protobuf", "graft.client", "graft.serving"} & set(loaded)
    for command in (
        "up",
        "status",
        "import",
        "train",
        "classify",
        "extract",
        "sample",
        "promote",
        "rollback",
        "delete",
        "cache",
        "trunk",
    ):
        assert command in done.stdout
