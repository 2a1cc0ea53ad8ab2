// Loads model.json, encoder.json and decoder.json in a folder into TensorFlow.js, runs an
// image through them, continues training the autoencoder and prints the results: node
// tfjs.mjs FOLDER, where FOLDER/image.json is the image.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";

const folder = process.argv[2];
const image = JSON.parse(readFileSync(join(folder, "image.json")));

// load reads a model from a file as tf.loadLayersModel does from an address.
function load(name) {
  const model = JSON.parse(readFileSync(join(folder, name)));
  const files = model.weightsManifest.flatMap((group) => group.paths).map((path) => readFileSync(join(folder, path)));
  const data = Buffer.concat(files);
  return tf.loadLayersModel(tf.io.fromMemory({
    modelTopology: model.modelTopology,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
    trainingConfig: model.modelTopology.training_config,
  }));
}

const values = (tensor) => Array.from(tensor.dataSync());
const x = tf.tensor2d([image]);
const auto = await load("model.json");
const code = (await load("encoder.json")).predict(x);
const decoded = values((await load("decoder.json")).predict(code));
const reconstruction = values(auto.predict(x));
const history = await auto.fit(x, x, { epochs: 5, verbose: 0 }); // compiled as loaded
console.log(JSON.stringify({ code: values(code), decoded, reconstruction, losses: history.history.loss }));
