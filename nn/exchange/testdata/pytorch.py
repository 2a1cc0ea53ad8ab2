"""Runs autoencoder.py in each of some folders: python3 pytorch.py FOLDER...

It prints, as JSON, a line for each: the reconstructions by final.safetensors, the losses of
epochs from initial.safetensors with the batches of order.json, and those of the program by
itself, whose model it writes to alone.safetensors.
"""
import importlib.util
import json
import os
import sys

sys.dont_write_bytecode = True
import torch

torch.set_num_threads(1)
for folder in sys.argv[1:]:
    os.chdir(folder)
    spec = importlib.util.spec_from_file_location("autoencoder", "autoencoder.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    images, validation = program.cifar10()
    rows = images if program.INPUT == 3072 else program.cut(images)

    model = program.Autoencoder()
    program.start(model, rows)
    alone = program.train(model, images, validation)
    program.save(model, "alone.safetensors")

    model = program.Autoencoder()
    model.load_state_dict(program.load("final.safetensors"))
    reconstruction = model.reconstruct(validation)[0].flatten().tolist()
    model.load_state_dict(program.load("initial.safetensors"))
    orders = json.load(open("order.json"))
    program.order = lambda rows, epoch: torch.tensor(orders[epoch])
    losses = program.train(model, images, validation)
    print("JSON" + json.dumps({"reconstruction": reconstruction, "losses": losses, "alone": alone}))
