// A row a room, a box a window by its floor's clock: the further from the background, the longer somebody was
// there. A window of which nothing is known has no box. Days of floors in several time zones stand below each
// other by their dates.
const { theme } = context.grafana;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const frames = context.panel.data.series.filter((one) => one.fields.some((field) => field.name === 'value'));
const rooms = frames.map((frame) => frame.name);
const timesOf = (frame) => Array.from(frame.fields.find((field) => field.type === 'time').values);
const first = frames.length ? timesOf(frames[0]) : [];
if (!first.length) {
  return { title: { text: 'No data', left: 'center', top: 'middle', textStyle: { color: ink } } };
}
const isDaily = first.length < 2 || first[1] - first[0] > 20 * 3600e3;
const FORMS = [
  { weekday: 'short' },
  { weekday: 'short', day: 'numeric', month: 'short' },
  { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  { hour: '2-digit', hourCycle: 'h23' },
];
const clocks = {};
const clockOf = (zone) =>
  (clocks[zone] ??= [
    ...FORMS.map((form) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...form })),
    new Intl.DateTimeFormat('en-CA', { timeZone: zone }),
  ]);
// Each window once, whichever rooms have it: a day by its date, a shorter one by its beginning.
const all = new Map();
const values = frames.map((frame) => {
  const [weekday, day, minute, hour, date] = clockOf(frame.meta?.custom?.timezone ?? 'UTC');
  const own = Array.from(frame.fields.find((field) => field.name === 'value').values);
  return new Map(
    timesOf(frame).map((t, i) => {
      const key = isDaily ? date.format(t) : t;
      const one = all.get(key) ?? {
        key, weekday: weekday.format(t), day: day.format(t), minute: minute.format(t), hour: Number(hour.format(t)),
      };
      one.isKnown ||= own[i] != null;
      all.set(key, one);
      return [key, own[i]];
    }),
  );
});
const times = [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
const known = times.filter((one) => one.isKnown);
// Without the days of the week, and the hours before and after those, that do not count.
const weekdays = new Set(known.map((one) => one.weekday));
const hours = known.map((one) => one.hour);
const [opens, last] = [Math.min(...hours), Math.max(...hours)];
const counted = times.filter(
  (one) => weekdays.has(one.weekday) && (isDaily || (one.hour >= opens && one.hour <= last)),
);
const windows = counted.map((one) => one.day + (isDaily ? '' : ', ' + one.minute));
const days = counted.map((one) => one.day);
const isOneDay = new Set(days).size < 2;
const per = isDaily ? 3600 : 60;
const data = values.flatMap((own, row) =>
  counted.flatMap(({ key }, at) => (own.get(key) == null ? [] : [[at, row, own.get(key) / per]])),
);
const largest = Math.max(...data.map(([, , v]) => v), 1);
const written = (v) =>
  isDaily ? Math.floor(v) + ' h ' + String(Math.floor((v % 1) * 60)).padStart(2, '0') + ' min' : Math.round(v) + ' min';
const unit = isDaily ? ' h' : ' min';
const blues = ['#0b1f3a', '#1f4e8c', '#3d7dd1', '#7fb2f0', '#d3e6ff'];
// Of many windows of several days the first of each day says which it is.
const axis = isDaily || isOneDay
  ? { hideOverlap: true, formatter: (text) => (isDaily ? text : text.split(', ')[1]) }
  : { interval: (at) => at === 0 || days[at] !== days[at - 1], formatter: (text) => text.split(', ')[0], align: 'left', hideOverlap: true };
return {
  backgroundColor: 'transparent',
  animation: false,
  tooltip: { formatter: ({ value: [x, y, v] }) => rooms[y] + ', ' + windows[x] + ': ' + written(v) },
  grid: { left: 8, right: 70, top: 4, bottom: 4, containLabel: true },
  xAxis: {
    type: 'category', data: windows, axisLabel: { color: ink, fontSize: 11, ...axis },
    axisTick: { show: false }, axisLine: { show: false },
  },
  yAxis: {
    type: 'category', data: rooms, inverse: true, // Of very many rooms not each has its name.
    axisLabel: { color: ink, fontSize: 11, interval: rooms.length > 40 ? 'auto' : 0 },
    axisTick: { show: false }, axisLine: { show: false },
  },
  visualMap: {
    min: 0, max: largest, dimension: 2, calculable: false, right: 0, top: 'middle', itemWidth: 10, itemHeight: 120,
    text: [Math.round(largest) + unit, '0' + unit], textStyle: { color: ink, fontSize: 11 },
    inRange: { color: theme.isDark ? blues : [...blues].reverse() },
  },
  series: [{
    type: 'heatmap', data,
    itemStyle: { borderColor: theme.isDark ? '#181b1f' : '#ffffff', borderWidth: counted.length > 100 ? 0 : 1 },
  }],
};
