"""A plain BentoML service, JPEG in, vector out: `bentoml serve bentoml_service:Features` in its own environment."""

from __future__ import annotations

import bentoml
import numpy as np
from inception import inception, prepared
from PIL.Image import Image  # noqa: TC002 - BentoML reads the annotations

BATCH = 16


@bentoml.service(traffic={"timeout": 300})
class Features:
    """A class with the model, and a method that is served; BentoML batches the requests."""

    def __init__(self) -> None:
        self.model = inception()
        for count in (1, BATCH):
            self.model.predict(np.zeros((count, 299, 299, 3), np.float32), verbose=0)

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=60_000)
    def features(self, pictures: list[Image]) -> np.ndarray:
        """Up to 16 pictures to float32[n, 2048]."""
        return self.model.predict(np.stack([prepared(each) for each in pictures]), verbose=0)
