#!/usr/bin/env python3
"""Writes whiten.json, which the tests of package patch compare with: whitening by numpy."""
import json
import pathlib

import numpy as np

N, DIMS = 50, 12
i = np.arange(N * DIMS)
x = ((37 * i * i + 11 * i) % 251).reshape(N, DIMS) / 255  # the test has the same formula
means = x.mean(axis=1, keepdims=True)
u = x - means
mu = u.mean(axis=0)
values, vectors = np.linalg.eigh((u - mu).T @ (u - mu) / N)
w = vectors @ np.diag((values + 0.1 * values.mean()) ** -0.5) @ vectors.T
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"mean": mu.tolist(), "first": ((u - mu) @ w)[0].tolist()}) + "\n")
