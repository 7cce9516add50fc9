// The page: a picture in, what the worker makes of it out.
import { makeViewer } from "./viewer.js";

// Safari gives a canvas no more pixels than this, and no longer sides.
const MOST_PIXELS = 4096 * 4096;
const LONGEST_SIDE = 16384;

const at = (id) => document.getElementById(id);
const viewer = makeViewer(at("viewer"), at("zoom"));
const [before, after] = ["before", "after"].map((id) =>
  at(id).getContext("2d", { willReadFrequently: true }),
);
let job = 0;
let opened = { name: "", type: "" };
let ready = false; // The network is loaded.
let began = 0; // When the first tile was done.
let shrink; // What the button in the message does.

const worker = new Worker("worker.js");
worker.onmessage = ({ data }) => {
  if (data.job !== undefined && data.job !== job) return;
  if (data.ready) showReady();
  else if (data.failed) fail(data.failed);
  else if (data.part) draw(data);
  else if (data.seconds) finish(data.seconds);
};
worker.onerror = () => fail("The network did not load: worker.js is missing.");

function say(text, button) {
  at("message").hidden = !text;
  at("message-text").textContent = text;
  at("shrink").hidden = !button;
  at("shrink").textContent = button ?? "";
}

function fail(text) {
  stop();
  say(text);
}

function stop() {
  worker.postMessage({ job: ++job });
  at("result").hidden = true;
  at("start").hidden = false;
}

/** Reads a picture file, turned as its EXIF data says. */
async function open(file) {
  stop();
  say("");
  const image = new Image();
  image.src = URL.createObjectURL(file);
  const mine = job;
  try {
    await image.decode();
  } catch {
    if (mine === job) {
      fail(
        "Expected a picture that this browser can read, such as JPEG, PNG " +
          `or WebP. Received: ${file.name}.`,
      );
    }
    return;
  } finally {
    URL.revokeObjectURL(image.src);
  }
  if (mine !== job) return;
  opened = file;
  const { naturalWidth: width, naturalHeight: height } = image;
  const factor = Math.min(
    1,
    Math.sqrt(MOST_PIXELS / (width * height)),
    LONGEST_SIDE / Math.max(width, height),
  );
  if (factor === 1) return restore(image, width, height);
  const [w, h] = [width, height].map((x) => Math.max(1, Math.floor(x * factor)));
  shrink = () => restore(image, w, h);
  say(
    `Expected at most 16.7 megapixels and sides of ${LONGEST_SIDE}. ` +
      `Received: ${width}×${height}.`,
    `Shrink it to ${w}×${h} and go on`,
  );
}

function restore(image, width, height) {
  say("");
  at("start").hidden = true;
  at("result").hidden = false;
  viewer.show(width, height);
  before.fillStyle = "white"; // Behind what is transparent.
  before.fillRect(0, 0, width, height);
  before.imageSmoothingQuality = "high";
  before.drawImage(image, 0, 0, width, height);
  after.drawImage(at("before"), 0, 0);
  const { data } = before.getImageData(0, 0, width, height);
  worker.postMessage({ job: ++job, picture: { width, height, data } }, [
    data.buffer,
  ]);
  at("working").hidden = false;
  at("finished").hidden = true;
  at("progress").removeAttribute("value");
  at("status").textContent = ready ? "Working…" : "Loading the network…";
}

function showReady() {
  ready = true;
  at("status").textContent = "Working…";
}

function draw({ part, done, total }) {
  const { x, y, width, height, bytes } = part;
  after.putImageData(new ImageData(bytes, width, height), x, y);
  if (done === 1) began = performance.now();
  const each = (performance.now() - began) / Math.max(1, done - 1);
  const left = Math.ceil((each * (total - done)) / 1000);
  at("progress").max = total;
  at("progress").value = done;
  at("status").textContent =
    `${done} of ${total} tiles` +
    (done > 2 && left ? `, about ${left} s left` : "");
}

function finish(seconds) {
  at("working").hidden = true;
  at("finished").hidden = false;
  at("status").textContent =
    `Done in ${seconds.toFixed(1)} s. Drag the line to compare.`;
}

/** JPEG stays JPEG; all else becomes PNG, without loss. */
function download() {
  const jpeg = opened.type === "image/jpeg";
  at("after").toBlob(
    (blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      const stem = opened.name.replace(/\.[^.]*$/, "");
      link.download = `${stem}_deblurred.${jpeg ? "jpg" : "png"}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    jpeg ? "image/jpeg" : "image/png",
    0.95,
  );
}

async function openExample() {
  const response = await fetch("examples/street.jpg");
  const blob = await response.blob();
  open(new File([blob], "street.jpg", { type: "image/jpeg" }));
}

function openFirst(files) {
  if (files.length) open(files[0]);
  else say("Expected a picture file. Received: something else.");
}

for (const id of ["choose", "camera"]) {
  at(id).addEventListener("change", ({ target }) => {
    if (target.files.length) open(target.files[0]);
    target.value = ""; // So that the same file can be chosen again.
  });
}
at("example").addEventListener("click", openExample);
at("shrink").addEventListener("click", () => shrink());
at("cancel").addEventListener("click", stop);
at("another").addEventListener("click", stop);
at("download").addEventListener("click", download);
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  addEventListener(type, (event) => {
    event.preventDefault();
    const over = type.startsWith("drage") || type === "dragover";
    document.body.classList.toggle("over", over);
  });
}
addEventListener("drop", ({ dataTransfer }) => openFirst(dataTransfer.files));
addEventListener("paste", ({ clipboardData }) => {
  if (clipboardData.files.length) open(clipboardData.files[0]);
});
