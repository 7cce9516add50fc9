// Builds the page: npm run build [-- --model=FILE --output=FOLDER]
import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const inside = (...parts) => path.join(here, ...parts);
const { values } = parseArgs({
  options: {
    model: { type: "string", default: inside("model.tflite") },
    output: { type: "string", default: inside("dist") },
  },
});
const output = path.resolve(values.output);
const model = await stat(values.model).catch(() => null);
if (!model?.isFile()) {
  console.error(
    `Expected a LiteRT file. Received: ${values.model}. Make one with ` +
      "export.py (README.md has the command), or name one with --model=FILE.",
  );
  process.exit(2);
}

// What an earlier build wrote is written anew, and nothing else is touched.
const written = [
  "examples",
  "icon.svg",
  "index.html",
  "model.tflite",
  "page.js",
  "style.css",
  "wasm",
  "worker.js",
];
const found = await readdir(output).catch(() => []);
const others = found.filter((name) => !written.includes(name));
if (others.length || output === inside("src")) {
  console.error(
    "Expected a new folder, an empty one or that of an earlier build. " +
      `Received: ${output}, which holds ${others[0] ?? "the page's source"}. ` +
      "Name another with --output=FOLDER.",
  );
  process.exit(2);
}
for (const name of found) {
  await rm(path.join(output, name), { recursive: true });
}
await mkdir(output, { recursive: true });
await build({
  entryPoints: [inside("src", "page.js"), inside("src", "worker.js")],
  outdir: output,
  bundle: true,
  // The runtime is loaded by importScripts, which a module worker lacks.
  format: "iife",
  target: "es2022",
  minify: true,
  logLevel: "warning",
});
const wasm = inside("node_modules", "@litertjs", "core", "wasm");
for (const kind of ["", "compat_", "threaded_"]) {
  for (const ending of ["js", "wasm"]) {
    const name = `litert_wasm_${kind}internal.${ending}`;
    await cp(path.join(wasm, name), path.join(output, "wasm", name));
  }
}
for (const name of ["index.html", "style.css", "icon.svg"]) {
  await cp(inside("src", name), path.join(output, name));
}
await cp(inside("examples"), path.join(output, "examples"), {
  recursive: true,
});
await cp(values.model, path.join(output, "model.tflite"));
console.log(`Built. Open it with: python -m http.server --directory ${output}`);
