// Runs the network away from the page, which so stays responsive.
//
// In: {job, picture: {width, height, data}} with RGBA bytes, or {job} alone,
// which ends what runs.
// Out: {ready: [height, width]} of a tile, or {failed}; then, with the job,
// {part, done, total} after each tile, {seconds} at the end, or {failed}.
import {
  loadAndCompile,
  loadLiteRt,
  supportsFeature,
  Tensor,
} from "@litertjs/core";
import { blend, crop, cut, read } from "./tiles.js";

// LiteRT's lines, all of which would be errors in the browser's console.
const LEVELS = { VERBOSE: "debug", INFO: "info", WARNING: "warn" };

function tell(line) {
  console[LEVELS[line.match(/^[A-Z]+(?=:)/)] ?? "error"](line);
}

let wanted; // The newest job; an older one ends at its next tile.

async function open() {
  const wasm = new URL("wasm/", self.location).href;
  // Threads want SharedArrayBuffer, so two headers from the server.
  const threads =
    self.crossOriginIsolated && (await supportsFeature("relaxedSimd"));
  self.Module = {
    locateFile: (name) => wasm + name,
    printErr: tell,
    // In a worker the runtime cannot find its own address, which its threads
    // start from.
    mainScriptUrlOrBlob: `${wasm}litert_wasm_threaded_internal.js`,
  };
  await loadLiteRt(wasm, { threads });
  const response = await fetch(new URL("model.tflite", self.location));
  if (!response.ok) throw new Error(`model.tflite: ${response.status}`);
  const content = new Uint8Array(await response.arrayBuffer());
  const model = await loadAndCompile(content, { accelerator: "wasm" });
  const details = [...model.getInputDetails(), ...model.getOutputDetails()];
  const [batch, height, width, channels] = details[0].shape;
  if (
    details.length !== 2 ||
    details.some((x) => x.dtype !== "float32") ||
    String(details[0].shape) !== String(details[1].shape) ||
    !(batch === 1 && height >= 32 && width >= 32 && channels === 3)
  ) {
    const received = details.map((x) => `${x.dtype} (${x.shape})`).join(", ");
    throw new Error(
      "expected a model of one float32 picture, 32x32 or more. Received: " +
        received,
    );
  }
  return { model, height, width };
}

const opened = open();
opened.then(
  ({ height, width }) => postMessage({ ready: [height, width] }),
  (error) => postMessage({ failed: `The network did not load: ${error}` }),
);

async function restored({ model, height, width }, tile) {
  const blurry = new Tensor(tile, [1, height, width, 3]);
  try {
    const [output] = await model.run(blurry);
    const values = await output.data();
    output.delete();
    return values;
  } finally {
    blurry.delete();
  }
}

/** A part as a canvas takes it: opaque bytes of what was in [0, 1]. */
function drawable({ values, ...place }) {
  const bytes = new Uint8ClampedArray((values.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < values.length; to++) {
    for (let c = 0; c < 3; c++) bytes[to++] = values[from++] * 255;
  }
  return { ...place, bytes };
}

async function restore(job, picture) {
  const network = await opened;
  const { height, width } = network;
  const rows = cut(picture.height, height);
  const columns = cut(picture.width, width);
  const tile = async (row, column) => {
    const values = read(picture, row, column, height, width);
    const [h, w] = [row, column].map(({ start, stop }) => stop - start);
    return crop(await restored(network, values), width, 0, h, 0, w);
  };
  const began = performance.now();
  const total = rows.length * columns.length;
  let done = 0;
  for await (const values of blend(rows, columns, tile)) {
    // Messages, such as a newer job, arrive only between tasks.
    await new Promise((resume) => setTimeout(resume));
    if (job !== wanted) return;
    const part = drawable(values);
    postMessage({ job, part, done: ++done, total }, [part.bytes.buffer]);
  }
  postMessage({ job, seconds: (performance.now() - began) / 1000 });
}

self.onmessage = ({ data: { job, picture } }) => {
  wanted = job;
  if (!picture) return;
  restore(job, picture).catch((error) =>
    postMessage({ job, failed: `The network failed: ${error}` }),
  );
};
