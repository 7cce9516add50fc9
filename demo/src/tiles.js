// Overlapping tiles, restored by a network of one size, and their blend: what
// LiteRTRestorer and sis_keras/restoring/tiles.py do, so that both give the same
// picture.

const MULTIPLE = 32; // The network's coarsest scale; tiles keep its phase.
const OVERLAP = 192; // At most; a quarter of a small tile.

const down = (length) => Math.floor(length / MULTIPLE) * MULTIPLE;
const up = (length) => Math.ceil(length / MULTIPLE) * MULTIPLE;

/**
 * Cuts an axis of a picture into the fewest spans.
 *
 * @param {number} length Of the axis.
 * @param {number} most Length of a span, at least 32.
 * @returns {{start: number, stop: number}[]} No more than two share a pixel.
 */
export function cut(length, most) {
  if (length <= most) return [{ start: 0, stop: length }];
  const overlap = Math.min(OVERLAP, down(most / 4));
  const padded = up(length);
  const count = Math.ceil((padded - overlap) / (down(most) - overlap));
  const size = up((padded + (count - 1) * overlap) / count);
  const steps = (padded - size) / MULTIPLE;
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * steps) / (count - 1)) * MULTIPLE;
    return { start, stop: Math.min(start + size, length) };
  });
}

/** Index `i` of an axis that is reflected at its ends, as `np.pad` does. */
function reflected(i, length) {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const j = i % period;
  return j < length ? j : period - j;
}

/**
 * A part of a picture, reflected at its right and bottom up to a size.
 *
 * @param {{width, height, data}} picture RGBA bytes.
 * @param row,column Spans of the part.
 * @returns {Float32Array} `(height, width, 3)` in [0, 1].
 */
export function read(picture, row, column, height, width) {
  const tile = new Float32Array(height * width * 3);
  const columns = Array.from(
    { length: width },
    (_, x) => column.start + reflected(x, column.stop - column.start),
  );
  let to = 0;
  for (let y = 0; y < height; y++) {
    const line = row.start + reflected(y, row.stop - row.start);
    for (const x of columns) {
      const from = 4 * (line * picture.width + x);
      for (let c = 0; c < 3; c++) tile[to++] = picture.data[from + c] / 255;
    }
  }
  return tile;
}

/** A part of an array `(…, width, 3)`, as an array of its own. */
export function crop(array, width, y0, y1, x0, x1) {
  const part = new Float32Array((y1 - y0) * (x1 - x0) * 3);
  for (let y = y0; y < y1; y++) {
    const row = array.subarray((y * width + x0) * 3, (y * width + x1) * 3);
    part.set(row, (y - y0) * (x1 - x0) * 3);
  }
  return part;
}

/** Raised cosine from 0 to 1, at the middles of `count` steps. */
function fade(count) {
  return Array.from(
    { length: count },
    (_, k) => 0.5 - 0.5 * Math.cos(((k + 0.5) / count) * Math.PI),
  );
}

/**
 * The picture, in parts that do not overlap, from tiles that do.
 *
 * @param rows,columns As `cut` gives them.
 * @param restore From a row and a column to their tile, `(rows, columns, 3)`.
 * @yields {{x, y, width, height, values}} After each tile.
 */
export async function* blend(rows, columns, restore) {
  const pictureWidth = columns.at(-1).stop;
  let above = new Float32Array(0);
  for (const [i, row] of rows.entries()) {
    const nextRow = rows[i + 1]?.start ?? row.stop;
    const height = row.stop - row.start;
    const below = new Float32Array((row.stop - nextRow) * pictureWidth * 3);
    let left = new Float32Array(0);
    for (const [j, column] of columns.entries()) {
      const nextColumn = columns[j + 1]?.start ?? column.stop;
      const width = column.stop - column.start;
      const done = nextColumn - column.start;
      const tile = await restore(row, column);
      fadeColumns(tile, left, height, width);
      left = crop(tile, width, 0, height, done, width);
      fadeRows(tile, above, width, done, column.start, pictureWidth);
      for (let y = nextRow; y < row.stop; y++) {
        const from = (y - row.start) * width * 3;
        const to = ((y - nextRow) * pictureWidth + column.start) * 3;
        below.set(tile.subarray(from, from + done * 3), to);
      }
      yield {
        x: column.start,
        y: row.start,
        width: done,
        height: nextRow - row.start,
        values: crop(tile, width, 0, nextRow - row.start, 0, done),
      };
    }
    above = below;
  }
}

/** Fades, in place, from `old` to the first columns of `tile`. */
function fadeColumns(tile, old, height, width) {
  const weights = fade(old.length / (height * 3));
  let from = 0;
  for (let y = 0; y < height; y++) {
    let to = y * width * 3;
    for (const weight of weights) {
      for (let c = 0; c < 3; c++, to++, from++) {
        tile[to] = old[from] + weight * (tile[to] - old[from]);
      }
    }
  }
}

/** Fades, in place, from `old`, as wide as the picture, to the first rows. */
function fadeRows(tile, old, width, done, left, pictureWidth) {
  for (const [y, weight] of fade(old.length / (pictureWidth * 3)).entries()) {
    let from = (y * pictureWidth + left) * 3;
    let to = y * width * 3;
    for (let n = done * 3; n > 0; n--, to++, from++) {
      tile[to] = old[from] + weight * (tile[to] - old[from]);
    }
  }
}
