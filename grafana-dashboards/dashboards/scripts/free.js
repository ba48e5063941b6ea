// A board for a lobby: each room with a word and a colour for its state, large enough to be read from four metres.
//
// Runs in Business Charts at each refresh of the page, as `wall.js` does and for the same reason: the panel's own query is Grafana's and never
// fails. An old list of free rooms is wrong, so after three minutes without an answer no room is shown as free.
let space = '';
let limits = {};
const PAGE_MS = 10000;
const MOST_CLOCKS = 2;
const STATES = {
  free: { word: 'Free', fill: '__FREE__' },
  occupied: { word: 'Occupied', fill: '__OCCUPIED__' },
  unknown: { word: 'Unknown', fill: '__UNKNOWN__' },
};
const alarm = theme.isDark ? warning : '#9a4b00';

const board = (window.butlrFree ??= { ticking: 0, of: {} });
// Without values of the variables yet, the same at each run: it knows since when.
let kept = (board.of[''] ??= { rows: null, at: null, failedAt: null, reason: '' });

const width = chart.getWidth();
const height = chart.getHeight();
// Of the height, but on a narrow screen of the width: so many letters have to stand beside each other.
const unit = Math.min(height, width * 0.75);
const size = (share) => Math.round(unit * share);
const edge = size(0.03);
const columns = width > height ? 2 : 1;
const head = size(0.15);
const foot = size(0.075);
const lines = Math.max(1, Math.floor((height - head - foot) / size(0.118)));
const line = (height - head - foot) / lines;

async function look() {
  const rows = await (await fetched('free-rooms', { ...limits, format: 'rows', for: 'wall' })).json();
  const known = rows.map((row) => row.as_of).filter(Boolean).sort();
  if (rows.length && !known.length) {
    // Butlr answers for no floor at all; each row says why.
    throw new Error(rows[0].reason);
  }
  Object.assign(kept, { rows, at: known.length ? new Date(known[0]) : new Date() });
  Object.assign(kept, { failedAt: null, reason: '' });
}

function note(reason) {
  Object.assign(kept, { failedAt: kept.failedAt ?? new Date(), reason });
}

// The time zones of the rooms; none until they are known.
function zones() {
  const found = new Set((kept.rows ?? []).map((row) => row.timezone));
  return found.size ? [...found] : [givenZone()].filter(Boolean);
}
// A time needs one zone: without it, or with several, the page says how long ago it was.
const isOneZone = () => zones().length === 1;
const asOf = (moment) => 'as of ' + (isOneZone() ? clockIn(zones()[0], moment) : minutesSince(moment) + ' ago');
const since = (moment) => (isOneZone() ? 'since ' + clockIn(zones()[0], moment) : 'for ' + minutesSince(moment));
const city = (zone) => zone.split('/').pop().replaceAll('_', ' ');

const ruler = document.createElement('canvas').getContext('2d');

// The text in at most so much room: smaller by up to a fifth, then cut with an ellipsis.
function text(id, words, at, letters, look = {}) {
  const { room = Infinity, bold = false, ...style } = look;
  const font = (px) => (bold ? '600 ' : '') + px + 'px Inter, sans-serif';
  const wide = (px, shown) => {
    ruler.font = font(px);
    return ruler.measureText(shown).width;
  };
  let px = letters;
  while (px > letters * 0.8 && wide(px, words) > room) {
    px -= 1;
  }
  let shown = words;
  while (shown.length > 1 && wide(px, shown) > room) {
    shown = shown.replace(/…$/, '').slice(0, -1).trimEnd() + '…';
  }
  return {
    id, type: 'text', ...at,
    style: { text: shown, font: font(px), fill: ink, verticalAlign: 'middle', ...style },
  };
}

const box = (id, x, y, w, h, fill) => ({ id, type: 'rect', shape: { x, y, width: w, height: h, r: size(0.012) }, style: { fill } });

const count = (state) => kept.rows.filter((row) => row.state === state).length;

// Too old to say anything of now?
const isStale = () => kept.failedAt !== null && Date.now() - kept.lastAt > LONGEST_SILENCE_MS;

function headline() {
  if (!kept.rows) {
    return kept.failedAt ? 'Not known which rooms are free' : 'Loading …';
  }
  if (isStale() || (kept.rows.length && count('unknown') === kept.rows.length)) {
    return 'Not known which rooms are free';
  }
  if (!kept.rows.length) {
    return 'No room matches';
  }
  const free = count('free');
  return free === 0 ? 'No room is free' : free === 1 ? '1 room is free' : free + ' rooms are free';
}

// What is asked for, and how many are not free.
function summary() {
  if (!kept.rows || isStale()) {
    return kept.failedAt ? 'No response ' + since(kept.failedAt) + ': ' + kept.reason : '';
  }
  const least = Number(limits.least_capacity) > 1 ? 'rooms for ' + limits.least_capacity + ' or more' : '';
  const kinds = limits.type && limits.type !== 'All' ? limits.type.replaceAll('_', ' ').replaceAll(',', ', ') : '';
  const others = [count('occupied') + ' occupied', count('unknown') && count('unknown') + ' unknown'];
  return [kinds, least, ...others].filter(Boolean).join(' · ');
}

// At the top right: the time of the rooms. Of two zones both times, of more only that there are several.
function clocks() {
  const [now, found] = [new Date(), zones()];
  if (found.length <= 1) {
    return found.map((zone) => ({ words: clockIn(zone, now), share: 0.085, y: 0.36, bold: true }));
  }
  if (found.length > MOST_CLOCKS) {
    return [{ words: found.length + ' time zones', share: 0.042, y: 0.36 }];
  }
  return found.map((zone, at) => ({ words: clockIn(zone, now) + ' ' + city(zone), share: 0.042, y: 0.2 + 0.3 * at }));
}

function header() {
  const shown = clocks();
  const right = width - edge;
  const room = shown.length && shown[0].bold ? 3 * size(0.085) : shown.length ? size(0.36) : 0;
  return [
    text('headline', headline(), { x: edge, y: head * 0.36 }, size(0.075), { bold: true, room: width - 3 * edge - room }),
    text('summary', summary(), { x: edge, y: head * 0.78 }, size(0.036), {
      fill: kept.failedAt ? alarm : faint, room: width - 2 * edge,
    }),
    ...shown.map(({ words, share, y, bold = false }, at) =>
      text('clock' + (at || ''), words, { x: right, y: head * y }, size(share), { bold, align: 'right', room: room || Infinity })),
  ];
}

// Free rooms page by page where they do not fit; what room is left is the others'.
function page() {
  const places = columns * lines;
  const free = kept.rows.filter((row) => row.state === 'free');
  const others = kept.rows.filter((row) => row.state !== 'free');
  const pages = Math.max(1, Math.ceil(free.length / places));
  const number = Math.floor(Date.now() / PAGE_MS) % pages;
  const shown = free.slice(number * places, (number + 1) * places);
  const isLast = number === pages - 1;
  const added = isLast ? others.slice(0, places - shown.length) : [];
  return { pages, number, shown: [...shown, ...added], left: isLast ? others.length - added.length : 0 };
}

function footer({ pages, number, left }) {
  const y = height - foot / 2;
  const more = [pages > 1 && 'page ' + (number + 1) + ' of ' + pages, left > 0 && 'and ' + left + ' more that are not free']
    .filter(Boolean).join(' · ');
  const words = asOf(kept.at) + (kept.failedAt ? ', no answer ' + since(kept.failedAt) : '');
  const age = text('age', words, { x: width - edge, y }, size(0.034), {
    fill: kept.failedAt ? alarm : faint, align: 'right', room: width * 0.5,
  });
  ruler.font = age.style.font;
  const room = width - 3 * edge - ruler.measureText(age.style.text).width;
  return [text('more', more, { x: edge, y }, size(0.034), { fill: faint, room }), age];
}

// Where a room is, as far as the rooms shown are not all in one place.
function place(row) {
  const floors = new Set(kept.rows.map((one) => one.space));
  const buildings = new Set(kept.rows.map((one) => one.building));
  const floor = floors.size > 1 ? row.floor : '';
  return buildings.size > 1 && !row.floor.startsWith(row.building) ? row.building + ', ' + floor : floor;
}

function detail(row) {
  const minutes = Math.round((row.free_for_s ?? 0) / 60) + (row.free_exact ? '' : '+');
  const since = row.state === 'free' ? 'for ' + minutes + ' min' : row.free_for || row.reason.replace(/ since .*/, '');
  return [place(row), since].filter(Boolean).join(' · ');
}

function card(row, at) {
  const { word, fill } = STATES[row.state];
  const wide = (width - edge) / columns - edge;
  const x = edge + Math.floor(at / lines) * (wide + edge);
  const y = head + (at % lines) * line;
  const [high, tag, seats] = [size(0.1), size(0.235), row.capacity === null ? 0 : size(0.1)];
  const name = x + tag + size(0.02);
  const room = wide - tag - size(0.03) - seats;
  const isFree = row.state === 'free';
  const key = 'room' + at;
  const seatsAt = { x: x + wide - seats / 2, y: y + high * 0.36 };
  return [
    box(key + 'box', x, y, tag, high, fill),
    text(key + 'state', word, { x: x + tag / 2, y: y + high / 2 }, size(0.05), {
      bold: true, fill: '#ffffff', align: 'center', room: tag - size(0.02),
    }),
    text(key + 'name', row.room, { x: name, y: y + high * 0.34 }, size(0.052), { bold: isFree, fill: isFree ? ink : faint, room }),
    text(key + 'detail', detail(row), { x: name, y: y + high * 0.8 }, size(0.03), { fill: faint, room }),
    ...(seats
      ? [
          text(key + 'seats', String(row.capacity), seatsAt, size(0.052), { bold: isFree, fill: isFree ? ink : faint, align: 'center', room: seats }),
          text(key + 'places', row.capacity === 1 ? 'place' : 'places', { ...seatsAt, y: y + high * 0.8 }, size(0.03), { fill: faint, align: 'center', room: seats }),
        ]
      : []),
  ];
}

function elements() {
  if (!kept.rows || isStale()) {
    return header();
  }
  const shown = page();
  return [...header(), ...shown.shown.flatMap(card), ...footer(shown)];
}

const option = () => ({ backgroundColor: 'transparent', graphic: { elements: elements() } });

// Pages turn, and a page that nothing refreshes any more must not keep its rooms.
function tick() {
  if (!kept.failedAt && Date.now() - kept.ranAt > LONGEST_SILENCE_MS) {
    note('The page is not refreshed');
  }
  chart.setOption(option(), { replaceMerge: ['graphic'] });
}

async function begun() {
  const isReady = () => {
    space = replaceVariables('${floors:csv}');
    limits = { least_capacity: replaceVariables('${least_capacity}'), type: replaceVariables('${type:csv}') };
    return space && ![space, backend(), ...Object.values(limits)].join().includes('${');
  };
  await valuesOf(isReady, (reason) => {
    note(reason);
    chart.setOption(option(), { replaceMerge: ['graphic'] });
  });
  kept = board.of[JSON.stringify([space, limits])] ??= { rows: null, at: null, failedAt: null, reason: '' };
}

async function run() {
  await begun();
  kept.ranAt = Date.now();
  try {
    await look();
    kept.lastAt = Date.now();
  } catch (problem) {
    note(problem.message);
  }
  clearInterval(board.ticking);
  board.ticking = setInterval(() => {
    if (chart.isDisposed()) {
      clearInterval(board.ticking);
    } else {
      tick();
    }
  }, 5000);
  return option();
}

return run();
