"""Writes the traces of TopK, MSE, unit norm, AuxK and warm-up to nn/golden/testdata.

PyTorch computes the gradients in float64; Adam is Keras's. Run it where PyTorch is
installed (Debian: python3-torch):

    python3 nn/golden/record/topk.py
"""
import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
BATCH, BATCHES, STEPS = 6, 4, 24
LR, BETA1, BETA2, EPS = 0.003, 0.9, 0.999, 1e-7
TESTDATA = pathlib.Path(__file__).parent.parent / "testdata"


def record(name, layers, latent, k, loss, unit=False, aux=0.0, dead_steps=0, warmup=0, l1=0.0, offset=0.0, center=False):
    torch.manual_seed(5)
    # Rounded, so that they are exact in float32.
    params = []
    for inputs, outputs in zip(layers, layers[1:]):
        params.append((torch.randn(inputs, outputs) / inputs**0.5 * 1024).round() / 1024)
        params.append((torch.rand(outputs) * 64).round() / 1024)
    params[2 * latent - 1] += torch.linspace(0, offset, layers[latent]).mul(1024).round() / 1024
    decoder = params[2 * latent]
    if unit:
        decoder /= decoder.norm(dim=1, keepdim=True)
        decoder.copy_(decoder.float())
    batches = [torch.randint(0, 256, (BATCH, layers[0])) for _ in range(BATCHES)]
    initial = [{"kernel": w.flatten().tolist(), "bias": b.tolist()} for w, b in zip(params[::2], params[1::2])]
    for p in params:
        p.requires_grad_(True)

    mean = torch.zeros(layers[0])  # that the first layer's kernel does not see

    def forward(x):
        x = x - mean
        for i in range(len(layers) - 1):
            x = x @ params[2 * i] + params[2 * i + 1]
            if i < len(layers) - 2:
                x = x.relu()
            if i + 1 == latent:
                before = x
                values, indexes = x.topk(k, dim=1)
                x = code = torch.zeros_like(x).scatter(1, indexes, values)
        return before, code, x

    idle = torch.zeros(layers[latent])
    moments1, moments2 = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    expected = {"losses": [], "bce": [], "mse": [], "l1Penalty": [], "firstGrads": []}
    deaths = 0
    for step in range(1, STEPS + 1):
        x = (batches[(step - 1) % BATCHES] / 255).float().double()
        if center:  # train with the bias c = b + mean·W
            with torch.no_grad():
                mean.copy_(params[-1])
                params[1] += mean @ params[0]
        before, code, y = forward(x)
        if loss == "mse":
            reconstruction = ((y - x) ** 2).mean()
        else:
            reconstruction = torch.nn.functional.binary_cross_entropy_with_logits(y, x)
        penalty = l1 * code.abs().sum() / BATCH
        expected["losses"].append(float(reconstruction + penalty))
        expected[loss].append(float(reconstruction))
        expected["l1Penalty"].append(float(penalty))
        total = reconstruction + penalty
        if aux:
            idle += 1
            idle[(code > 0).any(0)] = 0
            dead = idle > dead_steps
            if dead.any():
                deaths += 1
                largest = min(int(dead.sum()), layers[0] // 2)
                values, indexes = before.masked_fill(~dead, 0).topk(largest, dim=1)
                z = torch.zeros_like(code).scatter(1, indexes, values)
                total = total + aux * (((x - y).detach() - z @ decoder) ** 2).mean()
        gradients = list(torch.autograd.grad(total, params))
        if unit:
            g = gradients[2 * latent]
            gradients[2 * latent] = g - (g * decoder.detach()).sum(1, keepdim=True) * decoder.detach()
        if step == 1:
            expected["firstGrads"] = [g.flatten().tolist() for g in gradients]
        rate = LR * (step / warmup if step < warmup else 1) * (1 - BETA2**step) ** 0.5 / (1 - BETA1**step)
        with torch.no_grad():
            for p, g, m, v in zip(params, gradients, moments1, moments2):
                m += (g - m) * (1 - BETA1)
                v += (g * g - v) * (1 - BETA2)
                p -= rate * m / (v.sqrt() + EPS)
            if unit:
                decoder /= decoder.norm(dim=1, keepdim=True)
            if center:
                params[1] -= mean @ params[0]
                mean.zero_()
    assert not aux or 3 < deaths < STEPS, deaths
    expected["finalWeights"] = [p.flatten().tolist() for p in params]
    _, code, y = forward((batches[0] / 255).float().double())
    expected["latent"] = code.flatten().tolist()
    expected["reconstruction"] = (y if loss == "mse" else y.sigmoid()).flatten().tolist()
    trace = {
        "name": name, "layers": layers, "latentIndex": latent, "batch": BATCH, "steps": STEPS, "l1": l1,
        "k": k, "loss": loss, "unit": unit, "aux": aux, "deadSteps": dead_steps, "center": center,
        "opt": {"lr": LR, "beta1": BETA1, "beta2": BETA2, "eps": EPS, "warmup": warmup},
        "initial": initial, "batchesUint8": [b.flatten().tolist() for b in batches], "expected": {"f64.torch": expected},
    }
    (TESTDATA / f"{name}.json").write_text(json.dumps(trace) + "\n")


record("topk", [11, 13, 11], 1, 3, "mse", unit=True, aux=1 / 32, dead_steps=2, warmup=10, offset=1.5, center=True)
record("topk-hidden", [9, 10, 7, 10, 9], 2, 2, "bce", unit=True, l1=0.01)
