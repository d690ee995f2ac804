"""A plain LitServe service, JPEG in, vector out: `python litserve_service.py PORT` in its own environment."""

# No `from __future__ import annotations`: LitServe looks at the annotation of `request`, which must not be a string.

import sys
from typing import Any

import litserve
import numpy as np
from fastapi import Request
from inception import decode, inception
from numpy.typing import NDArray

BATCH = 16


class Features(litserve.LitAPI):
    """The four steps of its documentation: set up, decode, predict, encode; requests are batched by LitServe."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """Build the model once for a worker."""
        self.model = inception()
        for count in (1, BATCH):
            self.model.predict(np.zeros((count, 299, 299, 3), np.float32), verbose=0)

    def decode_request(self, request: Request) -> NDArray[np.float32]:
        """The uploaded file's pixels."""
        return decode(request["content"].file.read())

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32[n, 299, 299, 3] to float32[n, 2048]; LitServe stacks and takes apart."""
        vectors: NDArray[np.float32] = self.model.predict(x, verbose=0)
        return vectors

    def encode_response(self, output: NDArray[np.float32]) -> dict[str, Any]:
        """The vector as JSON."""
        return {"vector": output.tolist()}


if __name__ == "__main__":
    api = Features(max_batch_size=BATCH, batch_timeout=0.01)
    litserve.LitServer(api, accelerator="cpu", timeout=300).run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
