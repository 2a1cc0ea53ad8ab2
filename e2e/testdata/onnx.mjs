// Runs an image through encoder.onnx, decoder.onnx and auto.onnx in a folder and
// prints their outputs: node onnx.mjs FOLDER, where FOLDER/image.json is the image.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
const folder = process.argv[2];
const image = Float32Array.from(JSON.parse(readFileSync(join(folder, "image.json"))));

async function run(name, input, values) {
  const session = await ort.InferenceSession.create(readFileSync(join(folder, name + ".onnx")));
  const two = Float32Array.from([...values, ...values]); // the batch size is not fixed
  const results = await session.run({ [input]: new ort.Tensor("float32", two, [2, values.length]) });
  const [output] = Object.values(results);
  return Array.from(output.data.subarray(output.data.length / 2));
}

const code = await run("encoder", "image", image);
const decoded = await run("decoder", "code", code);
const reconstruction = await run("auto", "image", image);
console.log(JSON.stringify({ code, decoded, reconstruction }));
