// A wall: one floor's map as large as the screen, people and time in large letters beside it.
//
// Runs in Business Charts at each refresh of the page, as the body of a function of `context`. The panel's own query is Grafana's and never fails,
// so this runs whatever happens to the backend; what it fetches itself it keeps, and shows greyed, with its
// time, until something newer comes.
let space = replaceVariables('${space}');
const TICK_MS = 5000;
// Less than a tick, as timers are late: so people are asked for at each tick where they are pushed, and are on
// the screen ten seconds after they were, even if the answer takes five.
const PUSHED_EACH_MS = 4000;
// A large account has calls for a new map in some minutes only; a map so much older than the people says so.
const LATER_MS = 120000;

// By floor, so that a playlist that comes back to a floor finds what it showed last; pictures as they came,
// for unpacked ones of many floors would fill the memory of a small machine.
const wall = (window.butlrWall ??= { ticking: 0, floors: {} });
// Without a floor yet, the same at each run: it knows since when.
let kept = (wall.floors[''] ??= { failedAt: null, reason: '' });
let picture = null;

const width = chart.getWidth();
const height = chart.getHeight();
const side = Math.round(Math.max(width * 0.24, 220));
const size = (share) => Math.max(12, Math.round(Math.min(height, width * 0.6) * share));

async function drawn(blob, isOld) {
  const bitmap = await createImageBitmap(blob);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const pen = canvas.getContext('2d');
  pen.filter = isOld ? 'grayscale(1) opacity(0.5)' : 'none';
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

// Midnight on the floor's own clock: "today" is not the screen's.
function midnight(now) {
  const part = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { timeZone: zone(), hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' })
      .formatToParts(now).map(({ type, value }) => [type, Number(value)]),
  );
  const begun = now - (part.hour * 3600 + part.minute * 60 + part.second) * 1000 - (now % 1000);
  // Where the clocks have changed since: the hours that are on the clock are not those that have passed.
  const hour = new Intl.DateTimeFormat('en-GB', { timeZone: zone(), hour: 'numeric', hourCycle: 'h23' });
  const off = Number(hour.format(begun));
  return begun + (off > 12 ? 24 - off : -off) * 3600000;
}

async function now() {
  kept.countedAt = Date.now();
  const [row] = await (await fetched('occupancy-now', { level: 'floor', format: 'rows', for: 'wall' })).json();
  kept.zone = row.timezone;
  return row;
}

async function look() {
  const pixels = Math.round(Math.min(Math.max((width - side) * (window.devicePixelRatio || 1), 320), 2400));
  const look = { format: 'png', width: pixels, theme: theme.isDark ? 'dark' : 'light' };
  const row = await now();
  // The page's time range ends now; it begins at the midnight of the screen.
  const to = data.timeRange.to.valueOf();
  const map = await fetched('heatmap', { from: midnight(to), to, ...look, for: 'wall', max_age: '10m' });
  const whole = map.headers.get('X-Complete') !== '0' && row.complete === 1;
  if (whole || !kept.blob) {
    const heatAt = new Date(map.headers.get('X-As-Of') ?? row.as_of);
    Object.assign(kept, { blob: await map.blob(), row, at: new Date(row.as_of), heatAt });
  }
  note(whole ? '' : 'Butlr does not answer');
}

function note(reason) {
  kept.reason = reason;
  kept.failedAt = reason ? (kept.failedAt ?? new Date()) : null;
}

// The floor's own zone; empty until it is known.
function zone() {
  return kept.zone || givenZone();
}
const clock = (moment) => (zone() ? clockIn(zone(), moment) : '');
const day = (moment) =>
  zone() ? moment.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', timeZone: zone() }) : '';

const ruler = document.createElement('canvas').getContext('2d');

// How many lines a text takes in so much room: by words, and within one that is too long.
function linesOf(text, font, room) {
  ruler.font = font;
  let [lines, used] = [1, 0];
  for (const word of text.split(' ')) {
    const wide = ruler.measureText(word + ' ').width;
    if (used && used + wide > room) {
      [lines, used] = [lines + 1, 0];
    }
    const more = Math.floor(wide / room);
    [lines, used] = [lines + more, used + wide - more * room];
  }
  return lines;
}

// As large as the height allows: a font of the screen's own may be wider, and break a line more.
function words() {
  let shown = written(1);
  for (let share = 0.95; shown.bottom > height && share > 0.4; share -= 0.05) {
    shown = written(share);
  }
  return shown.elements;
}

// A playlist shows floors of several buildings, which may have equal names.
function place(row) {
  return row.floor.startsWith(row.building) ? row.floor : row.building + ', ' + row.floor;
}

// The texts in so large a share of their size, and where the last one ends.
function written(share) {
  const { row, at, heatAt, failedAt, reason } = kept;
  const left = width - side + 8;
  const lines = [
    { text: clock(new Date()), size: size(0.13), bold: true },
    { text: day(new Date()), size: size(0.03), fill: faint },
    { gap: size(0.06) },
    { text: row ? place(row) : '', size: size(0.046) },
    { gap: size(0.02) },
    { text: row && row.people !== null ? String(Math.round(row.people)) : '–', size: size(0.2), bold: true, fill: failedAt ? faint : ink },
    { text: 'people', size: size(0.046) },
    row?.capacity && { text: 'of ' + row.capacity + ' places', size: size(0.036), fill: faint },
    { gap: size(0.06) },
    at && { text: 'as of ' + clock(at), size: size(0.04), fill: failedAt ? warning : faint },
    at && at - heatAt >= LATER_MS && { text: 'heat as of ' + clock(heatAt), size: size(0.034), fill: faint },
    failedAt && { text: reason, size: size(0.034), fill: warning },
    failedAt && { text: zone() ? 'since ' + clock(failedAt) : 'for ' + minutesSince(failedAt), size: size(0.034), fill: warning },
    !row && !failedAt && { text: 'one moment …', size: size(0.04), fill: faint },
  ];
  let top = Math.round(height * 0.06);
  const elements = [];
  for (const line of lines.filter((line) => line && line.text !== '')) {
    if (line.gap) {
      top += Math.round(line.gap * share);
      continue;
    }
    const letters = Math.round(line.size * share);
    const font = (line.bold ? '600 ' : '') + letters + 'px Inter, sans-serif';
    const lineHeight = Math.round(letters * 1.15);
    elements.push({
      id: 'line' + elements.length,
      type: 'text',
      x: left,
      y: top,
      style: {
        text: line.text,
        fill: line.fill ?? ink,
        font,
        lineHeight,
        width: side - 16,
        overflow: 'break',
      },
    });
    top += (linesOf(line.text, font, side - 16) - 1) * lineHeight + Math.round(letters * 1.2);
  }
  return { elements, bottom: top };
}

function map() {
  if (!picture) {
    return [];
  }
  const scale = Math.min((width - side - 8) / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  const place = { x: (width - side - w) / 2, y: (height - h) / 2, width: w, height: h };
  return [{ id: 'map', type: 'image', style: { image: picture, ...place } }];
}

const option = () => ({ backgroundColor: 'transparent', graphic: { elements: [...map(), ...words()] } });

// Where Grafana itself is gone nothing runs this script anew, and a coloured picture would pass for the present.
async function tick() {
  if (!kept.failedAt && kept.blob && Date.now() - kept.ranAt > LONGEST_SILENCE_MS) {
    note('The page is not refreshed');
    picture = await drawn(kept.blob, true);
  }
  // Butlr sends each minute as it ends; what it has to be asked for is no newer before the next refresh.
  if (kept.row?.source === 'pushed' && !kept.failedAt && Date.now() - kept.countedAt >= PUSHED_EACH_MS) {
    await count();
  }
  chart.setOption(option(), { replaceMerge: ['graphic'] });
}

async function count() {
  try {
    const row = await now();
    if (row.complete === 1) {
      Object.assign(kept, { row, at: new Date(row.as_of) });
    }
  } catch (problem) {
    note(problem.message);
    picture = await drawn(kept.blob, true);
  }
}

async function begun() {
  const isReady = () => {
    space = replaceVariables('${space}');
    return space && !(backend() + space).includes('$');
  };
  await valuesOf(isReady, (reason) => {
    note(reason);
    chart.setOption(option(), { replaceMerge: ['graphic'] });
  });
  kept = wall.floors[space] ??= { failedAt: null, reason: '' };
}

async function run() {
  await begun();
  kept.ranAt = Date.now();
  try {
    await look();
  } catch (problem) {
    note(problem.message);
  }
  picture = kept.blob ? await drawn(kept.blob, kept.failedAt !== null) : null;
  // Not by the panel's own way to end things: of a promise it takes none.
  clearInterval(wall.ticking);
  wall.ticking = setInterval(() => {
    if (chart.isDisposed()) {
      clearInterval(wall.ticking);
    } else {
      tick();
    }
  }, TICK_MS);
  return option();
}

return run();
