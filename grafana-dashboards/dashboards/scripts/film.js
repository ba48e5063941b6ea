// A film of windows, which can be stopped and stepped through. Its frames are taken out of the animated WebP:
// a browser plays that by itself and lets nobody stop it.
const u24 = (bytes, at) => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
const fourcc = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

function* chunks(bytes, at) {
  while (at + 8 <= bytes.length) {
    const size = u24(bytes, at + 4) | (bytes[at + 7] << 24);
    yield [fourcc(bytes, at), bytes.subarray(at + 8, at + 8 + size)];
    at += 8 + size + (size & 1);
  }
}

// A frame as a WebP of its own. With an alpha chunk it needs the extended head, which says so.
function still(body, width, height) {
  const side = (n) => [(n - 1) & 255, ((n - 1) >> 8) & 255, (n - 1) >> 16];
  const head = fourcc(body, 0) === 'ALPH'
    ? [...'VP8X'].map((c) => c.charCodeAt(0)).concat([10, 0, 0, 0, 16, 0, 0, 0], side(width), side(height))
    : [];
  const size = 4 + head.length + body.length;
  const riff = [...'RIFF'].map((c) => c.charCodeAt(0))
    .concat([size & 255, (size >> 8) & 255, (size >> 16) & 255, size >> 24], [...'WEBP'].map((c) => c.charCodeAt(0)));
  return new Blob([new Uint8Array([...riff, ...head]), body], { type: 'image/webp' });
}

async function framesOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const film = { width: 0, height: 0, frames: [] };
  for (const [kind, body] of chunks(bytes, 12)) {
    if (kind === 'VP8X') {
      [film.width, film.height] = [u24(body, 4) + 1, u24(body, 7) + 1];
    } else if (kind === 'ANMF') {
      const [x, y, w, h] = [2 * u24(body, 0), 2 * u24(body, 3), u24(body, 6) + 1, u24(body, 9) + 1];
      const blends = !(body[15] & 2), clears = Boolean(body[15] & 1);
      film.frames.push({ x, y, w, h, blends, clears, ms: u24(body, 12), blob: still(body.subarray(16), w, h) });
    }
  }
  if (!film.frames.length) {
    const bitmap = await createImageBitmap(blob);
    Object.assign(film, { width: bitmap.width, height: bitmap.height });
    film.frames.push({ x: 0, y: 0, w: bitmap.width, h: bitmap.height, blends: false, clears: false, ms: 1000, blob });
  }
  return film;
}

// One frame lies on those before it, back to one that covers all.
async function drawn(film, pen, wanted, last) {
  const covers = (f) => !f.blends && f.w === film.width && f.h === film.height;
  let first = wanted;
  while (first > 0 && first !== last + 1 && !covers(film.frames[first])) {
    first -= 1;
  }
  for (let k = first; k <= wanted; k += 1) {
    const frame = film.frames[k], before = film.frames[k - 1];
    const bitmap = await createImageBitmap(frame.blob);
    if (k === 0) {
      pen.clearRect(0, 0, film.width, film.height);
    } else if (before.clears) {
      pen.clearRect(before.x, before.y, before.w, before.h);
    }
    if (!frame.blends) {
      pen.clearRect(frame.x, frame.y, frame.w, frame.h);
    }
    pen.drawImage(bitmap, frame.x, frame.y);
    bitmap.close();
  }
}

async function shown() {
  dom.querySelector('[data-butlr]')?.remove();
  if (!isReady) {
    return message('Loading …');
  }
  let film;
  try {
    film = await framesOf(await fetched());
  } catch (problem) {
    return message(problem.message);
  }
  if (isCurrent()) {
    play(film);
  }
  return {};
}

function play(film) {
  const box = element('div', { position: 'absolute', inset: '0', display: 'flex', flexDirection: 'column' });
  box.dataset.butlr = 'film';
  const canvas = element('canvas', { flex: '1', minHeight: '0', width: '100%', objectFit: 'contain' }, box);
  [canvas.width, canvas.height] = [film.width, film.height];
  const row = element('div', { display: 'flex', gap: '6px', alignItems: 'center', padding: '2px 4px' }, box);
  const button = (text, title, does) => {
    const made = element('button', { color: ink, background: 'none', border: '1px solid', borderRadius: '2px', padding: '0 8px', font: '12px Inter, sans-serif', cursor: 'pointer' }, row);
    [made.textContent, made.title, made.onclick] = [text, title, does];
    return made;
  };
  const pen = canvas.getContext('2d');
  const kept = (dom.butlrFilm ??= { playing: true });
  let [at, last, busy] = [0, -1, false];
  button('Back', 'Previous window', () => step(-1));
  const toggle = button('', '', () => set(!kept.playing));
  button('Next', 'Next window', () => step(1));
  const slider = element('input', { flex: '1' }, row);
  Object.assign(slider, { type: 'range', min: 0, max: film.frames.length - 1, value: 0, title: 'Window' });
  const label = element('span', { color: ink, fontSize: '12px', minWidth: '56px', textAlign: 'right' }, row);

  function set(playing) {
    kept.playing = playing;
    [toggle.textContent, toggle.title] = playing ? ['Pause', 'Pause the film'] : ['Play', 'Play the film'];
  }
  async function go(to) {
    at = (to + film.frames.length) % film.frames.length;
    [slider.value, label.textContent] = [at, at + 1 + ' / ' + film.frames.length];
    if (busy) {
      return;
    }
    for (busy = true; last !== at; ) {
      const wanted = at;
      await drawn(film, pen, wanted, last);
      last = wanted;
      canvas.dataset.drawn = label.textContent;
    }
    busy = false;
  }
  function step(by) {
    set(false);
    go(at + by);
  }
  slider.oninput = () => {
    set(false);
    go(Number(slider.value));
  };
  function next() {
    if (!isCurrent()) {
      return;
    }
    if (kept.playing) {
      go(at + 1);
    }
    setTimeout(next, film.frames[at].ms || 500);
  }
  set(kept.playing && film.frames.length > 1);
  go(0);
  setTimeout(next, film.frames[0].ms || 500);
}
return shown();
