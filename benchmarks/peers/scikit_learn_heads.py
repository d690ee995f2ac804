"""scikit-learn's side of benchmarks/heads.py, in an environment of its own: FILE.npz in, JSON out.

Each is what its users would take: on standardised vectors, C (and for the SVM gamma) searched by 3 folds within the
training rows; the discriminant's shrinkage is Ledoit and Wolf's.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import warnings

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def models() -> dict[str, object]:
    """Return a new model of each kind."""
    inner = StratifiedKFold(3, shuffle=True, random_state=0)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    svm = make_pipeline(StandardScaler(), SVC())
    return {
        "LogisticRegression": GridSearchCV(logistic, {"logisticregression__C": [1e-3, 1e-2, 0.1, 1, 10]}, cv=inner),
        "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "RBF SVM": GridSearchCV(svm, {"svc__C": [1, 10, 100], "svc__gamma": ["scale", 3e-4, 1e-4]}, cv=inner),
    }


def main() -> None:
    """Fit every model to every fold."""
    warnings.filterwarnings("ignore")  # classes with fewer members than inner folds; iterations that end early
    given = np.load(sys.argv[1])
    vectors, labels = given["vectors"], given["labels"]
    total = hashlib.sha256(vectors.tobytes() + labels.tobytes())
    accuracies: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for fold in range(int(given["count"])):
        training, test = given[f"training{fold}"], given[f"test{fold}"]
        total.update(training.astype("<i8").tobytes() + b"|" + test.astype("<i8").tobytes())
        for name, model in models().items():
            began = time.perf_counter()
            answers = model.fit(vectors[training], labels[training]).predict(vectors[test])
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
            accuracies.setdefault(name, []).append(float((answers == labels[test]).mean()))
    json.dump({"saw": total.hexdigest(), "accuracies": accuracies, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
