#!/usr/bin/env python3
"""Experiment $experiment ($name): a sparse autoencoder on CIFAR-10, in PyTorch.

    python3 autoencoder.py                      trains it
    torchrun --nproc_per_node=2 autoencoder.py  trains it in two processes, as one would
    python3 autoencoder.py model.safetensors    evaluates an exported model

It reads cifar-10-binary.tar.gz, from https://www.cs.toronto.edu/~kriz/cifar.html, in the
current folder, and writes trained.safetensors, which the page opens.
"""
import json
import os
import sys
import tarfile

import torch
import torch.distributed as dist
import torch.nn.functional as F

HIDDEN = [$hidden]
LATENT = $latent
EPOCHS = $epochs
BATCH = $batch
LR = $lr
SEED = $seed
#if sparsity=topk
K = $k
#if sparsity=l1
LAMBDA = $lambda
#if !aux=0
AUX = $aux
DEAD_STEPS = $dead
#if !decay=1
DECAY = $decay  # of the learning rate, per epoch
#if !warmup=0
WARMUP = $warmup  # steps
#if patch=0
INPUT = 3072
#if !patch=0
PATCH = $patch
INPUT = PATCH * PATCH * 3
#if mirrored=true
DECODER = HIDDEN[::-1]
#if mirrored=false
DECODER = []
#end
SETTINGS = r'$settings'


class Autoencoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = []  # of each, its kernel, [in, out] or, in nn.Linear, transposed, and its bias
#if hidden=
        self.W_enc = torch.nn.Parameter(torch.zeros(INPUT, LATENT))
        self.b_enc = torch.nn.Parameter(torch.zeros(LATENT))
        self.W_dec = torch.nn.Parameter(torch.zeros(LATENT, INPUT))
        self.b_dec = torch.nn.Parameter(torch.zeros(INPUT))
        self.layers = [(self.W_enc, self.b_enc), (self.W_dec, self.b_dec)]
#if !hidden=
        widths = [INPUT, *HIDDEN, LATENT, *DECODER, INPUT]
        names = [f"encoder_{i + 1}" for i in range(len(HIDDEN))] + ["latent"]
        names += [f"decoder_{i + 1}" for i in range(len(DECODER))] + ["output"]
        for name, inputs, units in zip(names, widths, widths[1:]):
            self.add_module(name, torch.nn.Linear(inputs, units))
            self.layers.append((getattr(self, name).weight, getattr(self, name).bias))
#if whiten=true
        self.register_buffer("whitening_mean", torch.zeros(INPUT))
        self.register_buffer("whitening_matrix", torch.eye(INPUT))
        self.register_buffer("whitening_inverse", torch.eye(INPUT))
#if !aux=0
        self.register_buffer("idle", torch.zeros(LATENT, dtype=torch.long), persistent=False)
#end

    def forward(self, x):
        """Returns outputs, before the sigmoid if there is one, codes, and all activations."""
        for i, (kernel, bias) in enumerate(self.layers):
            x = x @ columns(kernel) + bias
            if i == len(HIDDEN):
#if activation=relu
                every = x = F.relu(x)
#if activation=linear
                every = x
#if sparsity=topk
                top = x.topk(K)
                x = torch.zeros_like(x).scatter(1, top.indices, top.values)
#end
                code = x
            elif i < len(self.layers) - 1:
                x = F.relu(x)
        return x, code, every

    def rows(self, images):
        """Returns what the model reads of rows of bytes, [n, INPUT]."""
#if whiten=false
        return images.float() / 255
#if whiten=true
        x = images.float() / 255
        return (x - x.mean(1, keepdim=True) - self.whitening_mean) @ self.whitening_matrix
#end

    @torch.no_grad()
    def reconstruct(self, images):
        """Returns the reconstructions, 0 to 1, and the codes, of images, [n, 3072] bytes."""
#if !patch=0
        images = cut(images)
#end
        y, code, _ = self(self.rows(images))
#if loss=bce
        y = torch.sigmoid(y)
#if whiten=true
        y = y @ self.whitening_inverse + self.whitening_mean + (images.float() / 255).mean(1, keepdim=True)
#if !patch=0
        y = join(y)
#end
        return y, code


def columns(kernel):
    """Returns a kernel, or its gradient, as [in, out]."""
#if hidden=
    return kernel
#if !hidden=
    return kernel.t()  # of nn.Linear
#end


#if !patch=0
def cut(images):
    """Returns the patches, [n * patches, INPUT], of images, [n, 3072]."""
    side = 32 // PATCH
    return images.view(-1, side, PATCH, side, PATCH, 3).transpose(2, 3).reshape(-1, INPUT)


def join(patches):
    """Is the inverse of cut."""
    side = 32 // PATCH
    return patches.view(-1, side, side, PATCH, PATCH, 3).transpose(2, 3).reshape(-1, 3072)


#if whiten=true
def whiten(model, patches):
    """Fits the whitening, ZCA, to at most 20,000 patches."""
    x = patches[torch.randperm(len(patches))[:20000]].double() / 255
    x -= x.mean(1, keepdim=True)
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).t() @ (x - mean) / len(x))
    values = values.clamp(min=0) + 0.1 * values.mean()
    model.whitening_mean.copy_(mean)
    model.whitening_matrix.copy_(vectors * values ** -0.5 @ vectors.t())
    model.whitening_inverse.copy_(vectors * values ** 0.5 @ vectors.t())


#end
@torch.no_grad()
def start(model, images):
    """Sets the parameters that training starts from, given the rows of all training images."""
    torch.manual_seed(SEED)
#if whiten=true
    whiten(model, images)
#end
    layers = [(columns(kernel), bias) for kernel, bias in model.layers]
    for kernel, bias in layers:
        bias.zero_()
#if init=he
        limit = (6 / kernel.shape[0]) ** 0.5
#if !init=he
        limit = (6 / sum(kernel.shape)) ** 0.5
#end
        kernel.uniform_(-limit, limit)
#if init=tied
    (encoder, encoder_bias), (decoder, decoder_bias) = layers
    mean = torch.cat([model.rows(part) for part in images.split(4096)]).mean(0)
    decoder.normal_()
    decoder /= decoder.norm(dim=1, keepdim=True)
    encoder.copy_(decoder.t())
    encoder_bias.copy_(-mean @ encoder)
    decoder_bias.copy_(mean)
#if init=tied loss=bce
    decoder_bias.copy_(torch.logit(mean.clamp(0.01, 0.99)))
#if init=pca
    # The code is the positions along principal components, in standard deviations. Hidden
    # layers carry a position z as max(0, z) and max(0, -z).
    x = images[:6000].double() / 255
    mean = x.mean(0)
    _, singular, vectors = torch.linalg.svd(x - mean, full_matrices=False)
    k = min([LATENT, len(singular), *(units // 2 for units in HIDDEN)])
    deviations = (singular[:k] / len(x) ** 0.5).clamp(min=1e-3)
    components = vectors[:k].t()
    slope = 1
#if init=pca loss=bce
    slope = mean.clamp(0.01, 0.99) * (1 - mean.clamp(0.01, 0.99))
    mean_output = torch.logit(mean.clamp(0.01, 0.99))
#if init=pca loss=mse
    mean_output = mean
#if init=pca
    offset = $offset
    for i, (kernel, bias) in enumerate(layers):
        if i == 0:
            carried, shift = components / deviations, -mean @ (components / deviations)
        elif i == len(layers) - 1:
            kernel.zero_()
            carried, shift = (deviations * components).t() / slope, mean_output
        else:
            carried, shift = torch.eye(k).to(x), torch.zeros(k).to(x)
        if i != 0 and i != len(HIDDEN) + 1:  # from pairs
            carried = torch.cat([carried, -carried])
        if i != len(HIDDEN) and i != len(layers) - 1:  # to pairs
            carried, shift = torch.cat([carried, -carried], 1), torch.cat([shift, -shift])
        kernel[:, :len(shift)] = 0
        kernel[:len(carried), :len(shift)] = carried.float()
        bias[:len(shift)] = shift.float()
        if i == len(HIDDEN):
            bias[:k] += offset
        if i == len(HIDDEN) + 1:
            bias -= offset * kernel[:k].sum(0)
#if unit=true
    (latent, bias), (decoder, _) = layers[len(HIDDEN)], layers[len(HIDDEN) + 1]
    norms = decoder.norm(dim=1)
    norms[norms == 0] = 1
    decoder /= norms[:, None]
    latent *= norms
    bias *= norms
#end


def order(rows, epoch):
    """Returns a random order of the rows, the same in all processes."""
    return torch.randperm(rows, generator=torch.Generator().manual_seed(SEED + epoch))


def train(model, images, validation):
    """Trains on images, [n, 3072] bytes, and returns the loss of each epoch.

    The processes of torchrun share each batch. Every sum is divided by the size of the
    whole batch, so that they do what one process does.
    """
    device = images.device
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
#if patch=0
    rows = images
#if !patch=0
    rows = cut(images)
#end
    net = model
    if world > 1:
        net = torch.nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    adam = torch.optim.Adam(model.parameters(), LR)
    steps = -(-len(rows) // BATCH)
    losses, t = [], 0
    for epoch in range(EPOCHS):
        total = torch.zeros((), device=device, dtype=torch.double)
        for batch in order(len(rows), epoch).split(BATCH):
            n = len(batch)
            x = model.rows(rows[batch[rank::world].to(device)])
            y, code, every = net(x)
#if loss=mse
            loss = ((y - x) ** 2).sum() / (n * INPUT)
#if loss=bce
            loss = F.binary_cross_entropy_with_logits(y, x, reduction="sum") / (n * INPUT)
#if sparsity=l1 !lambda=0
            loss = loss + LAMBDA / n * code.abs().sum()
#end
            total += loss.detach() * n
#if !aux=0
            # Units that are dead learn to reconstruct what the others miss.
            active = (code != 0).any(0).int()
            if world > 1:
                dist.all_reduce(active, op=dist.ReduceOp.MAX)
            dead = (model.idle >= DEAD_STEPS) & (active == 0)
            model.idle += 1
            model.idle[active != 0] = 0
            if dead.any():
                z = every[:, dead]
                if z.shape[1] > INPUT // 2:
                    top = z.topk(INPUT // 2)
                    z = torch.zeros_like(z).scatter(1, top.indices, top.values)
                loss = loss + AUX * (((x - y).detach() - z @ columns(model.layers[-1][0])[dead]) ** 2).sum() / (n * INPUT)
#end
            adam.zero_grad()
            (loss * world).backward()  # DistributedDataParallel takes the mean

            t += 1
            group = adam.param_groups[0]
            group["eps"] = 1e-7 / (1 - 0.999 ** t) ** 0.5  # as Keras adds it
            group["lr"] = LR
#if !decay=1
            group["lr"] *= DECAY ** ((t - 1) / steps)
#if !warmup=0
            group["lr"] *= min(1, t / WARMUP)
#end
            with torch.no_grad():
#if init=tied loss=mse
                # The encoder learns as if it saw images without their mean.
                center, before = model.b_dec.clone(), model.W_enc.clone()
                model.W_enc.grad -= torch.outer(center, model.b_enc.grad)
#if unit=true
                # Directions keep unit norm: Adam does not see the part of the gradient along them.
                directions = columns(model.layers[len(HIDDEN) + 1][0])
                gradient = columns(model.layers[len(HIDDEN) + 1][0].grad)
                gradient -= (gradient * directions).sum(1, keepdim=True) * directions
#end
                adam.step()
#if unit=true
                directions /= directions.norm(dim=1, keepdim=True).clamp(min=1e-30)
#if init=tied loss=mse
                model.b_enc += center @ (before - model.W_enc)
#end
        if world > 1:
            dist.all_reduce(total)
        losses.append(total.item() / len(rows))
        if rank == 0:
            print(f"epoch {epoch + 1}: loss {losses[-1]:.7f}, {evaluate(model, validation)}", flush=True)
    return losses


def evaluate(model, images):
    error, active, codes = 0.0, 0.0, 0
    alive = torch.zeros(LATENT, dtype=torch.bool, device=images.device)
    for part in images.split(256):
        y, code = model.reconstruct(part)
        error += ((y.clamp(0, 1) - part / 255) ** 2).sum().item()
        active += (code != 0).sum().item()
        alive |= (code != 0).any(0)
        codes += len(code)
    return f"MSE {error / images.numel():.6f}, {active / codes:.1f} units active, {LATENT - alive.sum().item()} dead"


def load(path):
    """Returns the tensors of a .safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[slice(*t["data_offsets"])]), dtype=torch.float32).view(t["shape"])
            for name, t in header.items()}


def save(model, path):
    header, data = {"__metadata__": {"settings": SETTINGS}}, b""
    for name, tensor in model.state_dict().items():
        part = tensor.cpu().contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def cifar10(path="cifar-10-binary.tar.gz"):
    """Returns training and validation images, [n, 3072] bytes: rows of pixels of R, G and B."""
    with tarfile.open(path) as tar:
        def images(names):
            records = b"".join(tar.extractfile(f"cifar-10-batches-bin/{name}.bin").read() for name in names)
            pixels = torch.frombuffer(bytearray(records), dtype=torch.uint8).view(-1, 3073)[:, 1:]
            return pixels.reshape(-1, 3, 1024).transpose(1, 2).reshape(-1, 3072)
        return images(f"data_batch_{i + 1}" for i in range(5))[:$train], images(["test_batch"])[:$validation]


def main():
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if "RANK" in os.environ:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    images, validation = (part.to(device) for part in cifar10())
    model = Autoencoder().to(device)
    if len(sys.argv) > 1:
        model.load_state_dict(load(sys.argv[1]))
        print(evaluate(model, validation))
        return
#if patch=0
    start(model, images)
#if !patch=0
    start(model, cut(images))
#end
    train(model, images, validation)
    if int(os.environ.get("RANK", 0)) == 0:
        save(model, "trained.safetensors")
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
