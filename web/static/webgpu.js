// Submits dispatches to a WebGPU device. Package webgpu makes them; recording them here
// takes one call from Go for hundreds of them.
"use strict";

globalThis.saeWebGPU = {
  // Submits the dispatches first to last−1 of steps that consist of count of them each:
  // [pipeline, bindings, x, y, z]. The parameters of step i lie at i·stride. The promise
  // resolves when the device has done them.
  submit(device, parameters, stride, dispatches, first, last) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const count = dispatches.length;
    for (let i = first, bound = -1; i < last; i++) {
      const step = Math.floor(i / count);
      const [pipeline, bindings, x, y, z] = dispatches[i - step * count];
      pass.setPipeline(pipeline);
      if (step !== bound) pass.setBindGroup(0, parameters, [step * stride]);
      bound = step;
      pass.setBindGroup(1, bindings);
      pass.dispatchWorkgroups(x, y, z);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    return device.queue.onSubmittedWorkDone();
  },

  // Reads bytes of a buffer through one that can be mapped.
  async read(device, buffer, from, mapped, bytes) {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, from, mapped, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await mapped.mapAsync(GPUMapMode.READ, 0, bytes);
    const copy = new Uint8Array(mapped.getMappedRange(0, bytes).slice(0));
    mapped.unmap();
    return copy;
  },
};
