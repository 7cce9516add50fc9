// Before and after, one over the other, with a divider between them. A drag
// moves the divider; zoomed in, a drag beside the divider moves the picture.

const NEAR = 28; // Pixels beside the divider in which it is taken.

export function makeViewer(viewer, zoomButton) {
  const split = viewer.querySelector("#split");
  const canvases = viewer.querySelectorAll("canvas");
  let scale = 1;
  let [x, y] = [0, 0];

  function showSplit() {
    viewer.style.setProperty("--split", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} percent before`);
  }

  function showPlace() {
    // No border of the picture is moved into the view.
    x = Math.min(0, Math.max(viewer.clientWidth * (1 - scale), x));
    y = Math.min(0, Math.max(viewer.clientHeight * (1 - scale), y));
    for (const canvas of canvases) {
      canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    }
  }

  function zoom(near) {
    // At least one pixel of the page for each of the picture.
    const whole = viewer.clientWidth / canvases[0].width;
    scale = near ? Math.max(2, 1 / whole) : 1;
    x = (viewer.clientWidth * (1 - scale)) / 2;
    y = (viewer.clientHeight * (1 - scale)) / 2;
    viewer.classList.toggle("zoomed", near);
    zoomButton.textContent = near ? "Zoom out" : "Zoom in";
    showPlace();
  }

  function moveSplit(event) {
    const box = viewer.getBoundingClientRect();
    split.value = (100 * (event.clientX - box.left)) / box.width;
    showSplit();
  }

  let dragged; // "split" or "picture"
  let [lastX, lastY] = [0, 0];
  viewer.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    split.focus({ preventScroll: true });
    const box = viewer.getBoundingClientRect();
    const at = box.left + (box.width * split.value) / 100;
    const near = Math.abs(event.clientX - at) < NEAR;
    dragged = scale === 1 || near ? "split" : "picture";
    [lastX, lastY] = [event.clientX, event.clientY];
    viewer.setPointerCapture(event.pointerId);
    if (dragged === "split") moveSplit(event);
  });
  viewer.addEventListener("pointermove", (event) => {
    if (dragged === "split") moveSplit(event);
    if (dragged !== "picture") return;
    x += event.clientX - lastX;
    y += event.clientY - lastY;
    [lastX, lastY] = [event.clientX, event.clientY];
    showPlace();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    viewer.addEventListener(end, () => (dragged = undefined));
  }
  split.addEventListener("input", showSplit);
  zoomButton.addEventListener("click", () => zoom(scale === 1));
  new ResizeObserver(() => zoom(scale !== 1)).observe(viewer);

  return {
    /** Shows a picture of that many pixels, whole, split in the middle. */
    show(width, height) {
      for (const canvas of canvases) Object.assign(canvas, { width, height });
      viewer.style.setProperty("--width", width);
      viewer.style.setProperty("--height", height);
      split.value = 50;
      showSplit();
      zoom(false);
    },
  };
}
